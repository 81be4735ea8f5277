package provision_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/smfake"
)

// TestDocNamesEveryCall fails when an operation that the function calls is missing in
// the package documentation, or stands there and is called by no story.
func TestDocNamesEveryCall(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]bool{}
	for _, s := range stories() {
		inRegion(t, s.region, func(w *bench) {
			s.begin(w)
			made := len(w.AWS.Calls())
			w.play(s.event, nil)
			for _, call := range w.AWS.Calls()[made:] {
				called[call.Operation] = true
			}
		})
	}
	inWorld(t, func(w *bench) { // and what is about rotation
		w.created(rotated)
		w.rotate(smfake.How{})
		passes(time.Hour)
		p := raised("1", rotated, "PreviousKey", "Delete")
		w.updates(p, rotated)
		w.begins(false).does(smfake.CreateSecret)
		w.updates(plus(p, "RotateAfterDays", "0"), p)
		for _, operation := range w.operations() {
			called[operation] = true
		}
	})
	for _, operation := range slices.Sorted(maps.Keys(called)) {
		if !regexp.MustCompile(`\b` + operation + `\b`).Match(text) {
			t.Errorf("%s is called and does not stand in doc.go", operation)
		}
	}
	called["ListBuckets"], called["DescribeStacks"] = true, true // only after a refusal
	for _, word := range regexp.MustCompile(`\b(Abort|Cancel|Create|Delete|Describe|Get|Head|List|Put|Restore|Rotate|Tag|Untag|Update)[A-Z]\w+`).FindAllString(string(text), -1) {
		if !called[word] && word != "DeleteIfEmpty" && word != "RotateImmediately" {
			t.Errorf("%s stands in doc.go and is not called", word)
		}
	}
}

// TestDocOfLags holds the table of laws: each call has one row, with the laws that the fake has
// for it, and a test that is there.
func TestDocOfLags(t *testing.T) {
	rows := lagRows(t)
	tests := testsOfPackage(t)
	for call, laws := range lawsOfCalls {
		cells, ok := rows[call]
		switch {
		case !ok:
			t.Errorf("doc.go has no row for %s", call)
		case cells[1] != laws:
			t.Errorf("%s: doc.go has the laws %q, want %q", call, cells[1], laws)
		case cells[2] == "" || !tests[cells[3]]:
			t.Errorf("%s: %q is shown by %q, which is no test", call, cells[2], cells[3])
		}
		delete(rows, call)
	}
	for call := range rows {
		t.Errorf("doc.go has a row for %s, of which no laws are known here", call)
	}
	for _, operation := range calledOperations(t) {
		if _, ok := lawsOfCalls[operation]; !ok {
			t.Errorf("%s is called: say here and in doc.go which laws apply", operation)
		}
	}
}

// lawsOfCalls are the laws that apply to each call of the function. The fake plays them: see
// awsfake.Laws, and LagsBehind for L4.
var lawsOfCalls = map[string]string{
	"DescribeStackResource": "L5", "DescribeStacks": "L5",
	"GetBucketEncryption": "L1 L2 L4", "GetBucketAbac": "L1 L2 L4",
	"DescribeSecret": "L2 L4", "GetSecretValue": "L2 L4", "CreateSecret": "L2 L4 L7",
	"RestoreSecret": "L2", "TagResource": "L2", "UntagResource": "L2", "UpdateSecret": "L2", "PutSecretValue": "L2 L17", "DeleteSecret": "L2",
	"UpdateSecretVersionStage": "L2 L17", "RotateSecret": "L2 L17", "CancelRotateSecret": "L2", "TagUser": "L2 L3 L4", "GetAccessKeyLastUsed": "L2",
	"GetUser": "L2 L4", "CreateUser": "L2 L7", "ListAccessKeys": "L2 L3 L4", "CreateAccessKey": "L2 L3 L4",
	"DeleteAccessKey": "L2 L3 L4", "DeleteUser": "L2 L3 L4 L8",
	"GetBucketTagging": "L1 L2 L4 L6", "ListBuckets": "L1 L2 L4", "CreateBucket": "L2 L6 L7", "PutBucketTagging": "L1 L2",
	"GetPublicAccessBlock": "L1 L2 L4", "PutPublicAccessBlock": "L1 L2",
	"GetBucketPolicy": "L1 L2 L4", "PutBucketPolicy": "L1 L2 L4", "DeleteBucketPolicy": "L1 L2",
	"GetBucketVersioning": "L1 L2 L4", "PutBucketVersioning": "L1 L2",
	"GetBucketLifecycleConfiguration": "L1 L2 L4", "PutBucketLifecycleConfiguration": "L1 L2", "DeleteBucketLifecycle": "L1 L2",
	"PutObject": "L1 L2", "GetObject": "L1", "ListObjectsV2": "L1", "DeleteObject": "L1 L2",
	"ListObjectVersions": "L1 L2", "DeleteObjects": "L1 L2", "ListMultipartUploads": "L1 L2", "AbortMultipartUpload": "L1 L2",
	"DeleteBucket": "L1 L2 L4 L8",
}

// lagRows are the rows of the table in doc.go by call.
func lagRows(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "# Where AWS lags")
	table, _, _ = strings.Cut(table, "# What is not promised")
	rows := map[string][]string{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimPrefix(line, "//"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) == 4 && cells[0] != "call" {
			rows[cells[0]] = cells
		}
	}
	return rows
}

// testsOfPackage are the names of the tests here.
func testsOfPackage(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)`).FindAllStringSubmatch(string(text), -1) {
			tests[found[1]] = true
		}
	}
	return tests
}

// calledOperations are the operations that the code of the package and of its rooms calls.
func calledOperations(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, folder := range []string{".", "../bucket", "../keyring", "../secret"} {
		found, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d files: %v", folder, len(found), err)
		}
		files = append(files, found...)
	}
	var all []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil || strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, found := range regexp.MustCompile(`&(?:iam|s3|secretsmanager|cloudformation)\.(\w+)Input\{`).FindAllStringSubmatch(string(text), -1) {
			all = append(all, found[1])
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestDocOfRefusals holds the table of what hangs on the state of the account: each refusal names a test that is there.
func TestDocOfRefusals(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "# What hangs on the state of the account")
	table, _, _ = strings.Cut(table, "\n// #")
	rows := regexp.MustCompile(`(?m)^//\t.* \| (Test\w+)$`).FindAllStringSubmatch(table, -1)
	if len(rows) < 10 {
		t.Fatalf("only %d refusals", len(rows))
	}
	tests := testsOfPackage(t)
	for _, row := range rows {
		if !tests[row[1]] {
			t.Errorf("there is no test %s", row[1])
		}
	}
}
