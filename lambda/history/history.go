// Package history has earlier versions of the product, as they were released, for the
// tests that hold this one to serving what those have made.
//
// It reads infra/CHANGELOG.md for the commits and git for their files. It refuses to know
// what a version does.
package history

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// A Version is a released version.
type Version struct {
	Name   string // such as 0.1.0
	Commit string // 40 hexadecimal digits
}

var entry = regexp.MustCompile("(?m)^## \\[([0-9][^\\]]*)\\]\n+Commit `([0-9a-f]{40})`")

// Versions returns the released versions, the newest first. Root is the directory of the
// repository. It is an error if there is none.
func Versions(root string) ([]Version, error) {
	text, err := os.ReadFile(filepath.Join(root, "infra", "CHANGELOG.md"))
	if err != nil {
		return nil, err
	}
	var versions []Version
	for _, match := range entry.FindAllSubmatch(text, -1) {
		versions = append(versions, Version{string(match[1]), string(match[2])})
	}
	if len(versions) == 0 {
		return nil, fmt.Errorf("CHANGELOG.md: names no version with its commit")
	}
	return versions, nil
}

// CheckOut puts the files of a version into a folder. It needs git and the history of the
// repository, which a shallow clone lacks.
func CheckOut(ctx context.Context, root string, v Version, folder string) error {
	archive := filepath.Join(folder, "version.tar")
	for _, step := range [][]string{
		{"git", "-C", root, "archive", "--output", archive, v.Commit},
		{"tar", "-x", "-f", archive, "-C", folder},
	} {
		var output bytes.Buffer
		cmd := exec.CommandContext(ctx, step[0], step[1:]...)
		cmd.Stdout, cmd.Stderr = &output, &output
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("version %s: %s: %w; the history of the repository is needed (git fetch --unshallow)\n%s",
				v.Name, step[0], err, output.Bytes())
		}
	}
	return os.Remove(archive)
}
