// Package release makes what is handed to people who have neither this repository
// nor the CDK: the function as zip files, the provider's template, and what a
// permissions boundary of their own must hold.
//
// The same sources and version of Go give the same bytes, wherever they lie.
package release

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"

	"bucketuser/infra/bucketuser"
	"bucketuser/infra/internal/compile"
)

// Names of files in a release.
const (
	TemplateFile = "template.yaml"
	BoundaryFile = "boundary.json" // for those who have a permissions boundary of their own
	SumsFile     = "SHA256SUMS"
)

var semantic = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

// CheckVersion refuses what is not a version such as 1.2.3 or 1.2.3-rc.1.
func CheckVersion(version string) error {
	if !semantic.MatchString(version) {
		return fmt.Errorf("version %q: must be like 1.2.3", version)
	}
	return nil
}

// Write builds a release of the module in the folder root and puts it into dir,
// instead of any earlier one.
func Write(root, dir, version string) error {
	if err := CheckVersion(version); err != nil {
		return err
	}
	template, err := Template(version)
	if err != nil {
		return err
	}
	boundary, err := os.ReadFile(filepath.Join(root, "infra", "policies", BoundaryFile))
	if err != nil {
		return err
	}
	files := map[string][]byte{TemplateFile: template, BoundaryFile: boundary}
	for goarch, architecture := range map[string]awslambda.Architecture{
		"arm64": awslambda.Architecture_ARM_64(), "amd64": awslambda.Architecture_X86_64(),
	} {
		if files[compile.ZipFile(version, goarch)], err = function(root, architecture); err != nil {
			return fmt.Errorf("function for %s: %w", goarch, err)
		}
	}
	files[SumsFile] = sums(files)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	earlier, err := filepath.Glob(filepath.Join(dir, compile.ZipFile("*", "*")))
	if err != nil {
		return err
	}
	for _, file := range earlier {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func function(root string, architecture awslambda.Architecture) ([]byte, error) {
	dir, err := os.MkdirTemp("", "bucketuser-release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	target := filepath.Join(dir, "bootstrap")
	if err := bucketuser.Build(root, target, architecture); err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(target)
	if err != nil {
		return nil, err
	}
	return Zip(binary)
}

// packed is the time of every file in a zip: the first that the format knows.
var packed = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// Zip packs a built function as Lambda wants it. The same bytes in give the same
// bytes out.
func Zip(bootstrap []byte) ([]byte, error) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(to io.Writer) (io.WriteCloser, error) { return flate.NewWriter(to, flate.BestCompression) })
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: packed}
	header.SetMode(0o755)
	file, err := w.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := file.Write(bootstrap); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// sums returns a line for each file, as sha256sum writes and checks them.
func sums(files map[string][]byte) []byte {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(files[name]), name)
	}
	return []byte(b.String())
}
