//go:build e2e

package e2e

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/compile"
	"bucketuser/infra/internal/release"
)

const releaseVersion = "1.2.3"

// released makes a release as make release does, once, and returns its files.
var released = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "bucketuser-release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	command := filepath.Join(dir, "command")
	if err := runQuietly(root, nil, "go", "build", "-o", command, "./infra/release"); err != nil {
		return nil, err
	}
	files, err := releaseOf(command, root, filepath.Join(dir, "here"))
	if err != nil {
		return nil, err
	}
	// The second one is of the same sources in another place, by a user with settings of Go that would make other bytes.
	elsewhere, home := filepath.Join(dir, "a", "longer", "path"), filepath.Join(dir, "home")
	settings := filepath.Join(home, ".config", "go", "env") // as go env -w writes it
	if err := os.MkdirAll(filepath.Dir(settings), 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(settings, []byte("GOAMD64=v3\nGOARM64=v8.1\nGOFLAGS=-ldflags=-X=main.version=9\n"), 0o644); err != nil {
		return nil, err
	}
	for _, part := range []string{"lambda", "infra"} {
		if err := os.CopyFS(filepath.Join(elsewhere, part), os.DirFS(filepath.Join(root, part))); err != nil {
			return nil, err
		}
	}
	for _, file := range []string{"go.mod", "go.sum", release.LicenceFile} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(elsewhere, file), text, 0o644); err != nil {
			return nil, err
		}
	}
	where, err := goSettings("GOCACHE", "GOMODCACHE") // else everything is downloaded and compiled anew; so it is with the CDK below
	if err != nil {
		return nil, err
	}
	caches, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	again, err := releaseOf(command, elsewhere, filepath.Join(elsewhere, "out"),
		append(where, "HOME="+home, "XDG_CONFIG_HOME=", "GOENV=", "GOFLAGS=", "GOFIPS140=latest",
			"JSII_RUNTIME_PACKAGE_CACHE_ROOT="+filepath.Join(caches, "aws", "jsii", "package-cache"))...)
	if err != nil {
		return nil, err
	}
	if diff := cmp.Diff(digests(files), digests(again)); diff != "" {
		return nil, fmt.Errorf("releases made in two places differ:\n%s", diff)
	}
	return files, nil
})

// goSettings are settings of Go, as NAME=value.
func goSettings(names ...string) (settings []string, err error) {
	for _, name := range names {
		value, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return nil, fmt.Errorf("go env %s: %w", name, err)
		}
		settings = append(settings, name+"="+strings.TrimSpace(string(value)))
	}
	return settings, nil
}

func runQuietly(dir string, env []string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, output)
	}
	return nil
}

func releaseOf(command, root, dir string, env ...string) (map[string][]byte, error) {
	cmd := exec.Command(command, "-version", releaseVersion, "-out", dir)
	cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
	told, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("release: %w\n%s", err, told)
	}
	if lines := regexp.MustCompile(`(?m)^ *[0-9]+ s  bucketuser\S+$`).FindAll(told, -1); len(lines) != release.Built() {
		return nil, fmt.Errorf("release: tells of %d files that were built, and not of %d:\n%s", len(lines), release.Built(), told)
	}
	entries, err := os.ReadDir(dir)
	files := map[string][]byte{}
	for _, entry := range entries {
		text, readErr := os.ReadFile(filepath.Join(dir, entry.Name()))
		files[entry.Name()], err = text, errors.Join(err, readErr)
	}
	return files, err
}

func digests(files map[string][]byte) map[string]string {
	sums := map[string]string{}
	for name, content := range files {
		sums[name] = fmt.Sprintf("%x", sha256.Sum256(content))
	}
	return sums
}

func TestReleaseIsTheSameFromEveryPathAndUser(t *testing.T) {
	files := cloudtest.Must(released())(t)
	got := digests(files)
	if len(got) != 12 {
		t.Errorf("files: %v", got)
	}
	lines := 0
	for line := range strings.Lines(string(files[release.SumsFile])) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if got[name] != sum {
			t.Errorf("%s: %s, in %s it is %s", name, got[name], release.SumsFile, sum)
		}
		lines++
	}
	if lines != 11 {
		t.Errorf("%d sums", lines)
	}
	figure("release: 2 builds from different paths, by different users, %d files, 0 that differ", len(got))
}

func TestReleasedZipHoldsAnExecutable(t *testing.T) {
	files := cloudtest.Must(released())(t)
	for _, architecture := range []string{"amd64", "arm64"} {
		content := files[compile.ZipFile(releaseVersion, architecture)]
		archive := cloudtest.Must(zip.NewReader(bytes.NewReader(content), int64(len(content))))(t)
		if len(archive.File) != 1 || archive.File[0].Name != "bootstrap" || archive.File[0].Mode() != 0o755 {
			t.Errorf("%s: %d files, first %s %v", architecture, len(archive.File), archive.File[0].Name, archive.File[0].Mode())
		}
	}
}

// maxZip is how large the function may be as it is downloaded. The first start of each instance
// waits for that.
const maxZip = 4_000_000 // bytes

func TestReleasedZipIsSmall(t *testing.T) {
	size := len(cloudtest.Must(released())(t)[compile.ZipFile(releaseVersion, "arm64")])
	figure("release: the zip for arm64 has %.2f MB", float64(size)/1e6)
	if size > maxZip {
		t.Errorf(`the zip for arm64 has %d bytes, more than %d: see which import has brought what
	some 100 KB more: go build -tags %s -o .local/function ./lambda && go tool nm -size -sort size .local/function
	some MB more, so that every exported method is kept: go build -a -ldflags -dumpdep -tags %[3]s -o .local/function ./lambda 2>&1 | grep ReflectMethod`,
			size, maxZip, compile.Tags)
	}
}

// TestReleasedFunctionAnswersNoLoopback gives the released function and the local
// build the same event, whose ResponseURL is on the loopback interface.
func TestReleasedFunctionAnswersNoLoopback(t *testing.T) {
	t.Parallel()
	content := cloudtest.Must(released())(t)[compile.ZipFile(releaseVersion, runtime.GOARCH)]
	archive := cloudtest.Must(zip.NewReader(bytes.NewReader(content), int64(len(content))))(t)
	file := cloudtest.Must(archive.File[0].Open())(t)
	fromRelease := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(fromRelease, cloudtest.Must(io.ReadAll(file))(t), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		function, told string
		answers        int
	}{
		"release":     {fromRelease, "error", 0},
		"local build": {filepath.Join(cloud.Function.Dir, "bootstrap"), "response", 1},
	} {
		t.Run(name, func(t *testing.T) {
			told, answers := invokeOnce(t, test.function)
			if told != test.told || answers != test.answers {
				t.Errorf("Lambda was told %q, and there were %d answers; want %q and %d", told, answers, test.told, test.answers)
			}
		})
	}
}

// invokeOnce runs a function as Lambda does for one Delete that has nothing to do,
// and returns whether it reported a response or an error, and how many answers came.
func invokeOnce(t *testing.T, function string) (told string, answers int) {
	t.Helper()
	done, delivered := make(chan string, 1), false
	var mu sync.Mutex
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	defer server.Close()
	mux.HandleFunc("PUT /answer", func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		answers++
	})
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", func(w http.ResponseWriter, r *http.Request) {
		if delivered {
			<-r.Context().Done()
			return
		}
		delivered = true
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(20*time.Second).UnixMilli()))
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:000000000000:function:f")
		fmt.Fprintf(w, `{"RequestType":"Delete","RequestId":"r","StackId":"none","LogicalResourceId":"L","PhysicalResourceId":"p",
			"ResponseURL":"%s/answer","ResourceProperties":{}}`, server.URL)
	})
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/1/{outcome}", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		done <- r.PathValue("outcome")
	})
	process := exec.Command(function)
	process.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(server.URL, "http://"), "AWS_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none"}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = process.Process.Kill() // it waits for another event
		_ = process.Wait()         // killed, as was intended
		server.CloseClientConnections()
	}()
	select {
	case told = <-done:
	case <-time.After(20 * time.Second):
		t.Fatal("the function does not come to an end")
	}
	mu.Lock()
	defer mu.Unlock()
	return told, answers
}
