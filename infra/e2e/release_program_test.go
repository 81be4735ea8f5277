//go:build e2e

package e2e

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/compile"
	"bucketuser/infra/internal/release"
)

// programPlatforms are those that the operator's program is released for.
var programPlatforms = []compile.Platform{{GOOS: "darwin", GOARCH: "amd64"}, {GOOS: "darwin", GOARCH: "arm64"},
	{GOOS: "linux", GOARCH: "amd64"}, {GOOS: "linux", GOARCH: "arm64"}}

// unpacked returns the files of a released program's archive.
func unpacked(t *testing.T, platform compile.Platform) map[string][]byte {
	t.Helper()
	archive := cloudtest.Must(released())(t)[release.ProgramFile(releaseVersion, platform)]
	reader := tar.NewReader(cloudtest.Must(gzip.NewReader(bytes.NewReader(archive)))(t))
	files := map[string][]byte{}
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if executable := header.Mode == 0o755; executable != (header.Name == "bucketuser") {
			t.Errorf("%s has mode %o", header.Name, header.Mode)
		}
		files[header.Name] = cloudtest.Must(io.ReadAll(reader))(t)
	}
}

func TestReleasedProgramRuns(t *testing.T) {
	t.Parallel()
	for _, platform := range programPlatforms {
		files := unpacked(t, platform)
		if len(files) != 3 || len(files[release.LicenceFile]) == 0 || len(files[release.ThirdPartyFile]) == 0 {
			t.Errorf("%s/%s: %d files", platform.GOOS, platform.GOARCH, len(files))
		}
	}
	program := filepath.Join(t.TempDir(), "bucketuser")
	if err := os.WriteFile(program, unpacked(t, compile.Platform{GOOS: runtime.GOOS, GOARCH: runtime.GOARCH})["bucketuser"], 0o755); err != nil {
		t.Fatal(err)
	}
	said := string(cloudtest.Must(exec.CommandContext(t.Context(), program, "--version").Output())(t))
	if said != "bucketuser version "+releaseVersion+"\n" {
		t.Errorf("says %q", said)
	}
}

// The SBOM and the licences name what the linker has put into the programs, by the programs' own account.
func TestSBOMNamesWhatIsLinked(t *testing.T) {
	t.Parallel()
	files, linked := cloudtest.Must(released())(t), map[string]string{}
	for _, platform := range programPlatforms {
		addModules(t, linked, unpacked(t, platform)["bucketuser"])
	}
	for _, architecture := range []string{"amd64", "arm64"} {
		content := files[compile.ZipFile(releaseVersion, architecture)]
		archive := cloudtest.Must(zip.NewReader(bytes.NewReader(content), int64(len(content))))(t)
		addModules(t, linked, cloudtest.Must(io.ReadAll(cloudtest.Must(archive.File[0].Open())(t)))(t))
	}
	var bom cdx.BOM
	if err := json.Unmarshal(files[release.SBOMFile], &bom); err != nil {
		t.Fatal(err)
	}
	named := map[string]string{}
	for _, component := range *bom.Components {
		if component.Hashes != nil {
			named[component.Name+" "+component.Version] = (*component.Hashes)[0].Value
		}
	}
	if diff := cmp.Diff(linked, named); diff != "" || len(linked) < 10 {
		t.Errorf("%d modules (-linked +named):\n%s", len(linked), diff)
	}
	for module := range linked {
		if !strings.Contains(string(files[release.ThirdPartyFile]), "\n"+module+", ") {
			t.Errorf("%s lacks the terms of %s", release.ThirdPartyFile, module)
		}
	}
	figure("release: %d modules of others in function and program, each with its licence", len(linked))
}

// addModules adds the modules of a program and their sums, in hexadecimal digits.
func addModules(t *testing.T, modules map[string]string, program []byte) {
	t.Helper()
	for _, module := range cloudtest.Must(buildinfo.Read(bytes.NewReader(program)))(t).Deps {
		modules[module.Path+" "+module.Version] = hex.EncodeToString(cloudtest.Must(base64.StdEncoding.DecodeString(strings.TrimPrefix(module.Sum, "h1:")))(t))
	}
}
