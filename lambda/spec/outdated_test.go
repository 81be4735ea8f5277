package spec_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"bucketuser/lambda/spec"
)

// What AWS and consumers read as more than a name, and what AWS accepts in any spelling, by the numbers of the rows.

// faultOf returns the only fault that the properties have.
func faultOf(t *testing.T, properties map[string]any) spec.Fault {
	t.Helper()
	_, err := parse(properties)
	faults, ok := err.(spec.Faults)
	if !ok || len(faults) != 1 {
		t.Fatalf("Parse: %v, want one fault", err)
	}
	return faults[0]
}

// Rows 21 and 40: each pattern is refused wherever it stands in a prefix, with the reader, and those that 0.1.0 accepted
// are told from the others.
func TestRow21And40PatternsOfAPrefix(t *testing.T) {
	accepted := map[string]bool{"{": true, "}": true, "^": true, "$": true}
	for _, pattern := range spec.Patterns {
		if pattern.WasAccepted != accepted[pattern.Text] {
			t.Errorf("%s: WasAccepted is %v", pattern.Text, pattern.WasAccepted)
		}
		delete(accepted, pattern.Text)
		for _, form := range []string{"%s", "%s/", "a/%sb/", "a/b%s", "%[1]sa%[1]s/"} {
			prefix := fmt.Sprintf(form, pattern.Text)
			want := spec.Fault{Property: "Prefix", Reason: fmt.Sprintf("must not contain %q: %s", pattern.Text, pattern.Reader), WasAccepted: pattern.WasAccepted}
			if got := faultOf(t, map[string]any{"Prefix": prefix}); got != want {
				t.Errorf("%s: %+v, want %+v", prefix, got, want)
			}
		}
	}
	if len(accepted) > 0 {
		t.Errorf("no longer refused: %v", accepted)
	}
}

func TestRow21WhatNoVersionAcceptedIsFinal(t *testing.T) {
	for _, prefix := range []string{"{*}", "${a}", "/{a}", "{a}//b", "{a}/../b", "{ä}", "{" + strings.Repeat("a", 300)} {
		if fault := faultOf(t, map[string]any{"Prefix": prefix}); fault.WasAccepted {
			t.Errorf("%s: %+v", prefix, fault)
		}
	}
}

// Row 22: each form of a name that S3 reserves is refused in words; one of an account regional namespace unless it is
// taken over.
func TestRow22ReservedBucketNames(t *testing.T) {
	for _, name := range []string{"xn--a", "sthree-a", "sthree-configurator-a", "amzn-s3-demo-a", "a-s3alias", "a--ol-s3", "a--x-s3", "a--table-s3"} {
		if fault := faultOf(t, map[string]any{"BucketName": name, "OnDelete": "Retain"}); fault.WasAccepted || !strings.Contains(fault.Reason, "which S3 reserves") {
			t.Errorf("%s: %+v", name, fault)
		}
	}
	if fault := faultOf(t, map[string]any{"BucketName": "a.mrap"}); fault.WasAccepted {
		t.Errorf("a.mrap: %+v", fault)
	}
	for _, name := range []string{"a-an", "my-data-123456789012-eu-west-1-an"} {
		for _, onDelete := range []string{"DeleteIfEmpty", "Purge"} {
			want := spec.Fault{Property: "BucketName", WasAccepted: true, IsOfAWS: true, Reason: `must not end with "-an", which S3 reserves for ` +
				`buckets of an account regional namespace; one that exists can be taken over, with OnDelete Retain`}
			if got := faultOf(t, map[string]any{"BucketName": name, "OnDelete": onDelete}); got != want {
				t.Errorf("%s %s: %+v", name, onDelete, got)
			}
		}
		mustParse(t, map[string]any{"BucketName": name, "OnDelete": "Retain"})
	}
	for _, name := range []string{"an", "my-plan", "my-an-data"} {
		if len(name) > 2 {
			mustParse(t, map[string]any{"BucketName": name})
		}
	}
}

// Row 27: what S3 accepts in a statement is accepted in every spelling, and reaches the policy as it is written.
func TestRow27SpellingsOfStatements(t *testing.T) {
	for name, pairs := range map[string][]any{
		"service in capitals":  {"Action", "S3:GetObject"},
		"all in small letters": {"Action", []any{"s3:getobject", "s3:LISTBUCKET"}},
		"a pattern":            {"Action", "S3:get*"},
		"every action":         {"Action", "*"},
		"a Sid with spaces":    {"Action", "s3:GetObject", "Sid", "Allow get requests originating from www.example.com and example.com."},
		"a Sid with hyphens":   {"Action", "s3:*", "Sid", "Access-to-specific-VPCE-only"},
		"numbers":              {"Action", "s3:*", "Condition", map[string]any{"NumericLessThan": map[string]any{"s3:signatureAge": []any{float64(600000), "7"}}}},
		"booleans":             {"Action", "s3:*", "Condition", map[string]any{"Bool": map[string]any{"aws:SecureTransport": []any{true}}}},
	} {
		t.Run(name, func(t *testing.T) {
			properties := statement(append(pairs, "Effect", "Allow")...)
			s := mustParse(t, properties)
			want, _ := json.Marshal(pairs[1])
			if !strings.Contains(string(s.PolicyJSON()), string(want)) {
				t.Errorf("%s is not in %s", want, s.PolicyJSON())
			}
		})
	}
	for _, action := range []string{"s3", "s3:", "iam:*", "*:*", "S3Express:CreateSession", "s3:Get Object", "**"} {
		if fault := faultOf(t, statement("Effect", "Allow", "Action", action)); fault.WasAccepted || !strings.Contains(fault.Reason, "is not an action of S3") {
			t.Errorf("%s: %+v", action, fault)
		}
	}
}

// Row 27, the other way round: what S3 refuses of a statement is refused before, in words.
func TestRow27WhatS3RefusesOfStatements(t *testing.T) {
	const inBucket = "arn:aws:s3:::my-bucket"
	listing := map[string]any{"StringLike": map[string]any{"S3:Prefix": "data/*"}}
	for want, pairs := range map[string][]any{
		`statement 1: Action "s3:getObject" is about objects, and no Resource is`:                                    {"Action", "s3:getObject", "Resource", inBucket},
		`statement 1: Action "s3:RestoreObject" is about objects, and no Resource is`:                                {"Action", []any{"s3:ListBucket", "s3:RestoreObject"}, "Resource", inBucket},
		`statement 1: Action "s3:ListBucket" is about the bucket, which is not among its Resources`:                  {"Action", "s3:ListBucket", "Resource", "/*"},
		`statement 1: Action "s3:GetBucketLocation" is about the bucket, which is not among its Resources`:           {"Action", "s3:GetBucketLocation", "Resource", inBucket + "/a"},
		`statement 1: Action "s3:ListBucketMultipartUploads" lists no objects, and its Condition is about a listing`: {"Action", "s3:ListBucketMultipartUploads", "Condition", listing},
	} {
		properties := statement(append(pairs, "Effect", "Allow")...)
		properties["BucketName"] = "my-bucket"
		if got := faultOf(t, properties); got != (spec.Fault{Property: "Statements", Reason: want, WasAccepted: true, IsOfAWS: true}) {
			t.Errorf("%+v, want %s", got, want)
		}
	}
	for _, pairs := range [][]any{
		{"Action", "s3:ListBucket", "Condition", listing},
		{"Action", "s3:List*", "Resource", "/*"},
		{"Action", "s3:SomethingNew", "Resource", inBucket},
		{"Action", []any{"s3:GetObject", "s3:ListBucket"}, "Resource", []any{inBucket, "/x/*"}},
	} {
		properties := statement(append(pairs, "Effect", "Allow")...)
		properties["BucketName"] = "my-bucket"
		mustParse(t, properties)
	}
}

// S3 wants each Sid once. Ours holds the number of the statement, and the Sid that was given may begin with a digit.
func TestRow27SidsThatMeet(t *testing.T) {
	statements := manyStatements(11)
	statements[0].(map[string]any)["Sid"], statements[10].(map[string]any)["Sid"] = "1x", "x"
	want := spec.Fault{Property: "Statements", WasAccepted: true, IsOfAWS: true,
		Reason: "statement 11: has the Sid BucketUserStatement11x in the policy, as statement 1; give either another Sid"}
	if got := faultOf(t, map[string]any{"Statements": statements}); got != want {
		t.Errorf("%+v", got)
	}
}

func TestRow27KeysThatAWSManages(t *testing.T) {
	for _, key := range []string{"alias/aws/s3", "arn:aws:kms:eu-west-1:123456789012:alias/aws/s3"} {
		want := spec.Fault{Property: "SecretKmsKeyId", Reason: "must not be the key that AWS manages for s3: no other service may use it", WasAccepted: true, IsOfAWS: true}
		if got := faultOf(t, map[string]any{"SecretKmsKeyId": key}); got != want {
			t.Errorf("%s: %+v", key, got)
		}
	}
	for _, key := range []string{"alias/aws/secretsmanager", "arn:aws:kms:eu-west-1:123456789012:alias/aws/secretsmanager", "alias/mine", "alias/my/aws/s3"} {
		mustParse(t, map[string]any{"SecretKmsKeyId": key})
	}
}

// outdated are values that 0.1.0 accepted and that are refused now.
var outdated = []map[string]any{
	{"Prefix": "a{b}/"}, {"Prefix": "a^b$"}, {"BucketName": "my-data-an"}, {"SecretKmsKeyId": "alias/aws/s3"},
	statement("Effect", "Allow", "Action", "s3:GetObject", "Resource", "arn:aws:s3:::bucketuser-123456789012-eu-west-1-wnuuuk2rxytm"),
}

// A15: a value that an earlier version accepted is read, beside a fault that says so; every other one is replaced by its
// default. A Delete reads it without a fault.
func TestA15ReadsWhatEarlierVersionsAccepted(t *testing.T) {
	for _, properties := range outdated {
		t.Run(fmt.Sprint(properties), func(t *testing.T) {
			s, faults := spec.Read(properties, stackID, "Disk", provider)
			wantFaults(t, "alone", faults, 0, 1)
			wantFaults(t, "new beside itself", faults.New(s, s), 0, 0)
			wantFaults(t, "new beside the default", faults.New(s, mustParse(t, nil)), 0, 1)
			wantFaults(t, "new beside nothing", faults.New(s, spec.Spec{}), 0, 1)
			d, err := spec.ParseForDelete(properties, stackID, "Disk", provider)
			if err != nil || d.Prefix != s.Prefix || d.BucketName != s.BucketName || d.PhysicalID != s.PhysicalID {
				t.Errorf("a Delete reads %+v, %v", d, err)
			}
			beside := maps.Clone(properties)
			beside["Access"] = "All"
			_, faults = spec.Read(beside, stackID, "Disk", provider)
			wantFaults(t, "beside another", faults, 1, 1)
		})
	}
}

func wantFaults(t *testing.T, name string, faults spec.Faults, final, outdated int) {
	t.Helper()
	if len(faults.Final()) != final || len(faults.Outdated()) != outdated {
		t.Errorf("%s: %+v, want %d that are final and %d that are outdated", name, faults, final, outdated)
	}
}

// A15: a Delete has the folder marker of the prefix that was accepted, with and without its slash.
func TestA15MarkerOfADelete(t *testing.T) {
	for prefix, want := range map[string]string{"a{b}/": "a{b}/", "a{b}": "a{b}/", "a^b$": "a^b$/", "a*": "data/"} {
		s, err := spec.ParseForDelete(map[string]any{"Prefix": prefix}, stackID, "Disk", provider)
		if err != nil || s.MarkerKey() != want {
			t.Errorf("%s: marker %s, %v", prefix, s.MarkerKey(), err)
		}
	}
}

// A15: before anything is deployed only that is refused which no resource has.
func TestA15AtSynthesis(t *testing.T) {
	for _, properties := range outdated {
		_, faults := spec.Read(properties, stackID, "Disk", provider)
		refused, warned := faults.AtSynthesis()
		if _, isPrefix := properties["Prefix"]; len(refused)+len(warned) != 1 || isPrefix != (len(warned) == 1) {
			t.Errorf("%v: refused %v, warned of %v", properties, refused, warned)
		}
	}
}
