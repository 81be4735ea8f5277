// Package release makes what is handed to people who have neither this repository
// nor the CDK: the function as zip files, the provider's template, what a
// permissions boundary of their own must hold, the operator's program, and what it all is made of.
//
// The same sources and version of Go give the same bytes, wherever they lie and whoever builds them.
package release

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"bucketuser/infra/internal/compile"
)

// Names of files in a release.
const (
	TemplateFile   = "template.yaml"
	BoundaryFile   = "boundary.json" // for those who have a permissions boundary of their own
	LicenceFile    = "LICENSE"
	ThirdPartyFile = "THIRD_PARTY_LICENSES.txt"
	SBOMFile       = "sbom.cdx.json"
	SumsFile       = "SHA256SUMS"
)

// ProgramFile returns the name of the operator's program for a platform.
func ProgramFile(version string, platform compile.Platform) string {
	return fmt.Sprintf("bucketuser-cli_%s_%s_%s.tar.gz", version, platform.GOOS, platform.GOARCH)
}

var semantic = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

// CheckVersion refuses what is not a version such as 1.2.3 or 1.2.3-rc.1.
func CheckVersion(version string) error {
	if !semantic.MatchString(version) {
		return fmt.Errorf("version %q: must be like 1.2.3", version)
	}
	return nil
}

// Write builds a release of the module in the folder root and puts it into dir,
// instead of any earlier one. It tells of each file that it has built, of two at once.
func Write(root, dir, version string, tell func(file string)) error {
	if err := CheckVersion(version); err != nil {
		return err
	}
	files, err := texts(root, version)
	if err != nil {
		return err
	}
	programs, err := build(root, version, files, tell)
	if err != nil {
		return err
	}
	maps.Copy(files, programs)
	files[SumsFile] = sums(files)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range []string{compile.ZipFile("*", "*"), ProgramFile("*", compile.Platform{GOOS: "*", GOARCH: "*"})} {
		earlier, err := filepath.Glob(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		for _, file := range earlier {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// texts are the files of a release that nobody runs.
func texts(root, version string) (map[string][]byte, error) {
	template, err := Template(version)
	if err != nil {
		return nil, err
	}
	boundary, err := os.ReadFile(filepath.Join(root, "infra", "policies", BoundaryFile))
	if err != nil {
		return nil, err
	}
	licence, err := os.ReadFile(filepath.Join(root, LicenceFile))
	if err != nil {
		return nil, err
	}
	modules, err := linked(root, functionPart, programPart)
	if err != nil {
		return nil, err
	}
	of := map[*module]terms{}
	for _, m := range modules {
		if of[m], err = termsOf(m); err != nil {
			return nil, err
		}
	}
	bom, err := sbom(version, modules, of)
	return map[string][]byte{TemplateFile: template, BoundaryFile: boundary, LicenceFile: licence,
		ThirdPartyFile: thirdParty(version, modules, of), SBOMFile: bom}, err
}

// Built is how many files of a release are compiled.
func Built() int { return len(functionPart.platforms) + len(programPart.platforms) }

// build compiles and packs function and program for their platforms. Two at a time: the go command compiles on all
// cores, and links on one.
func build(root, version string, texts map[string][]byte, tell func(file string)) (map[string][]byte, error) {
	type made struct {
		name    string
		content []byte
	}
	results := make(chan made, Built())
	done := func(name string, content []byte, err error) error {
		results <- made{name, content}
		if err == nil {
			tell(name)
		}
		return err
	}
	var group errgroup.Group
	group.SetLimit(2)
	for _, platform := range functionPart.platforms {
		group.Go(func() error {
			content, err := functionFor(root, platform)
			return done(compile.ZipFile(version, platform.GOARCH), content, err)
		})
	}
	for _, platform := range programPart.platforms {
		group.Go(func() error {
			content, err := programFor(root, version, platform, texts)
			return done(ProgramFile(version, platform), content, err)
		})
	}
	err := group.Wait()
	close(results)
	files := map[string][]byte{}
	for result := range results {
		files[result.name] = result.content
	}
	return files, err
}

func functionFor(root string, platform compile.Platform) ([]byte, error) {
	binary, err := compiled(root, functionPart, platform)
	if err != nil {
		return nil, err
	}
	return Zip(binary)
}

// programFor is the operator's program with what has to go with every copy of it.
func programFor(root, version string, platform compile.Platform, texts map[string][]byte) ([]byte, error) {
	binary, err := compiled(root, programPart, platform, "-X main.version="+version)
	if err != nil {
		return nil, err
	}
	return tarball(member{"bucketuser", 0o755, binary}, member{LicenceFile, 0o644, texts[LicenceFile]},
		member{ThirdPartyFile, 0o644, texts[ThirdPartyFile]})
}

// compiled is the program of a part for a platform. The words of linking are passed to the linker.
func compiled(root string, p part, platform compile.Platform, linking ...string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "bucketuser-release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	target := filepath.Join(dir, p.name)
	if err := compile.Program(root, p.path, target, platform, linking...); err != nil {
		return nil, fmt.Errorf("%s for %s/%s: %w", p.name, platform.GOOS, platform.GOARCH, err)
	}
	return os.ReadFile(target)
}

// sums returns a line for each file, as sha256sum writes and checks them.
func sums(files map[string][]byte) []byte {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(files[name]), name)
	}
	return []byte(b.String())
}
