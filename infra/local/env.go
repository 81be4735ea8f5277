package local

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// emulatorEnv is the emulator's whole environment. Nothing is inherited but
// PATH, because its functions inherit everything that it has.
func emulatorEnv(a *AWS, port int, keyFile string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + filepath.Join(a.dir, "emulator"),
		"TMPDIR=" + a.temporary(),
		"STATE_DIR=" + filepath.Join(a.dir, "emulator", "state"),
		"S3_DATA_DIR=" + filepath.Join(a.dir, "emulator", "s3"),
		"BIND_HOST=127.0.0.1", // its default is every interface
		"MINISTACK_HOST=127.0.0.1",
		"GATEWAY_PORT=" + strconv.Itoa(port),
		"MINISTACK_REGION=" + a.Region,
		"AUTH=true",
		"USE_SSL=1",
		"MINISTACK_SSL_CERT=" + a.CertFile,
		"MINISTACK_SSL_KEY=" + keyFile,
		"SFTP_ENABLED=0",
		"IOT_MTLS_ENABLED=0",
		// For its functions: without an endpoint they would call the real AWS.
		"AWS_ENDPOINT_URL=" + a.Endpoint,
		"AWS_CA_BUNDLE=" + a.CertFile,
		"SSL_CERT_FILE=" + a.CertFile,
	}
}

// env is what the corrections read of the times of rotations.
func (r Rotation) env() []string {
	var env []string
	for name, time := range map[string]time.Duration{"ROTATION_DAY_SECONDS": r.Day, "ROTATION_RETRY_SECONDS": r.Retry} {
		if time > 0 {
			env = append(env, fmt.Sprintf("%s=%g", name, time.Seconds()))
		}
	}
	return env
}

// clientVars point any AWS client and the cdk CLI at the embedded AWS as its root.
func (a *AWS) clientVars() [][2]string {
	return [][2]string{
		{"AWS_ENDPOINT_URL", a.Endpoint},
		{"AWS_CA_BUNDLE", a.CertFile},
		{"SSL_CERT_FILE", a.CertFile},
		{"AWS_ACCESS_KEY_ID", RootKey},
		{"AWS_SECRET_ACCESS_KEY", RootKey},
		{"AWS_REGION", a.Region},
		{"AWS_DEFAULT_REGION", a.Region},
		{"AWS_EC2_METADATA_DISABLED", "true"},
		{"AWS_CONFIG_FILE", os.DevNull},
		{"AWS_SHARED_CREDENTIALS_FILE", os.DevNull},
		{"CDK_HOME", filepath.Join(a.dir, "cdk")}, // it remembers which account a key belongs to
		{"CDK_DISABLE_CLI_TELEMETRY", "true"},
		{"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20"},
		{"NODE_NO_WARNINGS", "1"},
	}
}

// Env is the environment for a child process that should talk to the embedded
// AWS: this process's own, without its AWS settings, with clientVars. Proxies
// stay for other hosts; loopback is exempt from them.
func (a *AWS) Env() []string {
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return isAWSVar(name) || strings.EqualFold(name, "NO_PROXY")
	})
	for _, v := range a.clientVars() {
		env = append(env, v[0]+"="+v[1])
	}
	bypass := noProxy()
	return append(env, "NO_PROXY="+bypass, "no_proxy="+bypass)
}

// WriteEnv writes a shell script to path, readable by the owner only. Sourcing
// it does to a shell what Env does to a child process, and puts the command cdk
// of WriteShell first in PATH, or the pinned cdk CLI without that.
func (a *AWS) WriteEnv(path string) error {
	if err := Loopback(a.Endpoint); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("# Points AWS clients and the cdk CLI at the embedded AWS. Source it; a new shell forgets it.\n")
	b.WriteString("for name in $(env | sed -n 's/^\\(\\(AWS\\|CDK\\)_[A-Za-z0-9_]*\\)=.*/\\1/p'); do unset \"$name\"; done\n")
	for _, v := range a.clientVars() {
		fmt.Fprintf(&b, "export %s=%s\n", v[0], shellQuote(v[1]))
	}
	// Any app with the construct takes the demo's function from there.
	fmt.Fprintf(&b, "export %s=%s\n", functionVariable, shellQuote(filepath.Join(a.dir, "function")))
	fmt.Fprintf(&b, "export NO_PROXY=%s\nexport no_proxy=\"$NO_PROXY\"\n", shellQuote(noProxy()))
	fmt.Fprintf(&b, "export PATH=%s:%s:\"$PATH\"\n", shellQuote(filepath.Dir(ShellCDK(a.dir))), shellQuote(filepath.Dir(a.tools.CDK)))
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

// functionVariable is the CodeVariable of package bucketuser, which this one does not link.
const functionVariable = "BUCKETUSER_CODE"

// isAWSVar reports whether an environment variable could lead a client or the
// cdk CLI away from the embedded AWS.
func isAWSVar(name string) bool {
	return strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "CDK_") || name == "SSL_CERT_FILE" || name == functionVariable
}

// noProxy is this process's list of hosts without proxy, and loopback.
func noProxy() string {
	hosts := []string{"127.0.0.1", "localhost"}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		for host := range strings.SplitSeq(os.Getenv(name), ",") {
			if host = strings.TrimSpace(host); host != "" && !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	return strings.Join(hosts, ",")
}

// shellQuote makes s one word of a POSIX shell.
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
