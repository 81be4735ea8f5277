package provision_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// A start is a state in which the function may find an account: what earlier events, and
// the people beside them, have left behind.
type start struct {
	name   string
	region string         // "": eu-west-1
	live   sim.Properties // of the resource, as CloudFormation has them; nil if it has none
	make   func(*bench)
}

// starts are states that every version must go on from. What each version before this one
// leaves there is kept in testdata, and a story that begins in one of them begins in
// those as well.
func starts() []start {
	old := with("OnDelete", "Purge")
	recovering, retain := with("SecretRecoveryDays", "7"), with("OnDelete", "Retain")
	adopt := func(w *bench) {
		w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released", "theirs": "1"})
		w.AWS.PutObject("my-data", "data/x", "1")
	}
	all := []start{
		created("", named),
		created("OnDelete Purge", old),
		created("OnDelete Purge versioned", with("OnDelete", "Purge", "Versioning", "true")),
		created("OnDelete Retain", retain),
		created("OnDelete Retain versioned", with("OnDelete", "Retain", "Versioning", "true")),
		created("versioned", with("OnDelete", "DeleteIfEmpty", "Versioning", "true")),
		created("SecretRecoveryDays", recovering),
		created("everything", everything),
		created("generated names", sim.Properties{}),
		outdated("Prefix with braces", braces),
		outdated("Prefix with anchors", anchors),
	}
	return append(all, []start{
		{"in us-east-1", "us-east-1", named, func(w *bench) { w.history(create(named)) }},
		{"adopted", "", retain, func(w *bench) { adopt(w); w.history(create(retain)) }},
		{"retained", "", nil, func(w *bench) { w.history(create(retain)); w.fill(); w.history(remove(retain)) }},
		{"in a recovery window", "", nil, func(w *bench) { w.history(create(recovering), remove(recovering)) }},
		{"restored", "", recovering, func(w *bench) { w.history(create(recovering), remove(recovering), create(recovering)) }},
		{"renamed", "", other(old), func(w *bench) { w.history(create(old), update(old, other(old), old)); w.fill() }},
		{"renamed and cleaned up", "", other(old), func(w *bench) { w.history(create(old), update(old, other(old), old), remove(old)) }},
		{"half renamed", "", old, func(w *bench) { w.history(create(old)); w.killedAfter("CreateAccessKey", update(old, other(old), old)) }},
		{"half created", "", named, func(w *bench) { w.killedAfter("CreateAccessKey", create(named)) }},
		{"Purge half done", "", old, func(w *bench) { w.history(create(old)); w.fill(); w.killedAfter("DeleteObjects", remove(old)) }},
		{"half purged", "", old, func(w *bench) { w.history(create(old)); w.fill(); w.killedAfter("PutBucketPolicy", remove(old)) }},
		{"half in a recovery window", "", recovering, func(w *bench) { w.history(create(recovering)); w.killedAfter("TagResource", remove(recovering)) }},
		{"half restored", "", recovering, func(w *bench) {
			w.history(create(recovering), remove(recovering))
			w.killedAfter("CreateAccessKey", create(recovering))
		}},
	}...)
}

// outdated is such a start with a value that the first version accepted: what that has left.
func outdated(differing string, p sim.Properties) start {
	s := created(differing, p)
	s.make = func(w *bench) {
		w.t.Helper()
		l, ok := readLeft(w.t, "0.1.0", s)
		if !ok {
			w.t.Fatalf("0.1.0 has not left %s", s.name)
		}
		w.restore(l)
	}
	return s
}

// isOutdated reports whether a start has a value that this version refuses where it is new.
func (s start) isOutdated() bool {
	provider := spec.Provider{Partition: "aws", Region: "eu-west-1", Account: "123456789012"}
	_, faults := spec.Read(s.live, stackID, sim.LogicalID, provider)
	return len(faults.Outdated()) > 0
}

// Prefixes that consumers read as patterns.
var braces, anchors = with("Prefix", "a{b}/"), with("Prefix", "a^b$/")

var everything = with("Prefix", "logs", "Access", "ReadOnly", "Versioning", "true", "AbortIncompleteUploadsAfterDays", "3",
	"SecretKmsKeyId", "alias/mine", "Tags", []any{map[string]any{"Key": "team", "Value": "data"}},
	"Statements", []any{map[string]any{"Effect": "Allow", "Action": "s3:GetObjectTagging"}})

// created is the start after a Create of named properties with others beside them.
func created(differing string, p sim.Properties) start {
	return start{strings.TrimSpace("created " + differing), "", p, func(w *bench) { w.history(create(p)) }}
}

func startNamed(t *testing.T, name string) start {
	t.Helper()
	all := starts()
	i := slices.IndexFunc(all, func(s start) bool { return s.name == name })
	if i < 0 {
		t.Fatalf("no start %q", name)
	}
	return all[i]
}

// left is what a version has left behind in a start, as it is kept in a file.
type left struct {
	Live       sim.Properties // of the resource; null if there is none
	Status     string         // of the resource, as DescribeStackResource shows it
	PhysicalID string         // the same
	Sent       time.Time      // when the last event was sent
	Account    awsfake.Snapshot
}

// isSame reports whether two versions leave the same behind, but for times and the numbers
// in generated ids. Where a bucket is from stands on the secret since 0.2.0: TestEarlierVersionsAreServed
// has all that lack it, and the stories that it changes are told of both.
func (l left) isSame(t *testing.T, other left) (same bool) {
	t.Helper()
	return gocmp.Equal(l.Live, other.Live) && l.Status == other.Status && l.PhysicalID == other.PhysicalID &&
		fingerprintOf(withoutOrigin(unstaged(l.Account))) == fingerprintOf(withoutOrigin(unstaged(other.Account)))
}

// withoutOrigin is an account whose secrets do not say where their buckets are from.
func withoutOrigin(s awsfake.Snapshot) awsfake.Snapshot {
	s.Secrets = maps.Clone(s.Secrets)
	for name, x := range s.Secrets {
		x.Tags = maps.Clone(x.Tags)
		delete(x.Tags, spec.TagBucketOrigin)
		s.Secrets[name] = x
	}
	return s
}

// unstaged is an account whose secrets do not show how their values became current: another way since 0.2.0.
func unstaged(s awsfake.Snapshot) awsfake.Snapshot {
	s.Secrets = maps.Clone(s.Secrets)
	for name, x := range s.Secrets {
		x.Versions = slices.Clone(x.Versions)
		for i, v := range x.Versions {
			isOwn := func(label string) bool { return label == "bucketuser-staged" }
			x.Versions[i].Stages = slices.DeleteFunc(slices.Clone(v.Stages), isOwn)
		}
		s.Secrets[name] = x
	}
	return s
}

const leftBehind = "testdata/left"

// versions are those of which testdata has what they leave behind.
func versions(t *testing.T) []string {
	t.Helper()
	folders, err := os.ReadDir(leftBehind)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, folder := range folders {
		names = append(names, folder.Name())
	}
	return names
}

func (s start) file() string { return strings.ReplaceAll(s.name, " ", "-") + ".json" }

// leave makes a start with the function of this version and returns what is left.
func (s start) leave(t *testing.T) (l left) {
	t.Helper()
	inRegion(t, s.inRegion(), func(w *bench) {
		s.make(w)
		l = left{Live: s.live, Sent: w.sent.signer.Last, Account: w.AWS.Snapshot()}
		l.Status, l.PhysicalID = w.AWS.ResourceStatus(w.stackID, sim.LogicalID)
	})
	return l
}

func (s start) inRegion() string { return cmp.Or(s.region, "eu-west-1") }

// restore puts what a version has left behind into an empty account.
func (w *bench) restore(l left) {
	w.t.Helper()
	if err := w.AWS.Restore(l.Account); err != nil {
		w.t.Fatal(err)
	}
	w.sent.signer.Last = l.Sent
	w.AWS.SetResourceStatus(w.stackID, sim.LogicalID, l.Status)
	w.AWS.SetPhysicalResourceID(w.stackID, sim.LogicalID, l.PhysicalID)
}

// readLeft reads what a version has left behind in a start; ok is false where that version
// did not know the start.
func readLeft(t *testing.T, version string, s start) (l left, ok bool) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(leftBehind, version, s.file()))
	if os.IsNotExist(err) {
		return l, false
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &l); err != nil {
		t.Fatal(err)
	}
	return l, true
}

var leaveIn = flag.String("leave", "", "folder for what this version leaves behind in each start")

// TestLeaveBehind makes every start and restores it in another account. With -leave it
// writes what is left behind: that is how the files in testdata/left were made, each by
// the version that its folder names.
func TestLeaveBehind(t *testing.T) {
	for _, s := range starts() {
		if s.isOutdated() {
			continue // this version does not make it
		}
		t.Run(s.name, func(t *testing.T) {
			was := s.leave(t)
			text, err := json.MarshalIndent(was, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			s.comesBack(t, was, text)
			if *leaveIn == "" {
				return
			}
			if err := os.WriteFile(filepath.Join(*leaveIn, s.file()), append(text, '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// comesBack fails the test unless the account can be made again from a text.
func (s start) comesBack(t *testing.T, was left, text []byte) {
	t.Helper()
	var read left
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	inRegion(t, s.inRegion(), func(w *bench) {
		w.restore(read)
		if diff := gocmp.Diff(was.Account, w.AWS.Snapshot()); diff != "" {
			t.Errorf("restored (-left +restored)\n%s", diff)
		}
	})
}
