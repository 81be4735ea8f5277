package release

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
)

const root = "../../.."

// permissive are the licences whose software may be part of what is passed on under this repository's own.
var permissive = map[string]bool{"Apache-2.0": true, "BSD-2-Clause": true, "BSD-3-Clause": true, "ISC": true, "MIT": true, "MIT-0": true}

// a licence, as modules have it
const mit = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation
files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify,
merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE
FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`

// moduleOf makes a module of files, all of whose folders are linked.
func moduleOf(t *testing.T, files map[string]string) *module {
	t.Helper()
	m := &module{path: "example.com/m", version: "v1.0.0", dir: t.TempDir(), in: map[string]bool{"bucketuser-cli": true}}
	m.folders = map[string]bool{m.dir: true}
	for name, text := range files {
		file := filepath.Join(m.dir, name)
		m.folders[filepath.Dir(file)] = true
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func TestModuleWithoutALicenceIsRefused(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"none":            {"m.go": "package m"},
		"source":          {"license.go": "package m\n\n/*\n" + mit + "*/"},
		"below":           {"part/LICENSE": mit},
		"of its own kind": {"LICENSE": "Ask us first.\n"},
		"notice":          {"NOTICE": mit},
	} {
		t.Run(name, func(t *testing.T) {
			if found, err := termsOf(moduleOf(t, files)); err == nil || !strings.Contains(err.Error(), "module example.com/m: no text of a licence") {
				t.Errorf("%v, %v", found.licences, err)
			}
		})
	}
}

func TestTermsOfAModule(t *testing.T) {
	m := moduleOf(t, map[string]string{"License.md": mit, "NOTICE.txt": "of somebody", "COPYING-summary": "see License.md", "part/LICENSE": "Copyright X\r\n" + mit,
		"README.md": "readme", "license_test.go": "package m"})
	found, err := termsOf(m)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, text := range found.texts {
		names = append(names, text.name)
	}
	if diff := cmp.Diff([]string{"COPYING-summary", "License.md", "NOTICE.txt", "part/LICENSE"}, names); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"MIT"}, found.licences); diff != "" {
		t.Errorf("licences (-want +got):\n%s", diff)
	}
	text := string(thirdParty("1.2.3", []*module{m}, map[*module]terms{m: found}))
	for _, want := range []string{"example.com/m v1.0.0  MIT\n", "example.com/m v1.0.0, NOTICE.txt\n\nof somebody\n", "Copyright X\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// Everything that a release passes on is on terms that go with this repository's own.
func TestWhatIsLinkedMayBePassedOn(t *testing.T) {
	modules, err := linked(root, functionPart, programPart)
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]int{}
	for _, m := range modules {
		found, err := termsOf(m)
		if err != nil {
			t.Error(err)
		}
		for _, licence := range found.licences {
			if !permissive[licence] {
				t.Errorf("module %s: %s is no licence that is known to go with MIT", m.path, licence)
			}
		}
		for part := range m.in {
			in[part]++
		}
	}
	if in[functionPart.name] < 10 || in[programPart.name] < 10 {
		t.Errorf("modules of the parts: %v", in)
	}
}

func TestSBOM(t *testing.T) {
	shared := &module{path: "example.com/Shared", version: "v2.0.0+incompatible", sum: "h1:zkZ058OpNX0iGTK24b+ZUEQSMc11CBA6oO7xtKZfzkY=",
		in: map[string]bool{"bucketuser-cli": true, "bucketuser-function": true}}
	std := &module{path: standard, version: "1.26.8", in: map[string]bool{"bucketuser-function": true}}
	of := map[*module]terms{shared: {licences: []string{"Apache-2.0", "MIT"}}, std: {licences: []string{"BSD-3-Clause"}}}
	text, err := sbom("1.2.3", []*module{shared, std}, of)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sbom("1.2.3", []*module{shared, std}, of)
	if err != nil || !bytes.Equal(text, again) {
		t.Errorf("another one of the same: %v", err)
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(text), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	if bom.SerialNumber != "" || bom.Metadata.Timestamp != "" || bom.Metadata.Component.Version != "1.2.3" {
		t.Errorf("number %q, time %q, version %q", bom.SerialNumber, bom.Metadata.Timestamp, bom.Metadata.Component.Version)
	}
	const url, sum = "pkg:golang/example.com/shared@v2.0.0%2Bincompatible", "ce4674e7c3a9357d221932b6e1bf9950441231cd7508103aa0eef1b4a65fce46"
	first := (*bom.Components)[0]
	if first.PackageURL != url || (*first.Hashes)[0].Value != sum || (*first.Licenses)[1].License.ID != "MIT" {
		t.Errorf("component: %+v", first)
	}
	uses := map[string][]string{}
	for _, d := range *bom.Dependencies {
		uses[d.Ref] = *d.Dependencies
	}
	if diff := cmp.Diff(map[string][]string{
		"bucketuser@1.2.3":          {"bucketuser-cli@1.2.3", "bucketuser-function@1.2.3"},
		"bucketuser-cli@1.2.3":      {url},
		"bucketuser-function@1.2.3": {url, "pkg:golang/std@1.26.8"},
	}, uses); diff != "" {
		t.Errorf("what is in what (-want +got):\n%s", diff)
	}
}
