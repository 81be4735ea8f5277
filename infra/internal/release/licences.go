package release

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

var (
	// hasTerms are the files that go with a copy, and isLicence those of them that are licences.
	hasTerms  = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense|notice|patents)([-._].*)?$`)
	isLicence = regexp.MustCompile(`(?i)^(licen[cs]e|copying|unlicense)`)
)

// recognized is how much of a file has to be the text of licences, in percent. The rest names who has the copyright.
const recognized = 75

// terms are those on which a module is passed on.
type terms struct {
	texts    []termsText
	licences []string // SPDX identifiers, sorted
}

// A termsText is one file.
type termsText struct{ name, content string } // the name from the module's folder on

// termsOf reads the terms of a module: in its own folder, and in those of packages in it that have others. A module
// without a licence that is known in its own folder is an error, since a release must not pass it on.
func termsOf(m *module) (terms, error) {
	var found terms
	for _, folder := range slices.Sorted(maps.Keys(m.folders)) {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return terms{}, fmt.Errorf("module %s: %w", m.path, err)
		}
		for _, entry := range entries {
			if entry.IsDir() || !hasTerms.MatchString(entry.Name()) || filepath.Ext(entry.Name()) == ".go" {
				continue
			}
			if err := found.read(m, filepath.Join(folder, entry.Name())); err != nil {
				return terms{}, err
			}
		}
		if folder == m.dir && len(found.licences) == 0 {
			return terms{}, fmt.Errorf("module %s: no text of a licence that is known in %s; a release cannot pass it on", m.path, m.dir)
		}
	}
	slices.Sort(found.licences)
	found.licences = slices.Compact(found.licences)
	return found, nil
}

func (t *terms) read(m *module, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("module %s: %w", m.path, err)
	}
	name, err := filepath.Rel(m.dir, file)
	if err != nil {
		return fmt.Errorf("module %s: %w", m.path, err)
	}
	t.texts = append(t.texts, termsText{filepath.ToSlash(name), strings.ReplaceAll(string(text), "\r\n", "\n")})
	coverage := licensecheck.Scan(text)
	if !isLicence.MatchString(filepath.Base(file)) || coverage.Percent < recognized {
		return nil // a summary, say
	}
	for _, match := range coverage.Match {
		t.licences = append(t.licences, match.ID)
	}
	return nil
}

// thirdParty is the text that goes with every copy: whose the modules are that a release holds, and on which terms. What
// several say in the same words stands there once.
func thirdParty(version string, modules []*module, of map[*module]terms) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Bucketuser %s holds software of others, on their terms.\n\n", version)
	width, naming := 0, map[string][]string{}
	for _, m := range modules {
		width = max(width, len(m.path+m.version))
	}
	for _, m := range modules {
		whole := m.path + " " + m.version
		fmt.Fprintf(&b, "%-*s  %s\n", width+1, whole, strings.Join(of[m].licences, ", "))
		for _, text := range of[m].texts {
			naming[text.content] = append(naming[text.content], whole+", "+text.name)
		}
	}
	bySource := func(a, b string) int { return strings.Compare(naming[a][0], naming[b][0]) }
	for _, content := range slices.SortedFunc(maps.Keys(naming), bySource) {
		fmt.Fprintf(&b, "\n%s\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(naming[content], "\n"), strings.TrimSpace(content))
	}
	return []byte(b.String())
}
