//go:build e2e

package examples

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bucketuser/infra/internal/cloudtest"
)

// TestEveryExampleIsNamed wants a README in each folder and a row in infra/README.md.
func TestEveryExampleIsNamed(t *testing.T) {
	table := read(t, inFull)
	for _, entry := range cloudtest.Must(os.ReadDir("."))(t) {
		if !entry.IsDir() || slices.Contains([]string{"offline", "testdata"}, entry.Name()) {
			continue
		}
		if _, err := os.Stat(filepath.Join(entry.Name(), "README.md")); err != nil {
			t.Error(err)
		}
		if !strings.Contains(table, "\n| [`"+entry.Name()+"`](examples/"+entry.Name()+") |") {
			t.Errorf("infra/README.md has no row for %s", entry.Name())
		}
	}
}

// TestB9CredentialsLeadToTheServer wants the way from the secret to ClickHouse in README.
func TestB9CredentialsLeadToTheServer(t *testing.T) {
	_, section, _ := strings.Cut(read(t, repositoryReadme), "\n## Credentials\n")
	section, _, _ = strings.Cut(section, "\n## ")
	for _, example := range []string{"clickhouse-server", "clickhouse-backup"} {
		if !strings.Contains(section, "](infra/examples/"+example+")") {
			t.Errorf("Credentials does not lead to %s", example)
		}
	}
}
