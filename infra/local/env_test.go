package local

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// aws is an embedded AWS that does not run, in a directory with an awkward name.
func awkward(t *testing.T) *AWS {
	t.Helper()
	dir := filepath.Join(t.TempDir(), `it's "$HOME" `+"`x`")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return &AWS{
		Endpoint: "https://127.0.0.1:4566", Region: "eu-central-1", CertFile: filepath.Join(dir, "cert.pem"), dir: dir,
		tools: Tools{CDK: filepath.Join(dir, "bin", "cdk")},
	}
}

func setForeignVariables(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_PROFILE": "production", "AWS_SESSION_TOKEN": "token", "AWS_ENDPOINT_URL_S3": "https://s3.amazonaws.com",
		"CDK_DEFAULT_ACCOUNT": "111111111111", "SSL_CERT_FILE": "/other.pem", "NO_PROXY": "intranet", "KEPT": "kept", "BUCKETUSER_CODE": "/other",
	} {
		t.Setenv(name, value)
	}
}

func wantEnv(t *testing.T, a *AWS, env []string) {
	t.Helper()
	for _, entry := range env {
		name, _, _ := strings.Cut(entry, "=")
		if slices.Contains([]string{"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "CDK_DEFAULT_ACCOUNT"}, name) || entry == "BUCKETUSER_CODE=/other" {
			t.Errorf("%s is still there", name)
		}
	}
	for _, entry := range []string{
		"AWS_ENDPOINT_URL=https://127.0.0.1:4566", "AWS_CA_BUNDLE=" + a.CertFile, "SSL_CERT_FILE=" + a.CertFile,
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=eu-central-1",
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_CONFIG_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
		"CDK_HOME=" + filepath.Join(a.dir, "cdk"), "NO_PROXY=127.0.0.1,localhost,intranet", "KEPT=kept",
	} {
		if !slices.Contains(env, entry) {
			t.Errorf("no %s", entry)
		}
	}
}

func TestEnvLeadsNowhereElse(t *testing.T) {
	setForeignVariables(t)
	a := awkward(t)
	wantEnv(t, a, a.Env())
}

func TestSourcedEnvLeadsNowhereElse(t *testing.T) {
	setForeignVariables(t)
	a := awkward(t)
	file := filepath.Join(a.dir, "env.sh")
	if err := a.WriteEnv(file); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("sh", "-e", "-u", "-c", `. "$1"; env`, "sh", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	env := strings.Split(string(out), "\n")
	wantEnv(t, a, env)
	if !slices.Contains(env, "BUCKETUSER_CODE="+filepath.Join(a.dir, "function")) {
		t.Error("an app with the construct would not take the demo's function")
	}
	if !slices.ContainsFunc(env, func(entry string) bool { return strings.HasPrefix(entry, "PATH="+a.dir+"/bin:") }) {
		t.Error("the cdk CLI is not first in PATH")
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}

// Functions inherit what the emulator has: nothing of this process but PATH.
func TestEmulatorInheritsNothing(t *testing.T) {
	setForeignVariables(t)
	a := awkward(t)
	for _, entry := range emulatorEnv(a, 4566, "key.pem") {
		name, value, _ := strings.Cut(entry, "=")
		if name != "PATH" && os.Getenv(name) == value {
			t.Errorf("%s is inherited", name)
		}
	}
	env := emulatorEnv(a, 4566, "key.pem")
	for _, entry := range []string{"BIND_HOST=127.0.0.1", "AUTH=true", "USE_SSL=1", "AWS_ENDPOINT_URL=" + a.Endpoint} {
		if !slices.Contains(env, entry) {
			t.Errorf("no %s", entry)
		}
	}
}

func TestShellQuote(t *testing.T) {
	for _, s := range []string{"", "plain", "a b", "it's", `"$HOME"`, "`x`", "a\nb", `\`, "''"} {
		out, err := exec.Command("sh", "-c", "printf %s "+shellQuote(s)).Output()
		if err != nil || string(out) != s {
			t.Errorf("%q becomes %q (%v)", s, out, err)
		}
	}
}

func TestRotationHasItsTimesInTheEnvironment(t *testing.T) {
	if got := (Rotation{}).env(); len(got) > 0 {
		t.Errorf("nothing is set: got %v", got)
	}
	got := Rotation{Day: 90 * time.Second, Retry: 100 * time.Millisecond}.env()
	slices.Sort(got)
	if want := []string{"ROTATION_DAY_SECONDS=90", "ROTATION_RETRY_SECONDS=0.1"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
