package provision_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"bucketuser/lambda/history"
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// root is the directory of the repository.
const root = "../../.."

// What an earlier version has left is updated, taken back, replaced, and deleted, and
// nothing but what Retain has promised is left in the end.
func TestEarlierVersionsAreServed(t *testing.T) {
	for _, version := range versions(t) {
		for _, s := range starts() {
			l, ok := readLeft(t, version, s)
			if !ok {
				continue
			}
			t.Run(version+" "+s.name, func(t *testing.T) {
				inRegion(t, s.inRegion(), func(w *bench) {
					w.restore(l)
					w.serve(l)
					w.leaked()
				})
			})
		}
	}
}

// serve carries out a life of the resource that a version has left.
func (w *bench) serve(l left) {
	w.t.Helper()
	p := l.Live
	switch {
	case l.Status == "DELETE_IN_PROGRESS" && p != nil: // cut off, so it comes again
		w.succeeded(w.delete(l.PhysicalID, p))
		w.gone(p)
		return
	case p == nil: // nothing but what it has let go of
		p = with("OnDelete", "Retain", "SecretRecoveryDays", "7")
		w.created(p)
	case l.Status == "CREATE_IN_PROGRESS": // its answer was lost, so Lambda delivers it again
		<-time.After(time.Minute)
		w.succeeded(w.answered(w.AWS.Session("provider"), w.urlOf(l.Sent), "Create", "", p, nil))
	}
	id := w.idOf(p)
	for _, other := range []sim.Properties{{"Access": "Full"}, {"Versioning": "true", "SecretKmsKeyId": "alias/mine"}, {"FolderMarker": "false"}} {
		changed := maps.Clone(p)
		maps.Copy(changed, other)
		w.credentials(w.succeeded(w.update(id, changed, p)))
		w.credentials(w.succeeded(w.update(id, p, changed)))
	}
	renamed := maps.Clone(p)
	maps.Copy(renamed, sim.Properties{"BucketName": "my-data-3", "UserName": "clickhouse-3", "SecretName": "clickhouse/s3-3"})
	w.succeeded(w.update(id, renamed, p))
	w.credentials(w.succeeded(w.update(id, p, renamed))) // and goes back
	if _, ok := w.AWS.Snapshot().Users["clickhouse-3"]; ok {
		w.t.Error("the failed replacement is still there")
	}
	w.succeeded(w.delete(id, p))
	w.gone(p)
}

// gone fails the test if anything is left but what was let go of, or what the deleted
// resource was to replace.
func (w *bench) gone(p sim.Properties) {
	w.t.Helper()
	s, now := w.parse(p), w.AWS.Snapshot()
	if _, ok := now.Users[s.UserName]; ok {
		w.t.Errorf("user %s is still there", s.UserName)
	}
	if bucket, ok := now.Buckets[s.BucketName]; ok && bucket.Tags["bucketuser:owner"] != "released" {
		w.t.Errorf("bucket %s is still there, with %v", s.BucketName, bucket.Tags)
	}
	if secret, ok := now.Secrets[s.SecretName]; ok && (secret.DeletedDays == 0 || secret.Tags["bucketuser:owner"] != "released") {
		w.t.Errorf("secret %s is still there, with %v", s.SecretName, secret.Tags)
	}
}

// The files are what that version leaves behind, not what somebody has written there: it
// is built from the commit that CHANGELOG.md names and makes them again.
func TestEarlierVersionsAreThoseOfTheHistory(t *testing.T) {
	if testing.Short() {
		t.Skip("builds earlier versions")
	}
	released, err := history.Versions(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range released {
		names = append(names, v.Name)
		t.Run(v.Name, func(t *testing.T) { leavesWhatIsKept(t, v) })
	}
	slices.Sort(names)
	if diff := gocmp.Diff(names, versions(t)); diff != "" {
		t.Errorf("versions of CHANGELOG.md and of testdata/left\n%s", diff)
	}
}

func leavesWhatIsKept(t *testing.T, v history.Version) {
	t.Helper()
	folder, made := t.TempDir(), t.TempDir()
	if err := history.CheckOut(t.Context(), root, v, folder); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-C", filepath.Join(folder, "lambda/internal/provision"),
		"-count=1", "-run", "^TestLeaveBehind$", ".", "-leave", made)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, output)
	}
	for _, s := range starts() {
		s.isLeftBy(t, v.Name, made)
	}
}

// isLeftBy fails the test if the file of a start is not what a version has made in a
// folder.
func (s start) isLeftBy(t *testing.T, version, made string) {
	t.Helper()
	want, ok := readLeft(t, version, s)
	if !ok {
		return
	}
	text, err := os.ReadFile(filepath.Join(made, s.file()))
	if err != nil {
		t.Error(err)
		return
	}
	var got left
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if !want.isSame(t, got) {
		t.Errorf("%s is not what version %s leaves, which never changes: %s", s.file(), version, differenceOf(want, got))
	}
}

func differenceOf(a, b left) string {
	normal := func(l left) awsfake.Snapshot { return numbered(l.Account).Normalized() }
	return difference(normal(a), normal(b))
}
