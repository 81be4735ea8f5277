package bucketuser

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/spec"
)

// Parts of the logical ids of the two roles.
const (
	providersRole = "ProviderRole"
	rotationsRole = "ProviderRotationRole"
)

// allowed returns the actions that the policies of a role allow, with the
// resources of each as JSON.
func allowed(t *testing.T, template map[string]any, role string) map[string][]string {
	t.Helper()
	actions := map[string][]string{}
	for _, policy := range rolePolicies(t, template, role) {
		document := policy["Properties"].(map[string]any)["PolicyDocument"].(map[string]any)
		for _, s := range document["Statement"].([]any) {
			statement := s.(map[string]any)
			if statement["Effect"] != "Allow" {
				t.Errorf("%v: not an Allow", statement["Sid"])
			}
			for _, action := range list(statement["Action"]) {
				actions[action.(string)] = append(actions[action.(string)], jsonOf(t, statement["Resource"]))
			}
		}
	}
	return actions
}

// rolePolicies returns the policies of a role, by logical id.
func rolePolicies(t *testing.T, template map[string]any, role string) map[string]map[string]any {
	t.Helper()
	policies := resources(template, "AWS::IAM::Policy")
	maps.Copy(policies, resources(template, "AWS::IAM::ManagedPolicy")) // the boundary has no roles
	maps.DeleteFunc(policies, func(_ string, policy map[string]any) bool {
		return !strings.Contains(jsonOf(t, policy["Properties"].(map[string]any)["Roles"]), role)
	})
	return policies
}

// list returns the elements of a value that a policy may write without brackets.
func list(value any) []any {
	if elements, ok := value.([]any); ok {
		return elements
	}
	return []any{value}
}

// The rights of the functions in full, so that one more is noticed here.
var rightsInFull = map[string]string{
	providersRole: `
		cloudformation:DescribeStackResource cloudformation:DescribeStacks
		iam:CreateAccessKey iam:CreateUser iam:DeleteAccessKey iam:DeleteUser iam:GetAccessKeyLastUsed iam:GetUser
		iam:ListAccessKeys iam:TagUser
		kms:Decrypt kms:Encrypt kms:GenerateDataKey
		lambda:InvokeFunction
		logs:CreateLogStream logs:PutLogEvents
		s3:AbortMultipartUpload s3:CreateBucket s3:DeleteBucket s3:DeleteBucketPolicy s3:DeleteObject
		s3:DeleteObjectVersion s3:GetBucketAbac s3:GetBucketPolicy s3:GetBucketPublicAccessBlock s3:GetBucketTagging
		s3:GetBucketVersioning s3:GetEncryptionConfiguration s3:GetLifecycleConfiguration s3:ListAllMyBuckets
		s3:ListBucketMultipartUploads s3:ListBucketVersions s3:PutBucketOwnershipControls s3:PutBucketPolicy s3:PutBucketPublicAccessBlock
		s3:PutBucketTagging s3:PutBucketVersioning s3:PutLifecycleConfiguration s3:PutObject s3:TagResource
		secretsmanager:CancelRotateSecret secretsmanager:CreateSecret secretsmanager:DeleteSecret secretsmanager:DescribeSecret
		secretsmanager:GetSecretValue secretsmanager:PutSecretValue secretsmanager:RestoreSecret secretsmanager:RotateSecret
		secretsmanager:TagResource secretsmanager:UntagResource secretsmanager:UpdateSecret secretsmanager:UpdateSecretVersionStage`,
	// It deletes no user, bucket or secret, and writes no policy.
	rotationsRole: `
		iam:CreateAccessKey iam:DeleteAccessKey iam:GetAccessKeyLastUsed iam:GetUser iam:ListAccessKeys
		kms:Decrypt kms:GenerateDataKey
		logs:CreateLogStream logs:PutLogEvents
		s3:DeleteObject s3:DeleteObjectVersion s3:GetBucketPolicy s3:GetBucketTagging s3:ListBucketVersions s3:PutObject
		secretsmanager:DescribeSecret secretsmanager:GetSecretValue secretsmanager:PutSecretValue
		secretsmanager:TagResource secretsmanager:UntagResource secretsmanager:UpdateSecretVersionStage`,
}

func TestRolesHoldTheseActions(t *testing.T) {
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Data"), full())
	for role, actions := range rightsInFull {
		got := slices.Sorted(maps.Keys(allowed(t, template(stack), role)))
		if diff := cmp.Diff(strings.Fields(actions), got); diff != "" {
			t.Errorf("%s: actions (-want +got):\n%s", role, diff)
		}
	}
}

// A reach is what the actions of a prefix may be about: ARNs that hold a text.
type reach struct{ actions, arn string }

// wantWithin fails the test for every right of a role that no reach holds.
func wantWithin(t *testing.T, role string, reaches []reach) {
	t.Helper()
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Data"), full())
	for action, resources := range allowed(t, template(stack), role) {
		for _, resource := range resources {
			if !slices.ContainsFunc(reaches, func(r reach) bool {
				return strings.HasPrefix(action, r.actions) && strings.Contains(resource, r.arn)
			}) {
				t.Errorf("%s on %s", action, resource)
			}
		}
	}
}

// Keys of KMS have their alias as condition. ListAllMyBuckets knows no resource.
func TestRightsAreLimitedToTheProvidersOwn(t *testing.T) {
	wantWithin(t, providersRole, []reach{
		{"s3:ListAllMyBuckets", `"*"`}, {"s3:", `":s3:::bucketuser-"`}, {"s3:", `":s3:::my-data`},
		{"iam:GetUser", `":user/*"`}, {"iam:", `":user/bucketuser/*"`},
		{"secretsmanager:", `":secret:bucketuser/*"`}, {"secretsmanager:", `":secret:clickhouse/s3-??????"`},
		{"kms:", `":key/*"`}, {"logs:", `"BucketUserProviderLog`},
		{"cloudformation:", `{"Ref":"AWS::StackId"}`}, {"lambda:InvokeFunction", `"BucketUserProviderRotationFunction`},
	})
}

func TestA25RotationReachesKeysSecretsAndProbesAlone(t *testing.T) {
	wantWithin(t, rotationsRole, []reach{
		{"s3:GetBucket", `":s3:::bucketuser-"`}, {"s3:GetBucket", `":s3:::my-data"`},
		{"s3:ListBucketVersions", `":s3:::bucketuser-"`}, {"s3:ListBucketVersions", `":s3:::my-data"`},
		{"s3:PutObject", `"-*/*/.bucketuser-probe"`}, {"s3:PutObject", `":s3:::my-data/*/.bucketuser-probe"`},
		{"s3:DeleteObject", `"-*/*/.bucketuser-probe"`}, {"s3:DeleteObject", `":s3:::my-data/*/.bucketuser-probe"`},
		{"iam:GetUser", `":user/*"`}, {"iam:", `":user/bucketuser/*"`},
		{"secretsmanager:", `":secret:bucketuser/*"`}, {"secretsmanager:", `":secret:clickhouse/s3-??????"`},
		{"kms:", `":key/*"`}, {"logs:", `"BucketUserProviderLog`},
	})
}

// The tags that say whose a secret is are not the rotation's to write.
func TestA25RotationWritesNoOwnerTags(t *testing.T) {
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Data"), full())
	const tags = `{"ForAllValues:StringEquals":{"aws:TagKeys":["bucketuser:rotation","bucketuser:previous-key","bucketuser:format"]}}`
	n := 0
	for id, policy := range rolePolicies(t, template(stack), rotationsRole) {
		document := policy["Properties"].(map[string]any)["PolicyDocument"].(map[string]any)
		for _, s := range document["Statement"].([]any) {
			statement := s.(map[string]any)
			if !strings.Contains(jsonOf(t, statement["Action"]), "secretsmanager:TagResource") {
				continue
			}
			n++
			if got := jsonOf(t, statement["Condition"]); got != tags {
				t.Errorf("%s, %v: condition %s", id, statement["Sid"], got)
			}
		}
	}
	if n != 2 { // of the pattern, and of the name
		t.Errorf("%d statements tag secrets", n)
	}
}

// Bucket names are global: a name of ours may be another account's bucket.
func TestRightsToBucketsEndWithTheAccount(t *testing.T) {
	const here = `{"StringEquals":{"s3:ResourceAccount":{"Ref":"AWS::AccountId"}}}`
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Data"), full())
	policies := rolePolicies(t, template(stack), providersRole)
	maps.Copy(policies, rolePolicies(t, template(stack), rotationsRole))
	for id, policy := range policies {
		document := policy["Properties"].(map[string]any)["PolicyDocument"].(map[string]any)
		for _, s := range document["Statement"].([]any) {
			statement := s.(map[string]any)
			onBuckets := strings.Contains(jsonOf(t, statement["Resource"]), `":s3:::`)
			if got := jsonOf(t, statement["Condition"]); onBuckets && got != here {
				t.Errorf("%s, %v: condition %s", id, statement["Sid"], got)
			}
		}
	}
}

func TestNoPartitionRegionOrAccountIsWrittenOut(t *testing.T) {
	stack := newStack(t, nil)
	props := full()
	props.Statements = nil // these hold the ARNs that were given
	NewBucketUser(stack, jsii.String("Data"), props)
	text := jsonOf(t, template(stack))
	for _, fixed := range []string{"arn:aws", "us-east-1", "amazonaws.com.cn", "000000000000"} {
		if strings.Contains(text, fixed) {
			t.Errorf("the template holds %q", fixed)
		}
	}
}

func TestUsersOnlyInsideTheBoundary(t *testing.T) {
	stack := newStack(t, nil)
	got := template(stack)
	var boundary string
	for boundary = range resources(got, "AWS::IAM::ManagedPolicy") {
	}
	for _, want := range []string{
		`"Action":"iam:CreateUser","Condition":{"StringEquals":{"iam:PermissionsBoundary":{"Ref":"` + boundary + `"}}}`,
		`"BUCKETUSER_BOUNDARY_ARN":{"Ref":"` + boundary + `"}`,
		`"Effect":"Deny","NotAction":["s3:*","sts:GetCallerIdentity"],"Resource":"*"`,
		`"Action":"s3:*","Condition":{"StringNotEquals":{"s3:ResourceAccount":{"Ref":"AWS::AccountId"}}},"Effect":"Deny","Resource":"*"`,
		`"Action":"s3:*","Condition":{"Null":{"aws:TokenIssueTime":"false"}},"Effect":"Deny","Resource":"*"`,
		`"Action":["s3:PutBucketTagging","s3:TagResource","s3:UntagResource","s3:PutBucketAbac",` +
			`"s3:PutBucketPublicAccessBlock","s3:PutAccountPublicAccessBlock"],"Effect":"Deny","Resource":"*"`,
	} {
		if !strings.Contains(jsonOf(t, got), want) {
			t.Errorf("the template lacks %s", want)
		}
	}
}

// The resource must find everything in place that keeps its function running, and
// all of that must outlive it.
func TestResourceDependsOnWhatTheFunctionNeeds(t *testing.T) {
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Data"), nil)
	got := template(stack)
	needed := resources(got, spec.ResourceType)["Data"]["DependsOn"].([]any)
	for typ, n := range map[string]int{"AWS::IAM::Policy": 2, "AWS::Lambda::EventInvokeConfig": 1, "AWS::Lambda::Permission": 1} {
		found := resources(got, typ)
		if len(found) != n {
			t.Errorf("%d of %s, want %d", len(found), typ, n)
		}
		for id := range found {
			if !slices.Contains(needed, any(id)) {
				t.Errorf("does not depend on %s: %v", id, needed)
			}
		}
	}
}
