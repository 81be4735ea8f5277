package local

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

const stampFile = "installed" // in a toolset's directory, written last

// Tools are the programs that [Install] has installed, as absolute paths. A field
// is empty if the command that they were installed for does not need it.
type Tools struct {
	CDK        string // the cdk CLI
	Emulator   string // Python with ministack
	Launcher   string // the directory that Emulator runs to start the embedded AWS
	ClickHouse string // Python with chdb
	Clients    string // the folder of the programs aws and python3, which has boto3
	CfnLint    string
	Moto       string // Python with moto
	MotoServer string // the directory that Moto runs to start it
	Checks     Checks
	CDKHandler string // program for Node.js that empties a bucket as the CDK does

	NodeModules string // of the example in TypeScript
	PythonBin   string // of the virtual environment of the example in Python
}

// Install installs what the command needs into <root>/.local/tools. Before that it prints to out
// what all of it will cost, and a line for each toolset before it is installed. A toolset that is there, and
// whose pins have not changed since, is left alone. Processes that do it at the
// same time wait for each other.
//
// It fails before anything is installed if python3 or npm is missing or too old.
// A toolset whose installation failed or was interrupted is installed from the
// beginning the next time.
func Install(ctx context.Context, root string, command Command, out io.Writer) (Tools, error) {
	tools, err := install(ctx, root, command, out)
	if err != nil {
		return Tools{}, fmt.Errorf("%s: %w", command, err)
	}
	return tools, nil
}

func install(ctx context.Context, root string, command Command, out io.Writer) (tools Tools, err error) {
	sets, err := toolsetsFor(command)
	if err != nil {
		return Tools{}, err
	}
	dir, err := filepath.Abs(filepath.Join(root, ".local", "tools"))
	if err != nil {
		return Tools{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Tools{}, err
	}
	unlock, err := lock(ctx, filepath.Join(dir, "lock"), out)
	if err != nil {
		return Tools{}, err
	}
	defer unlock()
	i := installer{repository: os.DirFS(root), dir: dir, out: out}
	if err := i.ensure(ctx, sets); err != nil {
		return Tools{}, err
	}
	for _, set := range sets {
		set.provide(&tools, filepath.Join(dir, set.dir))
	}
	return tools, nil
}

// installer installs toolsets into dir.
type installer struct {
	repository fs.FS
	dir        string
	out        io.Writer
}

// ensure installs the sets that are not there as their pins say.
func (i installer) ensure(ctx context.Context, sets []toolset) error {
	stamps, err := i.outdated(ctx, sets)
	if err != nil {
		return err
	}
	i.announce(sets, stamps)
	for _, set := range sets {
		if stamp, ok := stamps[set.dir]; ok {
			if err := i.install(ctx, set, stamp); err != nil {
				return fmt.Errorf("%s: %w", set.name, err)
			}
		}
		if err := i.copy(set, set.programs); err != nil {
			return fmt.Errorf("%s: %w", set.name, err)
		}
	}
	return nil
}

// outdated returns the stamps of the sets that have to be installed. It fails if a
// program is missing that one of them needs, so that nothing is downloaded in vain.
func (i installer) outdated(ctx context.Context, sets []toolset) (map[string]string, error) {
	stamps := map[string]string{}
	for _, set := range sets {
		want, err := i.stamp(set)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", set.name, err)
		}
		if have, err := os.ReadFile(filepath.Join(i.dir, set.dir, stampFile)); err == nil && string(have) == want {
			continue
		}
		if err := set.registry.check(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", set.name, err)
		}
		stamps[set.dir] = want
	}
	return stamps, nil
}

// announce says what the installation of all that is missing takes, before any of it is spent.
func (i installer) announce(sets []toolset, missing map[string]string) {
	disk, download := 0, 0
	for _, set := range sets {
		if _, ok := missing[set.dir]; ok {
			disk, download = disk+set.megabytes, download+set.download
		}
	}
	if len(missing) > 0 {
		fmt.Fprintf(i.out, "to install, once: %d MB to download, %d MB on disk in .local/tools\n", download, disk)
	}
}

// check fails if a program is missing, too old or incomplete.
func (r registry) check(ctx context.Context) error {
	for _, program := range r.needs {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s not found: %s", program, r.hint)
		}
	}
	if output, err := exec.CommandContext(ctx, r.probe[0], r.probe[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s\n%s", r.probe[0], err, r.hint, bytes.TrimSpace(output))
	}
	return nil
}

// install makes the set's directory anew.
func (i installer) install(ctx context.Context, set toolset, stamp string) error {
	fmt.Fprintf(i.out, "installing the %s (%d MB)\n", set.name, set.megabytes)
	dir := filepath.Join(i.dir, set.dir)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	temporary := filepath.Join(dir, "tmp") // which is left if this process is killed, and goes with the rest the next time
	if err := os.MkdirAll(temporary, 0o755); err != nil {
		return err
	}
	if err := i.copy(set, set.pins()); err != nil {
		return err
	}
	for _, step := range set.registry.steps {
		cmd := Child(ctx, step[0], step[1:]...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TMPDIR="+temporary)
		output, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted: %w", context.Cause(ctx))
		}
		if err != nil && set.registry.offline.Match(output) {
			return fmt.Errorf("%s\n%s", set.registry.unreached, bytes.TrimSpace(output))
		}
		if err != nil {
			return fmt.Errorf("%s: %w (%s)\n%s", strings.Join(step, " "), err, set.registry.reach, bytes.TrimSpace(output))
		}
	}
	if err := os.RemoveAll(temporary); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, stampFile), []byte(stamp), 0o644)
}

// pins are the paths of the set's pins in the repository.
func (s toolset) pins() []string {
	var paths []string
	for _, name := range s.registry.pins {
		paths = append(paths, path.Join(s.from, name))
	}
	return paths
}

// stamp identifies the pins, the steps, and dir, because a virtual environment does
// not survive being moved.
func (i installer) stamp(set toolset) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%q %q\n", i.dir, set.registry.steps)
	for _, pin := range set.pins() {
		b, err := fs.ReadFile(i.repository, pin)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%q %d\n%s", pin, len(b), b)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// copy copies files and folders of the repository into the set's directory.
func (i installer) copy(set toolset, paths []string) error {
	for _, from := range paths {
		err := fs.WalkDir(i.repository, from, func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			below := strings.TrimPrefix(file, path.Dir(from)+"/")
			return i.copyFile(file, filepath.Join(i.dir, set.dir, filepath.FromSlash(below)))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// copyFile leaves a file alone that is right already: somebody may be reading it.
func (i installer) copyFile(from, to string) error {
	want, err := fs.ReadFile(i.repository, from)
	if err != nil {
		return err
	}
	if have, err := os.ReadFile(to); err == nil && bytes.Equal(have, want) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, want, 0o644)
}
