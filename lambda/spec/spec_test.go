package spec_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/spec"
)

const (
	account = "123456789012"
	stackID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/analytics/5f0c2b10-0000-11ee-be56-0242ac120002"
)

var provider = spec.Provider{Partition: "aws", Region: "eu-west-1", Account: account, IAMPath: spec.DefaultIAMPath}

func parse(properties map[string]any) (spec.Spec, error) {
	return spec.Parse(properties, stackID, "Disk", provider)
}

func mustParse(t *testing.T, properties map[string]any) spec.Spec {
	t.Helper()
	s, err := parse(properties)
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return s
}

func TestEveryPropertyHasItsDefault(t *testing.T) {
	s := mustParse(t, nil)
	want := spec.Properties{
		BucketName: s.BucketName, UserName: s.UserName, SecretName: s.SecretName,
		Prefix: "data/", FolderMarker: true, Access: spec.ReadWrite, EnforceTls: true,
		OnDelete: spec.DeleteIfEmpty, PreviousKey: spec.KeepKey, VerifyCredentials: true,
	}
	if diff := cmp.Diff(want, s.Properties); diff != "" {
		t.Error(diff)
	}
}

func TestEveryPropertyIsReadAsStringAndAsItsOwnKind(t *testing.T) {
	own := map[string]any{
		"BucketName": "my-bucket", "UserName": "my-user", "SecretName": "my/secret", "Prefix": "logs",
		"FolderMarker": false, "Access": "ReadOnly", "EnforceTls": false, "OnDelete": "Purge", "Versioning": true,
		"AbortIncompleteUploadsAfterDays": float64(3), "ExpireNoncurrentAfterDays": float64(30),
		"KeySerial": float64(7), "PreviousKey": "Delete", "RotateAfterDays": float64(44),
		"SecretKmsKeyId": "alias/mine", "SecretRecoveryDays": float64(7), "VerifyCredentials": false,
		"Tags": []any{map[string]any{"Key": "team", "Value": "data"}}, "Trigger": "2026-11-26",
		"Statements": []any{map[string]any{"Effect": "Allow", "Action": []any{"s3:GetObjectTagging"}, "Resource": []any{"/logs/*"},
			"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "true"}}}},
	}
	asStrings := map[string]any{"ServiceToken": "arn", "ServiceTimeout": "3600"}
	for name, value := range own {
		switch v := value.(type) {
		case bool, float64:
			asStrings[name] = fmt.Sprint(v)
		default:
			asStrings[name] = value
		}
	}
	asStrings["Statements"] = []any{map[string]any{"Effect": "Allow", "Action": "s3:GetObjectTagging", "Resource": "/logs/*",
		"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "true"}}}}

	want := mustParse(t, own)
	if diff := cmp.Diff(want, mustParse(t, asStrings)); diff != "" {
		t.Error(diff)
	}
	for _, row := range spec.Table {
		if _, ok := own[row.Name]; !ok {
			t.Errorf("property %s is missing from this test", row.Name)
		}
	}
	defaults := mustParse(t, nil)
	for _, row := range spec.Table {
		field := func(s spec.Spec) any { return reflect.ValueOf(s.Properties).FieldByName(row.Name).Interface() }
		if reflect.DeepEqual(field(want), field(defaults)) {
			t.Errorf("property %s: its value does not reach the spec", row.Name)
		}
	}
}

func TestTableAndPropertiesAgree(t *testing.T) {
	var rows, fields []string
	for _, row := range spec.Table {
		rows = append(rows, row.Name)
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[spec.Properties]()) {
		fields = append(fields, field.Name)
	}
	if diff := cmp.Diff(fields, rows); diff != "" {
		t.Error(diff)
	}
}

func TestEmptyNamesAreGenerated(t *testing.T) {
	s := mustParse(t, map[string]any{"BucketName": "", "UserName": nil, "SecretName": ""})
	if diff := cmp.Diff(mustParse(t, nil), s); diff != "" {
		t.Error(diff)
	}
}

func TestRefusedValues(t *testing.T) {
	long := strings.Repeat("a", 300)
	tests := []struct {
		name  string
		value map[string]any
		want  string
	}{
		{"unknown property", map[string]any{"Bucket": "b"}, "Bucket: is not a property of Custom::BucketUser"},
		{"wrong kind of boolean", map[string]any{"Versioning": "yes"}, "Versioning: must be true or false"},
		{"number for boolean", map[string]any{"Versioning": float64(1)}, "Versioning: must be true or false"},
		{"list for string", map[string]any{"Prefix": []any{"a"}}, "Prefix: must be a string"},
		{"boolean for string", map[string]any{"BucketName": true}, "BucketName: must be a string"},
		{"fraction", map[string]any{"SecretRecoveryDays": 7.5}, "SecretRecoveryDays: must be a whole number"},
		{"boolean for number", map[string]any{"SecretRecoveryDays": true}, "SecretRecoveryDays: must be a whole number"},
		{"empty number", map[string]any{"SecretRecoveryDays": ""}, "SecretRecoveryDays: must be a whole number"},
		{"hexadecimal", map[string]any{"SecretRecoveryDays": "0x7"}, "SecretRecoveryDays: must be a whole number"},
		{"overflow", map[string]any{"AbortIncompleteUploadsAfterDays": "99999999999999999999"}, "AbortIncompleteUploadsAfterDays: must be a whole number"},
		{"half a day", map[string]any{"ExpireNoncurrentAfterDays": "0.5"}, "ExpireNoncurrentAfterDays: must be a whole number"},
		{"too late", map[string]any{"ExpireNoncurrentAfterDays": "36501"}, "ExpireNoncurrentAfterDays: must be from 0 to 36500"},
		{"negative", map[string]any{"AbortIncompleteUploadsAfterDays": "-1"}, "AbortIncompleteUploadsAfterDays: must be from 0 to 36500"},
		{"bucket with capitals", map[string]any{"BucketName": "MyBucket"}, "BucketName: must be 3 to 63 lower-case letters"},
		{"bucket with dots", map[string]any{"BucketName": "my.bucket"}, "BucketName: must not contain dots"},
		{"short bucket", map[string]any{"BucketName": "ab"}, "BucketName: must be 3 to 63"},
		{"long bucket", map[string]any{"BucketName": long}, "BucketName: must be 3 to 63"},
		{"bucket that ends in a hyphen", map[string]any{"BucketName": "abc-"}, "BucketName: must be 3 to 63"},
		{"reserved bucket prefix", map[string]any{"BucketName": "xn--abc"}, `BucketName: must not start with "xn--"`},
		{"reserved bucket suffix", map[string]any{"BucketName": "abc-s3alias"}, `BucketName: must not end with "-s3alias"`},
		{"user with a slash", map[string]any{"UserName": "a/b"}, "UserName: must be 1 to 64"},
		{"long user", map[string]any{"UserName": long}, "UserName: must be 1 to 64"},
		{"secret with a space", map[string]any{"SecretName": "a b"}, "SecretName: must be 1 to 256"},
		{"long secret", map[string]any{"SecretName": long}, "SecretName: must be 1 to 256"},
		{"empty prefix", map[string]any{"Prefix": ""}, "Prefix: must not be empty"},
		{"root prefix", map[string]any{"Prefix": "/"}, `Prefix: must not start with "/"`},
		{"prefix with a leading slash", map[string]any{"Prefix": "/data"}, `Prefix: must not start with "/"`},
		{"prefix with an empty segment", map[string]any{"Prefix": "a//b"}, "Prefix: must not"},
		{"prefix with ..", map[string]any{"Prefix": "a/../b"}, "Prefix: must not"},
		{"prefix with .", map[string]any{"Prefix": "./b"}, "Prefix: must not"},
		{"prefix with *", map[string]any{"Prefix": "a*"}, `Prefix: must not contain "*"`},
		{"prefix with ?", map[string]any{"Prefix": "a?"}, `Prefix: must not contain "?"`},
		{"prefix with a policy variable", map[string]any{"Prefix": "${aws:username}"}, `Prefix: must not contain "${"`},
		{"prefix with a control character", map[string]any{"Prefix": "a\nb"}, "Prefix: must be printable ASCII"},
		{"prefix outside ASCII", map[string]any{"Prefix": "dätä"}, "Prefix: must be printable ASCII"},
		{"long prefix", map[string]any{"Prefix": long}, "Prefix: must be at most 256 bytes"},
		{"prefix that is long when encoded", map[string]any{"Prefix": strings.Repeat("%", 200)}, "at most 512 percent-encoded"},
		{"unknown access", map[string]any{"Access": "readwrite"}, "Access: must be one of ReadOnly, ReadWrite, Full"},
		{"unknown OnDelete", map[string]any{"OnDelete": "Delete"}, "OnDelete: must be one of DeleteIfEmpty, Purge, Retain"},
		{"negative serial", map[string]any{"KeySerial": "-1"}, "KeySerial: must be from 0 to 999999999"},
		{"serial of ten digits", map[string]any{"KeySerial": "1000000000"}, "KeySerial: must be a whole number"},
		{"serial of ten digits as a number", map[string]any{"KeySerial": 1e9}, "KeySerial: must be a whole number"},
		{"unknown PreviousKey", map[string]any{"PreviousKey": "Retain"}, "PreviousKey: must be one of Keep, Delete"},
		{"negative schedule", map[string]any{"RotateAfterDays": "-1"}, "RotateAfterDays: must be from 0 to 1000"},
		{"rotation too late", map[string]any{"RotateAfterDays": "1001"}, "RotateAfterDays: must be from 0 to 1000"},
		{"rotation with 39 tags", map[string]any{"RotateAfterDays": "1", "Tags": manyTags(39)}, "RotateAfterDays: must be 0 with more than 38 Tags"},
		{"41 tags", map[string]any{"Tags": manyTags(41)}, "Tags: must be at most 40"},
		{"recovery of 6 days", map[string]any{"SecretRecoveryDays": "6"}, "SecretRecoveryDays: must be 0, or from 7 to 30"},
		{"recovery of 31 days", map[string]any{"SecretRecoveryDays": "31"}, "SecretRecoveryDays: must be 0, or from 7 to 30"},
		{"KMS key with a space", map[string]any{"SecretKmsKeyId": "a b"}, "SecretKmsKeyId: must be the id"},
		{"tags as an object", map[string]any{"Tags": "x"}, "Tags: must be a list of objects with Key and Value"},
		{"tag with another field", map[string]any{"Tags": []any{map[string]any{"Key": "a", "Name": "b"}}}, "Tags: must be a list of objects"},
		{"reserved tag", map[string]any{"Tags": []any{map[string]any{"Key": "BucketUser:owner", "Value": "x"}}}, "Tags: keys must not start"},
		{"tag twice", map[string]any{"Tags": []any{map[string]any{"Key": "a", "Value": "1"}, map[string]any{"Key": "A", "Value": "2"}}}, `Tags: key "A" stands twice`},
		{"number for a trigger", map[string]any{"Trigger": float64(2)}, "Trigger: must be a string"},
		{"boolean for a trigger", map[string]any{"Trigger": true}, "Trigger: must be a string"},
		{"list for a trigger", map[string]any{"Trigger": []any{"a"}}, "Trigger: must be a string"},
		{"statement without effect", statement("Action", "s3:GetObject"), "statement 1: Effect must be"},
		{"statement without action", statement("Effect", "Allow"), "statement 1: Action is missing"},
		{"statement with a principal", statement("Effect", "Allow", "Action", "s3:GetObject", "Principal", "*"), "Statements: must be a list of objects"},
		{"statement in lower case", statement("effect", "Allow", "Action", "s3:GetObject"), "Statements: must be a list of objects"},
		{"statement about IAM", statement("Effect", "Allow", "Action", "iam:CreateUser"), `Action "iam:CreateUser" is not an action of S3`},
		{"statement outside the bucket", statement("Effect", "Allow", "Action", "s3:GetObject", "Resource", "arn:aws:s3:::other/*"), `Resource "arn:aws:s3:::other/*" is outside the bucket`},
		{"statement beside the bucket", statement("Effect", "Allow", "Action", "s3:GetObject", "Resource", "arn:aws:s3:::my-bucket2/*"), "is outside the bucket"},
		{"statement on everything", statement("Effect", "Allow", "Action", "s3:GetObject", "Resource", "*"), "is outside the bucket"},
		{"condition of the wrong form", statement("Effect", "Deny", "Action", "s3:*", "Condition", map[string]any{"Bool": map[string]any{"k": map[string]any{}}}), "Condition Bool k must be a string"},
		{"policy that is too large", map[string]any{"Statements": manyStatements(200)}, "S3 allows 20480"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.value["BucketName"] == nil {
				test.value["BucketName"] = "my-bucket"
			}
			_, err := parse(test.value)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Parse: %v, want %q", err, test.want)
			}
		})
	}
}

func TestTriggerIsAnyText(t *testing.T) {
	for name, text := range map[string]string{
		"empty":              "",
		"white space":        " \t\r\n",
		"control characters": "\x00\x1b\u2028",
		"JSON":               `{"a": ["${aws:username}", "*", "\u0000"]}`,
		"a number":           "1",
		"a boolean":          "true",
		"1,024 characters":   strings.Repeat("a", 1024),
		"4,096 bytes":        strings.Repeat("𝔸", 1024),
	} {
		t.Run(name, func(t *testing.T) {
			s, base := mustParse(t, map[string]any{"Trigger": text}), mustParse(t, nil)
			if s.Trigger != text {
				t.Errorf("Trigger: %q", s.Trigger)
			}
			base.Trigger = text
			if diff := cmp.Diff(base, s); diff != "" {
				t.Errorf("it has an effect: %s", diff)
			}
		})
	}
}

// A trigger may be anything, also what nobody else should read. So no reason quotes it.
func TestReasonDoesNotQuoteTheTrigger(t *testing.T) {
	for name, value := range map[string]any{
		"1,025 characters":              strings.Repeat("a", 1025),
		"1,025 characters, 4,100 bytes": strings.Repeat("𝔸", 1025),
		"a number":                      float64(20261126),
		"a boolean":                     true,
		"an object":                     map[string]any{"20261126": "20261126"},
	} {
		t.Run(name, func(t *testing.T) {
			want := "Trigger: must be a string"
			if _, isText := value.(string); isText {
				want = "Trigger: must be at most 1024 characters"
			}
			if _, err := parse(map[string]any{"Trigger": value}); err == nil || err.Error() != want {
				t.Errorf("Parse: %v, want %q", err, want)
			}
		})
	}
}

func statement(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return map[string]any{"Statements": []any{m}}
}

func manyTags(n int) []any {
	var list []any
	for i := range n {
		list = append(list, map[string]any{"Key": fmt.Sprint(i), "Value": "x"})
	}
	return list
}

// A schedule takes two of the tags that a secret may have.
func TestMostTagsOfASecret(t *testing.T) {
	for name, properties := range map[string]map[string]any{
		"rotated":     {"RotateAfterDays": "1000", "Tags": manyTags(38)},
		"not rotated": {"RotateAfterDays": "0", "KeySerial": "999999999", "Tags": manyTags(40)},
	} {
		t.Run(name, func(t *testing.T) { mustParse(t, properties) })
	}
}

func manyStatements(n int) []any {
	var list []any
	for i := range n {
		list = append(list, map[string]any{"Effect": "Allow", "Action": "s3:GetObjectTagging", "Resource": fmt.Sprintf("/%d/*", i)})
	}
	return list
}

func TestOneMessageNamesEveryFault(t *testing.T) {
	_, err := parse(map[string]any{"Zoo": "1", "Ape": "1", "Prefix": "a*", "Access": "All", "UserName": "a/b", "Versioning": "maybe"})
	want := "Versioning: must be true or false; Ape: is not a property of Custom::BucketUser; Zoo: is not a property of Custom::BucketUser; " +
		`UserName: must be 1 to 64 letters, digits and characters of _+=,.@-; Prefix: must not contain "*": IAM and ClickHouse read it as a pattern; Access: must be one of ReadOnly, ReadWrite, Full`
	if err == nil || err.Error() != want {
		t.Errorf("\n got %v\nwant %s", err, want)
	}
}

func TestEventsOfOtherPlacesAreRefused(t *testing.T) {
	for name, id := range map[string]string{
		"region":    strings.Replace(stackID, "eu-west-1", "eu-west-2", 1),
		"account":   strings.Replace(stackID, account, "210987654321", 1),
		"partition": strings.Replace(stackID, "arn:aws:", "arn:aws-cn:", 1),
		"form":      "analytics",
		"name":      stackID[:strings.Index(stackID, ":stack/")] + ":stack/" + strings.Repeat("s", 129) + "/1",
		"id":        stackID[:strings.Index(stackID, ":stack/")] + ":stack/s/" + strings.Repeat("1", 65),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := spec.Parse(nil, id, "Disk", provider); err == nil || !strings.HasPrefix(err.Error(), "StackId: ") {
				t.Errorf("Parse: %v", err)
			}
		})
	}
	for _, id := range []string{"a/b", "", strings.Repeat("L", 256)} {
		if _, err := spec.Parse(nil, stackID, id, provider); err == nil {
			t.Errorf("the logical id %q was accepted", id)
		}
	}
}

func TestIdentityIsAFunctionOfStackLogicalIDAndNames(t *testing.T) {
	base := mustParse(t, nil)
	if again := mustParse(t, map[string]any{"Prefix": "other", "OnDelete": "Purge", "Access": "Full"}); again.PhysicalID != base.PhysicalID {
		t.Errorf("a property that is no name changed the id: %s, %s", base.PhysicalID, again.PhysicalID)
	}
	seen := map[string]string{base.PhysicalID: "base"}
	other := func(name string, s spec.Spec, err error) {
		if err != nil {
			t.Fatal(err)
		}
		if was, ok := seen[s.PhysicalID]; ok {
			t.Errorf("%s and %s have the same id", name, was)
		}
		seen[s.PhysicalID] = name
	}
	for _, property := range []string{"BucketName", "UserName", "SecretName"} {
		s, err := parse(map[string]any{property: "abc"})
		other(property, s, err)
	}
	s, err := spec.Parse(nil, stackID, "Disk2", provider)
	other("logical id", s, err)
	s, err = spec.Parse(nil, stackID+"x", "Disk", provider)
	other("stack id", s, err)
	for _, name := range []string{base.UserName, base.BucketName, base.SecretName} {
		if !strings.HasSuffix(name, base.PhysicalID[strings.LastIndex(base.PhysicalID, "-"):]) {
			t.Errorf("generated name %s does not hold the hash of %s", name, base.PhysicalID)
		}
	}
}

func TestIdentityStaysTheSameForEver(t *testing.T) {
	// These names are in people's accounts: another value here would replace them all.
	s := mustParse(t, nil)
	got := []string{s.PhysicalID, s.UserName, s.BucketName, s.SecretName}
	want := []string{
		"Disk-v1-wnuuuk2rxytm",
		"bucketuser-Disk-wnuuuk2rxytm",
		"bucketuser-123456789012-eu-west-1-wnuuuk2rxytm",
		"bucketuser/Disk-wnuuuk2rxytm",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestGeneratedNamesAreValidForTheLongestInput(t *testing.T) {
	p := spec.Provider{Partition: "aws-us-gov", Region: "ap-southeast-99", Account: account, IAMPath: spec.DefaultIAMPath}
	id := "arn:aws-us-gov:cloudformation:ap-southeast-99:" + account + ":stack/" + strings.Repeat("s", 128) + "/5f0c2b10-0000-11ee-be56-0242ac120002"
	if _, err := spec.Parse(nil, id, strings.Repeat("L", 255), p); err != nil {
		t.Error(err)
	}
}

func TestParseForDelete(t *testing.T) {
	tests := []struct {
		name       string
		properties map[string]any
		wantErr    bool
		onDelete   string
	}{
		{"unknown properties are not read", map[string]any{"Nonsense": "1", "OnDelete": "Purge"}, false, spec.Purge},
		{"a bad OnDelete deletes nothing but an empty bucket", map[string]any{"OnDelete": "Everything"}, false, spec.DeleteIfEmpty},
		{"a bad prefix does not matter", map[string]any{"Prefix": "a*", "OnDelete": "Retain"}, false, spec.Retain},
		{"a bad trigger does not matter", map[string]any{"Trigger": strings.Repeat("a", 1025), "OnDelete": "Purge"}, false, spec.Purge},
		{"a bad name means that nothing was made", map[string]any{"BucketName": "A", "OnDelete": "Purge"}, true, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := spec.ParseForDelete(test.properties, stackID, "Disk", provider)
			if (err != nil) != test.wantErr || s.OnDelete != test.onDelete {
				t.Errorf("ParseForDelete: %q, %v", s.OnDelete, err)
			}
		})
	}
	if s, err := spec.ParseForDelete(map[string]any{"ExpireNoncurrentAfterDays": "30"}, stackID, "Disk", provider); err != nil || s.ExpireNoncurrentAfterDays != 30 {
		t.Errorf("a Delete does not know its lifecycle rules: %d, %v", s.ExpireNoncurrentAfterDays, err)
	}
	if s, err := spec.ParseForDelete(map[string]any{"Trigger": "again"}, stackID, "Disk", provider); err != nil || s.Trigger != "" {
		t.Errorf("a Delete has read the trigger: %q, %v", s.Trigger, err)
	}
	if _, err := spec.ParseForDelete(nil, "elsewhere", "Disk", provider); err == nil {
		t.Error("a stack id of nowhere was accepted")
	}
}

// The largest valid answer has to fit 4,096 bytes; this is the part that grows.
func TestLargestReturnValuesFit(t *testing.T) {
	region := "ap-southeast-99"
	p := spec.Provider{Partition: "aws-cn", Region: region, Account: account, IAMPath: "/" + strings.Repeat("p", 126) + "/"}
	id := "arn:aws-cn:cloudformation:" + region + ":" + account + ":stack/" + strings.Repeat("s", 128) + "/5f0c2b10-0000-11ee-be56-0242ac120002"
	logical := strings.Repeat("L", 255)
	s, err := spec.Parse(map[string]any{
		"BucketName": strings.Repeat("b", 63), "UserName": strings.Repeat("u", 64), "SecretName": strings.Repeat("s", 256),
		"Prefix": strings.Repeat("a", 127) + strings.Repeat(`"`, 128),
	}, id, logical, p)
	if err != nil {
		t.Fatal(err)
	}
	arn := "arn:aws-cn:secretsmanager:" + region + ":" + account + ":secret:" + s.SecretName + "-AbCdEf"
	body, err := json.Marshal(map[string]any{
		"Status": "SUCCESS", "PhysicalResourceId": s.PhysicalID, "StackId": id, "LogicalResourceId": logical,
		"RequestId": strings.Repeat("r", 64), "Data": s.Data(strings.Repeat("K", 20), arn, strings.Repeat("v", 64)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(body) > 4096 {
		t.Errorf("the largest answer has %d bytes", len(body))
	}
	t.Logf("the largest answer has %d bytes", len(body))
}
