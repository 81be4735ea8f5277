package spec_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/spec"
)

// guidePolicy is the bucket policy of the ClickHouse guide "How to create an AWS
// IAM user and S3 bucket", step 12.
const guidePolicy = `{
    "Version": "2012-10-17",
    "Id": "Policy123456",
    "Statement": [
        {
            "Sid": "abc123",
            "Effect": "Allow",
            "Principal": {
                "AWS": "arn:aws:iam::782985192762:user/docs-s3-user"
            },
            "Action": "s3:*",
            "Resource": [
                "arn:aws:s3:::ch-docs-s3-bucket",
                "arn:aws:s3:::ch-docs-s3-bucket/*"
            ]
        }
    ]
}`

func TestFullAccessWithoutTlsIsTheGuidesPolicy(t *testing.T) {
	p := spec.Provider{Partition: "aws", Region: "us-east-2", Account: "782985192762", IAMPath: "/"}
	s, err := spec.Parse(map[string]any{
		"BucketName": "ch-docs-s3-bucket", "UserName": "docs-s3-user", "Access": "Full", "EnforceTls": "false",
	}, "arn:aws:cloudformation:us-east-2:782985192762:stack/docs/5f0c2b10", "Disk", p)
	if err != nil {
		t.Fatal(err)
	}
	ours := strings.NewReplacer("Policy123456", spec.PolicyID, "abc123", "BucketUserFull").Replace(guidePolicy)
	if diff := cmp.Diff(decode(t, []byte(ours)), decode(t, s.PolicyJSON())); diff != "" {
		t.Errorf("(-guide +ours)\n%s", diff)
	}
}

func TestPolicyOfEachAccess(t *testing.T) {
	const tls = `{"Sid":"BucketUserDenyInsecureTransport","Effect":"Deny","Principal":"*","Action":"s3:*",
		"Resource":["arn:aws:s3:::b-1","arn:aws:s3:::b-1/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}`
	const user = `"Principal":{"AWS":"arn:aws:iam::123456789012:user/bucketuser/u"}`
	tests := []struct {
		name       string
		properties map[string]any
		want       string
	}{
		{"ReadWrite", map[string]any{}, `[
			{"Sid":"BucketUserBucket","Effect":"Allow",` + user + `,"Resource":"arn:aws:s3:::b-1",
			 "Action":["s3:GetBucketLocation","s3:GetBucketVersioning","s3:ListBucket","s3:ListBucketMultipartUploads"]},
			{"Sid":"BucketUserObjects","Effect":"Allow",` + user + `,"Resource":"arn:aws:s3:::b-1/data/*",
			 "Action":["s3:GetObject","s3:PutObject","s3:DeleteObject","s3:AbortMultipartUpload","s3:ListMultipartUploadParts"]},` + tls + `]`},
		{"ReadWrite with versions", map[string]any{"Versioning": "true", "EnforceTls": "false"}, `[
			{"Sid":"BucketUserBucket","Effect":"Allow",` + user + `,"Resource":"arn:aws:s3:::b-1",
			 "Action":["s3:GetBucketLocation","s3:GetBucketVersioning","s3:ListBucket","s3:ListBucketVersions","s3:ListBucketMultipartUploads"]},
			{"Sid":"BucketUserObjects","Effect":"Allow",` + user + `,"Resource":"arn:aws:s3:::b-1/data/*",
			 "Action":["s3:GetObject","s3:GetObjectVersion","s3:PutObject","s3:DeleteObject","s3:AbortMultipartUpload","s3:ListMultipartUploadParts","s3:DeleteObjectVersion"]}]`},
		{"ReadOnly", map[string]any{"Access": "ReadOnly", "EnforceTls": "false"}, `[
			{"Sid":"BucketUserBucket","Effect":"Allow",` + user + `,"Resource":"arn:aws:s3:::b-1",
			 "Action":["s3:GetBucketLocation","s3:GetBucketVersioning","s3:ListBucket"]},
			{"Sid":"BucketUserObjects","Effect":"Allow",` + user + `,"Resource":"arn:aws:s3:::b-1/data/*","Action":"s3:GetObject"}]`},
		{"Full with an extra statement", map[string]any{"Access": "Full", "EnforceTls": "false", "Statements": []any{
			map[string]any{"Sid": "NoTags", "Effect": "Deny", "Action": "s3:PutObjectTagging", "Resource": []any{"/data/*", "arn:aws:s3:::b-1"}}}}, `[
			{"Sid":"BucketUserFull","Effect":"Allow",` + user + `,"Resource":["arn:aws:s3:::b-1","arn:aws:s3:::b-1/*"],"Action":"s3:*"},
			{"Sid":"BucketUserStatement1NoTags","Effect":"Deny",` + user + `,"Action":"s3:PutObjectTagging",
			 "Resource":["arn:aws:s3:::b-1/data/*","arn:aws:s3:::b-1"]}]`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.properties["BucketName"], test.properties["UserName"] = "b-1", "u"
			got, err := json.Marshal(mustParse(t, test.properties).Policy())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(decode(t, []byte(test.want)), decode(t, got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAddressesAndSecretFields(t *testing.T) {
	p := spec.Provider{Partition: "aws-cn", Region: "cn-north-1", Account: account, IAMPath: "/bucketuser/"}
	s, faults := spec.Read(map[string]any{"BucketName": "b-1", "UserName": "u", "SecretName": "s", "Prefix": "a b+c/%/~x"}, // + is outdated, and served
		"arn:aws-cn:cloudformation:cn-north-1:123456789012:stack/x/1", "Disk", p)
	if len(faults.Final()) > 0 {
		t.Fatal(faults)
	}
	const url = "https://b-1.s3.cn-north-1.amazonaws.com.cn/a%20b%2Bc/%25/~x/"
	wantData := map[string]string{
		"UserName": "u", "UserArn": "arn:aws-cn:iam::123456789012:user/bucketuser/u", "AccessKeyId": "AKIA",
		"BucketName": "b-1", "BucketArn": "arn:aws-cn:s3:::b-1", "Prefix": "a b+c/%/~x/", "Region": "cn-north-1",
		"Url": url, "BackupUrl": url + "backups/", "SecretArn": "arn", "SecretName": "s", "SecretVersionId": "v",
	}
	if diff := cmp.Diff(wantData, s.Data("AKIA", "arn", "v")); diff != "" {
		t.Error(diff)
	}
	wantSecret := map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "cn-north-1", "S3_BUCKET": "b-1",
		"S3_PREFIX": "a b+c/%/~x/", "S3_URL": url, "S3_BACKUP_PREFIX": "a b+c/%/~x/backups/", "S3_BACKUP_URL": url + "backups/",
		"S3_USER_ARN": "arn:aws-cn:iam::123456789012:user/bucketuser/u",
	}
	if diff := cmp.Diff(wantSecret, s.SecretValue("AKIA", "secret")); diff != "" {
		t.Error(diff)
	}
	wantSecret[spec.FieldKeySerial] = "0" // only with a serial
	for _, table := range []struct {
		documented []spec.Value
		values     map[string]string
	}{{spec.ReturnValues, wantData}, {spec.SecretFields, wantSecret}} {
		if len(table.documented) != len(table.values) {
			t.Errorf("%d values are documented, %d returned", len(table.documented), len(table.values))
		}
		for _, value := range table.documented {
			if _, ok := table.values[value.Name]; !ok {
				t.Errorf("%s is documented and not returned", value.Name)
			}
		}
	}
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}
