package release

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"bucketuser/infra/internal/compile"
)

// standard is the module of Go's own packages, as SBOMs call it.
const standard = "std"

// A module is a part of others' that is linked into what a release holds.
type module struct {
	path, version string
	sum           string // as in go.sum; std has none
	dir           string
	folders       map[string]bool // dir, and those below it that lead to the packages which are linked; of std dir alone
	in            map[string]bool // names of the parts of a release
}

// A part is a program in a release, with the platforms that it is built for.
type part struct {
	name, path string // of the main package, from the root of the repository
	platforms  []compile.Platform
}

var (
	functionPart = part{"bucketuser-function", "./lambda", []compile.Platform{{GOOS: "linux", GOARCH: "amd64"}, {GOOS: "linux", GOARCH: "arm64"}}}
	programPart  = part{"bucketuser-cli", "./infra/cmd/bucketuser", []compile.Platform{{GOOS: "darwin", GOARCH: "amd64"}, {GOOS: "darwin", GOARCH: "arm64"},
		{GOOS: "linux", GOARCH: "amd64"}, {GOOS: "linux", GOARCH: "arm64"}}}
)

// linked returns the modules that are linked into the parts, on any of their platforms, in the order of their paths.
func linked(root string, parts ...part) ([]*module, error) {
	modules := map[string]*module{}
	for _, p := range parts {
		for _, platform := range p.platforms {
			packages, err := list(root, p.path, platform)
			if err != nil {
				return nil, fmt.Errorf("packages of %s for %s/%s: %w", p.name, platform.GOOS, platform.GOARCH, err)
			}
			for _, listed := range packages {
				listed.addTo(modules, p.name)
			}
		}
	}
	return slices.SortedFunc(maps.Values(modules), func(a, b *module) int { return strings.Compare(a.path, b.path) }), nil
}

// goPackage is what go list says of a package.
type goPackage struct {
	Dir, Root string // Root is Go's own folder for a package of the standard library
	Standard  bool
	Module    *struct {
		Path, Version, Sum, Dir string
		Main                    bool
	}
}

func list(root, path string, platform compile.Platform) (packages []goPackage, err error) {
	environment, err := compile.Environment(root, platform)
	if err != nil {
		return nil, err
	}
	command := exec.Command("go", "list", "-deps", "-tags", compile.Tags, "-json=Dir,Root,Standard,Module", path)
	command.Dir, command.Env = root, environment
	output, err := command.Output()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		return nil, fmt.Errorf("go list: %w: %s", err, failed.Stderr)
	} else if err != nil {
		return nil, err
	}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p goPackage
		if err := decoder.Decode(&p); err == io.EOF {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// addTo puts a package among those of its module. The product's own are nobody else's.
func (p goPackage) addTo(modules map[string]*module, in string) {
	m := module{path: standard, version: strings.TrimPrefix(runtime.Version(), "go"), dir: p.Root}
	if !p.Standard {
		if p.Module.Main {
			return
		}
		m = module{path: p.Module.Path, version: p.Module.Version, sum: p.Module.Sum, dir: p.Module.Dir}
	}
	known := modules[m.path]
	if known == nil {
		known = &m
		known.folders, known.in = map[string]bool{m.dir: true}, map[string]bool{}
		modules[m.path] = known
	}
	known.in[in] = true
	if p.Standard {
		return // what has terms of its own in there is linked for other kinds of builds
	}
	for folder := p.Dir; len(folder) > len(m.dir); folder = filepath.Dir(folder) {
		known.folders[folder] = true
	}
}
