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

// allowed returns the actions that the policies of a template allow, with the
// resources of each as JSON.
func allowed(t *testing.T, template map[string]any) map[string][]string {
	t.Helper()
	actions := map[string][]string{}
	for _, policy := range rolePolicies(template) {
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

// rolePolicies returns the policies of the provider's role, by logical id.
func rolePolicies(template map[string]any) map[string]map[string]any {
	policies := resources(template, "AWS::IAM::Policy")
	for id, policy := range resources(template, "AWS::IAM::ManagedPolicy") {
		if policy["Properties"].(map[string]any)["Roles"] != nil { // not the boundary
			policies[id] = policy
		}
	}
	return policies
}

// list returns the elements of a value that a policy may write without brackets.
func list(value any) []any {
	if elements, ok := value.([]any); ok {
		return elements
	}
	return []any{value}
}

// The rights of the function in full, so that one more is noticed here.
func TestRoleHoldsTheseActions(t *testing.T) {
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Data"), full())
	got := slices.Sorted(maps.Keys(allowed(t, template(stack))))
	want := strings.Fields(`
		cloudformation:DescribeStackResource cloudformation:DescribeStacks
		iam:CreateAccessKey iam:CreateUser iam:DeleteAccessKey iam:DeleteUser iam:GetUser
		iam:ListAccessKeys iam:TagUser
		kms:Decrypt kms:Encrypt kms:GenerateDataKey
		logs:CreateLogStream logs:PutLogEvents
		s3:AbortMultipartUpload s3:CreateBucket s3:DeleteBucket s3:DeleteBucketPolicy s3:DeleteObject
		s3:DeleteObjectVersion s3:GetBucketAbac s3:GetBucketPolicy s3:GetBucketPublicAccessBlock s3:GetBucketTagging
		s3:GetBucketVersioning s3:GetEncryptionConfiguration s3:GetLifecycleConfiguration s3:ListAllMyBuckets
		s3:ListBucketMultipartUploads s3:ListBucketVersions s3:PutBucketOwnershipControls s3:PutBucketPolicy s3:PutBucketPublicAccessBlock
		s3:PutBucketTagging s3:PutBucketVersioning s3:PutLifecycleConfiguration s3:PutObject s3:TagResource
		secretsmanager:CreateSecret secretsmanager:DeleteSecret secretsmanager:DescribeSecret
		secretsmanager:GetSecretValue secretsmanager:PutSecretValue secretsmanager:RestoreSecret
		secretsmanager:TagResource secretsmanager:UntagResource secretsmanager:UpdateSecret`)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
}

func TestRightsAreLimitedToTheProvidersOwn(t *testing.T) {
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Data"), full())
	for action, resources := range allowed(t, template(stack)) {
		for _, resource := range resources {
			switch {
			case action == "s3:ListAllMyBuckets": // knows no resource
			case action == "iam:GetUser" && strings.Contains(resource, `":user/*"`):
			case strings.HasPrefix(action, "iam:") && strings.Contains(resource, `":user/bucketuser/*"`):
			case strings.HasPrefix(action, "s3:") && strings.Contains(resource, `":s3:::bucketuser-"`):
			case strings.HasPrefix(action, "s3:") && strings.Contains(resource, `":s3:::my-data`):
			case strings.HasPrefix(action, "secretsmanager:") && strings.Contains(resource, `":secret:bucketuser/*"`):
			case strings.HasPrefix(action, "secretsmanager:") && strings.Contains(resource, `":secret:clickhouse/s3-??????"`):
			case strings.HasPrefix(action, "kms:") && strings.Contains(resource, `":key/*"`): // with its alias as condition
			case strings.HasPrefix(action, "logs:") && strings.Contains(resource, `"BucketUserProviderLog`):
			case strings.HasPrefix(action, "cloudformation:") && resource == `{"Ref":"AWS::StackId"}`:
			default:
				t.Errorf("%s on %s", action, resource)
			}
		}
	}
}

// Bucket names are global: a name of ours may be another account's bucket.
func TestRightsToBucketsEndWithTheAccount(t *testing.T) {
	const here = `{"StringEquals":{"s3:ResourceAccount":{"Ref":"AWS::AccountId"}}}`
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Data"), full())
	for id, policy := range rolePolicies(template(stack)) {
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
	for _, typ := range []string{"AWS::IAM::Policy", "AWS::Lambda::EventInvokeConfig"} {
		for id := range resources(got, typ) {
			if !slices.Contains(needed, any(id)) {
				t.Errorf("does not depend on %s: %v", id, needed)
			}
		}
	}
}
