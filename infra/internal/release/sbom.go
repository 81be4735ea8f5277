package release

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// sbom lists what is linked into the parts of a release, in CycloneDX's form. It has neither a time nor a number of its
// own, so that the same sources give the same bytes.
func sbom(version string, modules []*module, of map[*module]terms) ([]byte, error) {
	bom := cdx.NewBOM()
	whole := cdx.Component{BOMRef: "bucketuser@" + version, Type: cdx.ComponentTypeApplication, Name: "bucketuser", Version: version,
		Licenses: licencesOf([]string{"MIT"})}
	bom.Metadata = &cdx.Metadata{Component: &whole}
	components, uses := []cdx.Component{}, map[string][]string{}
	for _, m := range modules {
		component, err := m.component(of[m])
		if err != nil {
			return nil, err
		}
		components = append(components, component)
		for part := range m.in {
			uses[part] = append(uses[part], component.BOMRef)
		}
	}
	dependencies := []cdx.Dependency{}
	parts := []string{}
	for _, part := range slices.Sorted(maps.Keys(uses)) {
		ref, references := part+"@"+version, uses[part]
		components = append(components, cdx.Component{BOMRef: ref, Type: cdx.ComponentTypeApplication, Name: part, Version: version})
		dependencies = append(dependencies, cdx.Dependency{Ref: ref, Dependencies: &references})
		parts = append(parts, ref)
	}
	dependencies = append(dependencies, cdx.Dependency{Ref: whole.BOMRef, Dependencies: &parts})
	bom.Components, bom.Dependencies = &components, &dependencies
	var b bytes.Buffer
	err := cdx.NewBOMEncoder(&b, cdx.BOMFileFormatJSON).SetPretty(true).SetEscapeHTML(false).EncodeVersion(bom, cdx.SpecVersion1_6)
	return b.Bytes(), err
}

func (m *module) component(t terms) (cdx.Component, error) {
	// A package URL has a version percent-encoded, and a path of Go's in small letters.
	url := "pkg:golang/" + strings.ToLower(m.path) + "@" + strings.ReplaceAll(m.version, "+", "%2B")
	component := cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: m.path, Version: m.version, PackageURL: url,
		Licenses: licencesOf(t.licences)}
	if m.sum == "" {
		return component, nil
	}
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.sum, "h1:"))
	if err != nil {
		return component, fmt.Errorf("module %s: sum %s: %w", m.path, m.sum, err)
	}
	component.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
	return component, nil
}

func licencesOf(identifiers []string) *cdx.Licenses {
	var licences cdx.Licenses
	for _, id := range identifiers {
		licences = append(licences, cdx.LicenseChoice{License: &cdx.License{ID: id}})
	}
	return &licences
}
