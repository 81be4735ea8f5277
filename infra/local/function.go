package local

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"bucketuser/infra/internal/compile"
)

// BuildFunction compiles the function for this machine into <dir>/bootstrap: for
// its own architecture, since the emulator runs it as a process, and with answers
// to a loopback ResponseURL allowed, which a release refuses. Further variables are
// set as well, each as in "package/path.name=value". It returns what the cdk CLI needs to
// deploy that with any app, instead of the function that the app would.
func BuildFunction(ctx context.Context, root, dir string, variables ...string) (contextArgs []string, err error) {
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	target := filepath.Join(dir, "bootstrap")
	linked := []string{"-X main.allowLoopback=yes"}
	for _, variable := range variables {
		linked = append(linked, "-X "+variable)
	}
	arguments := append(compile.Arguments(target, linked...), "-tags", compile.Tags+","+compile.Loopback, "./lambda")
	cmd := Child(ctx, "go", arguments...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("function: go build: %w\n%s", err, output)
	}
	architecture := "arm64"
	if runtime.GOARCH == "amd64" {
		architecture = "x86_64"
	}
	return []string{"-c", "bucketuser:code=" + dir, "-c", "bucketuser:architecture=" + architecture}, nil
}

// ZipFunction packs the function in the folder dir into the file <dir>.zip, as Lambda takes it. With a template of a
// release it takes the place of the release's own.
func ZipFunction(dir string) error {
	file, err := os.Create(dir + ".zip")
	if err != nil {
		return err
	}
	archive := zip.NewWriter(file)
	return errors.Join(archive.AddFS(os.DirFS(dir)), archive.Close(), file.Close())
}
