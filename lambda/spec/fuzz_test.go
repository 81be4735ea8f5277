package spec_test

import (
	"encoding/json"
	"strings"
	"testing"

	"bucketuser/lambda/spec"
)

// FuzzParse gives the parser any JSON object as properties. What it accepts must be
// within the limits of AWS and of an answer, must name nothing outside the bucket, and
// must be found again by a Delete.
//
//	go test ./lambda/spec -run '^$' -fuzz '^FuzzParse$' -fuzztime 20s
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"ServiceToken":"arn","BucketName":"my-data","UserName":"u","SecretName":"s/3"}`,
		`{"Prefix":"a b/%+c","Access":"ReadOnly","Versioning":"true","AbortIncompleteUploadsAfterDays":"3"}`,
		`{"Prefix":"${aws:username}/*","OnDelete":"Keep","Tags":[{"Key":"aws:x","Value":""}]}`,
		`{"Statements":[{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"/x/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}]}`,
		`{"Statements":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::other/*"}]}`,
		`{"Tags":[{"Key":"team","Value":"a"},{"Key":"Team","Value":"b"}],"SecretRecoveryDays":7,"KeySerial":1e9}`,
		`{"Prefix":"a{b}/^c$","BucketName":"my-data-an","SecretKmsKeyId":"alias/aws/s3"}`,
		`{"Prefix":"{}","OnDelete":"Retain","BucketName":"x-an","Access":"All"}`,
		`{"Statements":[{"Sid":"1 a.b-c","Effect":"Allow","Action":["S3:getobject","*"],"Resource":"/x/*","Condition":{"Bool":{"k":[true,7,"x"]}}}]}`,
		`{"BucketName":null,"UserName":[],"SecretName":{"Ref":"x"},"Prefix":1,"FolderMarker":"yes"}`,
	} {
		f.Add(seed, "Disk")
	}
	f.Fuzz(func(t *testing.T, text, logicalID string) {
		var properties map[string]any
		if json.Unmarshal([]byte(text), &properties) != nil {
			t.Skip("not an object")
		}
		s, err := spec.Parse(properties, fuzzStackID, logicalID, fuzzProvider)
		deleted, deleteErr := spec.ParseForDelete(properties, fuzzStackID, logicalID, fuzzProvider)
		if err != nil {
			if isFinal(t, err) {
				return
			}
			// An earlier version accepted it, so all that follows held then and holds now.
			s, _ = spec.Read(properties, fuzzStackID, logicalID, fuzzProvider)
		}
		if deleteErr != nil {
			t.Fatalf("accepted, and Delete would find nothing: %v", deleteErr)
		}
		if deleted.PhysicalID != s.PhysicalID || deleted.BucketName != s.BucketName || deleted.UserName != s.UserName ||
			deleted.SecretName != s.SecretName || deleted.OnDelete != s.OnDelete || deleted.Prefix != s.Prefix {
			t.Fatalf("Delete reads %+v, the others %+v", deleted, s)
		}
		checkNames(t, s)
		checkTags(t, s)
		if err == nil {
			checkPrefix(t, s)
			checkPolicyOf(t, s)
		}
		checkAnswerOf(t, s)
	})
}

// isFinal reports whether no version accepted the properties.
func isFinal(t *testing.T, err error) bool {
	t.Helper()
	faults, ok := err.(spec.Faults)
	if !ok || err.Error() == "" {
		t.Fatalf("a refusal without a fault: %T %v", err, err)
	}
	return len(faults.Final()) > 0
}

const fuzzStackID = "arn:aws:cloudformation:ap-southeast-1:123456789012:stack/analytics/5f0c2b10-0000-11ee-be56-0242ac120002"

var fuzzProvider = spec.Provider{Partition: "aws", Region: "ap-southeast-1", Account: "123456789012", IAMPath: spec.DefaultIAMPath}

func checkNames(t *testing.T, s spec.Spec) {
	t.Helper()
	if s.PhysicalID == "" || len(s.PhysicalID) > 1024 {
		t.Errorf("physical id %q", s.PhysicalID)
	}
	if len(s.BucketName) < 3 || len(s.BucketName) > 63 || strings.ToLower(s.BucketName) != s.BucketName || strings.ContainsAny(s.BucketName, "./ ") {
		t.Errorf("bucket name %q", s.BucketName)
	}
	if len(s.UserName) < 1 || len(s.UserName) > 64 || strings.ContainsAny(s.UserName, "/ *") {
		t.Errorf("user name %q", s.UserName)
	}
	if len(s.SecretName) < 1 || len(s.SecretName) > 512 || strings.ContainsAny(s.SecretName, " *") {
		t.Errorf("secret name %q", s.SecretName)
	}
	if !strings.HasSuffix(s.Prefix, "/") || strings.HasPrefix(s.Prefix, "/") || len(s.Prefix) > 1000 ||
		strings.ContainsAny(s.Prefix, "*?\x00\n") || strings.Contains(s.Prefix, "${") || strings.Contains("/"+s.Prefix, "/../") {
		t.Errorf("prefix %q", s.Prefix)
	}
}

// checkPrefix wants nothing in a prefix that is read as more than itself.
func checkPrefix(t *testing.T, s spec.Spec) {
	t.Helper()
	if strings.ContainsAny(s.Prefix, "*?{}^$") {
		t.Errorf("prefix %q", s.Prefix)
	}
}

// checkTags wants the owner tags to stay the function's own.
func checkTags(t *testing.T, s spec.Spec) {
	t.Helper()
	for _, key := range []string{spec.TagOwner, spec.TagStackID, spec.TagLogicalID} {
		for _, tag := range s.Tags {
			if strings.EqualFold(tag.Key, key) {
				t.Errorf("a property sets the owner tag %s", key)
			}
		}
	}
}

type policyStatement struct {
	Sid, Effect      string
	Principal        any
	Action, Resource any
}

// checkPolicyOf wants every Allow to name our user and something in our bucket.
func checkPolicyOf(t *testing.T, s spec.Spec) {
	t.Helper()
	document := s.PolicyJSON()
	var policy struct{ Statement []policyStatement }
	if err := json.Unmarshal(document, &policy); err != nil || len(document) > spec.MaxPolicyBytes {
		t.Fatalf("policy of %d bytes: %v", len(document), err)
	}
	sids := map[string]bool{}
	for _, statement := range policy.Statement {
		if sids[statement.Sid] || !strings.HasPrefix(statement.Sid, spec.SidPrefix) {
			t.Errorf("Sid %q is not ours alone", statement.Sid)
		}
		sids[statement.Sid] = true
		statement.check(t, s)
	}
}

// check wants one statement to name nobody but our user and nothing but our bucket.
func (p policyStatement) check(t *testing.T, s spec.Spec) {
	t.Helper()
	principal, _ := p.Principal.(map[string]any)
	if p.Effect == "Allow" && principal["AWS"] != s.UserARN() {
		t.Errorf("%s lets in %v", p.Sid, p.Principal)
	}
	for _, arn := range listOf(p.Resource) {
		if arn != s.BucketARN() && !strings.HasPrefix(arn, s.BucketARN()+"/") {
			t.Errorf("%s is about %s", p.Sid, arn)
		}
	}
	for _, action := range listOf(p.Action) {
		if action != "*" && !strings.HasPrefix(strings.ToLower(action), "s3:") {
			t.Errorf("%s allows %s", p.Sid, action)
		}
	}
}

func listOf(v any) []string {
	if one, ok := v.(string); ok {
		return []string{one}
	}
	var all []string
	elements, _ := v.([]any)
	for _, element := range elements {
		text, _ := element.(string)
		all = append(all, text)
	}
	return all
}

// checkAnswerOf wants the largest answer to fit 4,096 bytes.
func checkAnswerOf(t *testing.T, s spec.Spec) {
	t.Helper()
	arn := "arn:" + s.Partition + ":secretsmanager:" + s.Region + ":" + s.Account + ":secret:" + s.SecretName + "-AbCdEf"
	answer, err := json.Marshal(map[string]any{
		"Status": "SUCCESS", "StackId": s.StackID + strings.Repeat("x", 128+64), "LogicalResourceId": s.LogicalID,
		"RequestId": strings.Repeat("x", 128), "PhysicalResourceId": s.PhysicalID,
		"Data": s.Data(strings.Repeat("A", 128), arn, strings.Repeat("v", 64)),
	})
	if err != nil || len(answer) > 4096 {
		t.Errorf("the answer has %d bytes: %v", len(answer), err)
	}
}
