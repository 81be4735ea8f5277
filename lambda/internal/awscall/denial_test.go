package awscall_test

import (
	"testing"

	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awscall"
)

// The messages of "Troubleshoot access denied error messages" in the IAM User Guide, and what services make of them.
func TestDenialOf(t *testing.T) {
	const role, bucket = "arn:aws:sts::123456789012:assumed-role/provider/x", "arn:aws:s3:::my-data"
	for message, want := range map[string]awscall.Denial{
		"User: " + role + ` is not authorized to perform: s3:PutObject on resource: "` + bucket + `/a b" because no identity-based policy allows the s3:PutObject action`: {
			Principal: role, Action: "s3:PutObject", Resource: bucket + "/a b", Policy: "identity-based policy"},
		"User: " + role + " is not authorized to perform: iam:CreateUser on resource: user clickhouse with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-1/p-1": {
			Principal: role, Action: "iam:CreateUser", Resource: "user clickhouse", Policy: "service control policy", IsExplicit: true},
		"User: " + role + " is not authorized to perform: secretsmanager:CreateSecret on resource: a/b with an explicit deny in an identity-based policy": {
			Principal: role, Action: "secretsmanager:CreateSecret", Resource: "a/b", Policy: "identity-based policy", IsExplicit: true},
		"User: " + role + " is not authorized to perform: iam:CreateUser because no permissions boundary allows the iam:CreateUser action": {
			Principal: role, Action: "iam:CreateUser", Policy: "permissions boundary"},
		"User: " + role + " is not authorized to perform: kms:GenerateDataKey on this resource because no VPC endpoint policy allows the kms:GenerateDataKey action": {
			Principal: role, Action: "kms:GenerateDataKey", Policy: "VPC endpoint policy"},
		"Access Denied":                   {},
		"Access to KMS is not allowed":    {},
		"User: x is not authorized to do": {},
	} {
		got, isSaid := awscall.DenialOf(&smithy.GenericAPIError{Code: "AccessDenied", Message: message})
		if diff := cmp.Diff(want, got); diff != "" || isSaid != (want.Action != "") {
			t.Errorf("%s: %t (-want +got)\n%s", message, isSaid, diff)
		}
		if _, isSaid := awscall.DenialOf(&smithy.GenericAPIError{Code: "NoSuchBucket", Message: message}); isSaid {
			t.Errorf("%s: of another code", message)
		}
	}
}
