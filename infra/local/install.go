package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// pins name every package of PyPI and npm with its hash; launcher starts the
// emulator with its corrections.
//
//go:embed requirements.txt package.json package-lock.json launcher/*.py launcher/corrections/*.py moto/requirements.txt
//go:embed checks/package.json checks/package-lock.json checks/*.mjs
var pins embed.FS

// Tools are the programs that [Install] makes available.
type Tools struct {
	Dir      string // <root>/.local
	Python   string // the virtual environment's, with chdb and ministack
	CfnLint  string
	CDK      string
	Launcher string // the directory that Python runs to start the emulator
}

// toolset is one part of the tools: its pins, and the commands that make its
// directory from them.
type toolset struct {
	name  string
	made  string // directory under Tools.Dir
	pins  []string
	needs string // program, and what to do if it is missing
	hint  string
	steps [][]string // run in Tools.Dir
}

func (t Tools) toolsets() []toolset {
	return []toolset{
		{
			name: "Python packages", made: "venv", pins: []string{"requirements.txt"},
			needs: "python3", hint: "install Python 3.10 or newer with its venv module (Debian: apt install python3-venv)",
			steps: [][]string{
				{"python3", "-c", "import sys; sys.exit(sys.version_info < (3, 10) and 'Python is too old: ' + sys.version)"},
				{"python3", "-m", "venv", "--clear", "venv"},
				{t.Python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", "requirements.txt"},
			},
		},
		{
			name: "cdk CLI", made: "node_modules", pins: []string{"package.json", "package-lock.json"},
			needs: "npm", hint: "install Node.js 20 or newer, which comes with npm",
			steps: [][]string{
				{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"},
			},
		},
	}
}

// Install makes <root>/.local/venv and <root>/.local/node_modules from the
// pinned packages, unless they are there and the pins have not changed since.
// It prints a line to out for each that it makes. Processes that do it at the
// same time wait for each other.
func Install(ctx context.Context, root string, out io.Writer) (Tools, error) {
	dir, err := filepath.Abs(filepath.Join(root, ".local"))
	if err != nil {
		return Tools{}, err
	}
	tools := Tools{
		Dir:      dir,
		Python:   filepath.Join(dir, "venv", "bin", "python3"),
		CfnLint:  filepath.Join(dir, "venv", "bin", "cfn-lint"),
		CDK:      filepath.Join(dir, "node_modules", ".bin", "cdk"),
		Launcher: filepath.Join(dir, "launcher"),
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Tools{}, err
	}
	unlock, err := lock(ctx, filepath.Join(dir, "install.lock"))
	if err != nil {
		return Tools{}, fmt.Errorf("tools: %w", err)
	}
	defer unlock()

	if err := unpack(dir); err != nil {
		return Tools{}, fmt.Errorf("tools: %w", err)
	}
	for _, set := range tools.toolsets() {
		if err := set.ensure(ctx, dir, out); err != nil {
			return Tools{}, fmt.Errorf("tools: %s: %w", set.name, err)
		}
	}
	return tools, nil
}

// ensure makes the set's directory if the stamp in it, written last, does not
// name the present pins.
func (s toolset) ensure(ctx context.Context, dir string, out io.Writer) error {
	want, err := s.stamp(dir)
	if err != nil {
		return err
	}
	stampFile := filepath.Join(dir, s.made, ".pins")
	if have, err := os.ReadFile(stampFile); err == nil && string(have) == want {
		return nil
	}
	if _, err := exec.LookPath(s.needs); err != nil {
		return fmt.Errorf("%s not found: %s", s.needs, s.hint)
	}
	fmt.Fprintf(out, "installing the %s into .local/%s (once)\n", s.name, s.made)
	for _, step := range s.steps {
		cmd := exec.CommandContext(ctx, step[0], step[1:]...)
		cmd.Dir = dir
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s %s: %w (%s)\n%s", filepath.Base(step[0]), step[1], err, s.hint, bytes.TrimSpace(output))
		}
	}
	return os.WriteFile(stampFile, []byte(want), 0o644)
}

// stamp identifies the pins and dir, because a virtual environment does not
// survive being moved.
func (s toolset) stamp(dir string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, dir)
	for _, pin := range s.pins {
		b, err := pins.ReadFile(pin)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s", pin, len(b), b)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// unpack writes pins and launcher to dir, leaving files alone that are right already.
func unpack(dir string) error {
	return fs.WalkDir(pins, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, path)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		want, err := pins.ReadFile(path)
		if err != nil {
			return err
		}
		if have, err := os.ReadFile(target); err == nil && bytes.Equal(have, want) {
			return nil
		}
		return os.WriteFile(target, want, 0o644)
	})
}

// lock waits until this process holds the lock file alone, or ctx ends.
func lock(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			file.Close()
			return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("waiting for another installation: %w", ctx.Err())
		case <-tick.C:
		}
	}
}
