package local

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeGo prints what go test prints for each of the stages that have figures.
const fakeGo = `#!/bin/sh
case "$*" in
*provision*) echo "  10 s: 1 of 9"; echo "crash points: 9 scenarios"; echo "races: 3"; echo "laws: 2" ;;
*walk*) echo "=== RUN   TestWalks"; echo "    walk_test.go:44: random walks: 7"; echo "--- PASS: TestWalks (1.00s)" ;;
*Fuzz*) echo "fuzz: elapsed: 17s, execs: 1 (1/sec)"; echo "fuzz: elapsed: 20s, execs: 2 (1/sec)"; echo PASS ;;
esac
echo "Runtime process exited abnormally: waitid: no child processes"
echo "ok  	bucketuser/some/package	1.0s"
`

// withGo returns the repository, and the environment in which a script stands for the go command.
func withGo(t *testing.T, script string) (root string, env []string) {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return root, append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
}

// The figures of make test hold nothing of what go test says beside them.
func TestFiguresAreFigures(t *testing.T) {
	root, env := withGo(t, fakeGo)
	file := filepath.Join(t.TempDir(), "figures")
	cmd := exec.Command("make", "crash", "walks", "fuzz", "FIGURES="+file)
	cmd.Dir, cmd.Env = root, env
	output, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "ok  \tbucketuser") {
		t.Fatalf("%v\n%s", err, output)
	}
	figures, err := os.ReadFile(file)
	const want = "crash points: 9 scenarios\nraces: 3\nlaws: 2\nrandom walks: 7\n" +
		"FuzzParse fuzz: elapsed: 20s, execs: 2 (1/sec)\nFuzzHandle fuzz: elapsed: 20s, execs: 2 (1/sec)\nFuzzEmpty fuzz: elapsed: 20s, execs: 2 (1/sec)\n"
	if err != nil || string(figures) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, figures, want)
	}
}

// A command is compiled into .local and runs with its clock from before that. Ctrl-C while it compiles leaves nothing.
func TestRunCompilesFirst(t *testing.T) {
	const compiles = "#!/bin/sh\nsleep ${COMPILES:-0}\nprintf '#!/bin/sh\\necho \"$BEGAN $*\"\\n' > \"$3\"\nchmod +x \"$3\"\n"
	root, env := withGo(t, compiles)
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".local"), 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(more ...string) *exec.Cmd {
		cmd := exec.Command("sh", filepath.Join(root, "infra", "local", "run.sh"), "thing", "./thing", "a", "b c")
		cmd.Dir, cmd.Env, cmd.SysProcAttr = dir, append(env, more...), &syscall.SysProcAttr{Setpgid: true}
		return cmd
	}
	output, err := run().Output()
	began, words, _ := strings.Cut(string(output), " ")
	if err != nil || words != "a b c\n" || len(began) != 10 {
		t.Errorf("%v: %q", err, output)
	}
	slow := run("COMPILES=60")
	if err := slow.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	if err := syscall.Kill(-slow.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := slow.Wait(); err == nil {
		t.Error("it went on")
	}
}
