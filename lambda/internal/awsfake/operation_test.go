package awsfake

import (
	"path"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// TestEveryOperationIsWhole asks of each row that its columns are there and fit the SDK's type of its input.
func TestEveryOperationIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, service := range [][]operation{iamOperations, secretOperations, stackOperations, bucketOperations, objectOperations} {
		for _, op := range service {
			t.Run(op.name, func(t *testing.T) {
				if seen[op.name] {
					t.Error("there twice")
				}
				seen[op.name] = true
				for _, problem := range op.problems() {
					t.Error(problem)
				}
			})
		}
	}
	if len(seen) != len(operations) {
		t.Errorf("%d rows are served, %d are there", len(operations), len(seen))
	}
}

func TestARowThatLacksSomethingIsFound(t *testing.T) {
	whole := operations["s3:DeleteObjects"]
	for name, change := range map[string]func(*operation){
		"another name":      func(op *operation) { op.name = "s3:DeleteObject" },
		"another service":   func(op *operation) { op.name = "iam:DeleteObjects" },
		"no action":         func(op *operation) { op.action = "" },
		"a foreign action":  func(op *operation) { op.action = "iam:DeleteUser" },
		"no target":         func(op *operation) { op.target = "" },
		"an unknown target": func(op *operation) { op.target = "Table" },
		"half a target":     func(op *operation) { *op = operations["s3:GetObject"]; op.target = "Bucket" },
		"an unknown field":  func(op *operation) { op.honours = "Delete.Object" },
		"no handler":        func(op *operation) { op.handler = handler{} },
	} {
		t.Run(name, func(t *testing.T) {
			op := whole
			if change(&op); len(op.problems()) == 0 {
				t.Error("not found")
			}
		})
	}
	if problems := whole.problems(); len(problems) > 0 {
		t.Error(problems)
	}
}

// names are the fields that name something, in the order in which a target has them.
var names = []string{"UserName", "AccessKeyId", "Bucket", "Key", "Name", "SecretId", "LogicalResourceId"}

var actionForm = regexp.MustCompile(`^[a-z0-9]+:[A-Z][A-Za-z]+$`)

// problems are what a row lacks, or has wrong.
func (op operation) problems() []string {
	input := op.handler.input
	if input == nil || op.handler.serve == nil {
		return []string{"no handler"}
	}
	var found []string
	if name := path.Base(input.PkgPath()) + ":" + strings.TrimSuffix(input.Name(), "Input"); name != op.name {
		found = append(found, "its handler is one of "+name)
	}
	service, _, _ := strings.Cut(op.name, ":")
	if !actionForm.MatchString(op.action) || !strings.HasPrefix(op.action, service+":") {
		found = append(found, "its IAM action is not one: "+op.action)
	}
	var target []string
	for _, name := range names {
		if f, ok := input.FieldByName(name); ok && f.Type == reflect.TypeFor[*string]() {
			target = append(target, name)
		}
	}
	if want := strings.Join(target, " "); op.target != want {
		found = append(found, "its target is "+op.target+", want "+want)
	}
	for _, field := range strings.Fields(op.honours) {
		if !hasField(input, field) {
			found = append(found, "its input has no "+field)
		}
	}
	return found
}

// hasField tells whether a type has a field at a path such as "Delete.Objects.Key".
func hasField(t reflect.Type, path string) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	name, rest, nested := strings.Cut(path, ".")
	if t.Kind() != reflect.Struct {
		return false
	}
	f, ok := t.FieldByName(name)
	return ok && (!nested || hasField(f.Type, rest))
}
