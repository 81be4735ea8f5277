//go:build e2e

package privilege

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// An exception is a finding of cdk-nag that stays, with the reason.
type exception struct {
	template, resource, rule *regexp.Regexp
	reason                   string
}

func except(template, resource, rule, reason string) exception {
	whole := func(s string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + s + `)$`) }
	return exception{whole(template), whole(resource), whole(rule), reason}
}

var exceptions = []exception{
	except("synthesized|provider", ".*Boundary.*", `AwsSolutions-IAM5\[Action::s3:\*\]`,
		"a boundary grants nothing; this one denies everything but S3, and the Allow is the most that a policy could add"),
	except("synthesized|provider", ".*Boundary.*", `AwsSolutions-IAM5\[Resource::\*\]`,
		"a boundary grants nothing, and a Deny is meant for everything"),
	except("synthesized|provider", ".*Rights.*", `AwsSolutions-IAM5\[Resource::\*\]`,
		"s3:ListAllMyBuckets knows no resource; it is asked only to tell a bucket of another account from a missing right"),
	except("synthesized|provider", ".*Rights.*", `AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:iam::<AWS::AccountId>:user/\*\]`,
		"iam:GetUser alone: the path of a user that does not exist is unknown"),
	except("synthesized|provider", ".*Rights.*", `AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:iam::<AWS::AccountId>:user/bucketuser/\*\]`,
		"the path of the provider's own users, whose names are generated"),
	except("synthesized", ".*Rights.*", `AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:s3:::bucketuser-<AWS::AccountId>-<AWS::Region>-\*(/\*)?\]`,
		"the pattern of generated bucket names, which hold account and region"),
	except("synthesized", ".*Rights.*", `AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:bucketuser/\*\]`,
		"the pattern of generated secret names"),
	except("synthesized", "Given.*", `AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:s3:::privilege-run0-bucket/\*\]`,
		"the objects of the bucket that was given: marker, probe, and what Purge deletes"),
	except("synthesized", "Given.*", `AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:kms:<AWS::Region>:<AWS::AccountId>:key/\*\]`,
		"an alias is no resource of these actions: the condition kms:ResourceAliases names it, and kms:ViaService Secrets Manager"),
	except("provider", ".*Rights.*", `AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:s3:::<BucketNamePattern>/\*\]`,
		"the objects of the buckets that the operator's pattern names"),
	except("provider", ".*Rights.*", `AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:cloudformation:<AWS::Region>:<AWS::AccountId>:stack/\*\]`,
		"it serves every stack of account and region, and may ask for the state of a resource alone"),
	except("live", "Bucket", "AwsSolutions-S1",
		"access logs are the account's choice: they need a bucket of their own, and CloudTrail's data events serve the same end"),
	except("live", "Secret", "AwsSolutions-SMG4",
		"RotateAfterDays is off by default, as whoever reads the secret must first be able to take a new key"),
}

// A finding is what a rule says about a resource of a template.
type finding struct{ Template, Resource, Rule, Description string }

// TestNag has cdk-nag read the synthesized template, and one that is made from the
// account as a resource has left it: a template says nothing about what a function
// makes.
func TestNag(t *testing.T) {
	start := time.Now()
	live := liveTemplate(t)
	findings := nag(t, map[string]any{"synthesized": construct.template, "provider": shared.template, "live": live})
	used, unexplained := make([]bool, len(exceptions)), 0
	for _, f := range findings {
		explained := false
		for i, e := range exceptions {
			if e.template.MatchString(f.Template) && e.resource.MatchString(f.Resource) && e.rule.MatchString(f.Rule) {
				explained, used[i] = true, true
			}
		}
		if !explained {
			unexplained++
			t.Errorf("%s template, %s: %s: %s", f.Template, f.Resource, f.Rule, f.Description)
		}
	}
	for i, e := range exceptions {
		if !used[i] {
			t.Errorf("the exception for %s on %s is of no use any more", e.rule, e.resource)
		}
	}
	summary.set("nag", "AwsSolutions on the templates of construct and provider stack and on the live state: %d findings, %d of them without a reason; %s",
		len(findings), unexplained, since(start))

	// It sees what would be wrong with either.
	resources := live["Resources"].(map[string]any)
	bucket := resources["Bucket"].(map[string]any)["Properties"].(map[string]any)
	bucket["PublicAccessBlockConfiguration"].(map[string]any)["RestrictPublicBuckets"] = false
	delete(resources, "BucketPolicy")
	seen := map[string]bool{}
	for _, f := range nag(t, map[string]any{"live": live}) {
		seen[f.Rule] = true
	}
	for _, rule := range []string{"AwsSolutions-S2", "AwsSolutions-S10"} {
		if !seen[rule] {
			t.Errorf("%s is not seen in a template that breaks it", rule)
		}
	}
}

func nag(t *testing.T, templates map[string]any) []finding {
	t.Helper()
	var findings []finding
	if err := check.Run(t.Context(), "nag", templates, &findings); err != nil {
		t.Fatal(err)
	}
	return findings
}

// liveTemplate describes what the function makes by default, read from the account.
func liveTemplate(t *testing.T) map[string]any {
	t.Helper()
	ctx := t.Context()
	l, err := construct.newLane(ctx, "nag")
	if err != nil {
		t.Fatal(err)
	}
	p := &play{lane: l, run: root.nextRun(), logical: "Nag"}
	documents, err := construct.rights(p.run)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(l.hold(ctx, documents), p.create(ctx, nil)); err != nil {
		t.Fatal(err)
	}
	template, err := p.describe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.remove(ctx, nil); err != nil {
		t.Error(err)
	}
	return template
}

func (p *play) describe(ctx context.Context) (map[string]any, error) {
	s, err := p.spec(nil)
	if err != nil {
		return nil, err
	}
	w := p.lane.w
	resources := map[string]any{}
	add := func(id, typ string, properties map[string]any) {
		resources[id] = map[string]any{"Type": typ, "Properties": properties}
	}

	bucket := map[string]any{"BucketName": s.BucketName}
	access, err := w.S3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &s.BucketName})
	if err != nil {
		return nil, err
	}
	block := access.PublicAccessBlockConfiguration
	bucket["PublicAccessBlockConfiguration"] = map[string]any{
		"BlockPublicAcls": aws.ToBool(block.BlockPublicAcls), "BlockPublicPolicy": aws.ToBool(block.BlockPublicPolicy),
		"IgnorePublicAcls": aws.ToBool(block.IgnorePublicAcls), "RestrictPublicBuckets": aws.ToBool(block.RestrictPublicBuckets)}
	versioning, err := w.S3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &s.BucketName})
	if err != nil {
		return nil, err
	}
	if versioning.Status != "" {
		bucket["VersioningConfiguration"] = map[string]any{"Status": string(versioning.Status)}
	}
	if encryption, err := w.S3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &s.BucketName}); err == nil {
		var rules []any
		for _, rule := range encryption.ServerSideEncryptionConfiguration.Rules {
			rules = append(rules, map[string]any{"ServerSideEncryptionByDefault": map[string]any{
				"SSEAlgorithm": string(rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm)}})
		}
		bucket["BucketEncryption"] = map[string]any{"ServerSideEncryptionConfiguration": rules}
	}
	if ownership, err := w.S3.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &s.BucketName}); err == nil {
		var rules []any
		for _, rule := range ownership.OwnershipControls.Rules {
			rules = append(rules, map[string]any{"ObjectOwnership": string(rule.ObjectOwnership)})
		}
		bucket["OwnershipControls"] = map[string]any{"Rules": rules}
	}
	add("Bucket", "AWS::S3::Bucket", bucket)

	policy, err := w.S3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &s.BucketName})
	if err != nil {
		return nil, err
	}
	var document map[string]any
	if err := json.Unmarshal([]byte(*policy.Policy), &document); err != nil {
		return nil, err
	}
	add("BucketPolicy", "AWS::S3::BucketPolicy", map[string]any{"Bucket": s.BucketName, "PolicyDocument": document})

	user, err := w.IAM.GetUser(ctx, &iam.GetUserInput{UserName: &s.UserName})
	if err != nil {
		return nil, err
	}
	attached, err := w.IAM.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: &s.UserName})
	if err != nil {
		return nil, err
	}
	inline, err := w.IAM.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: &s.UserName})
	if err != nil {
		return nil, err
	}
	groups, err := w.IAM.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: &s.UserName})
	if err != nil {
		return nil, err
	}
	if n := len(attached.AttachedPolicies) + len(inline.PolicyNames) + len(groups.Groups); n > 0 {
		return nil, errors.New("the user has policies or groups")
	}
	if user.User.PermissionsBoundary == nil {
		return nil, errors.New("the user has no boundary")
	}
	add("User", "AWS::IAM::User", map[string]any{"UserName": s.UserName, "Path": *user.User.Path,
		"PermissionsBoundary": *user.User.PermissionsBoundary.PermissionsBoundaryArn})

	secret, err := w.Secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &s.SecretName})
	if err != nil {
		return nil, err
	}
	described := map[string]any{"Name": *secret.Name, "Description": aws.ToString(secret.Description)}
	if secret.KmsKeyId != nil {
		described["KmsKeyId"] = *secret.KmsKeyId
	}
	add("Secret", "AWS::SecretsManager::Secret", described)
	if aws.ToBool(secret.RotationEnabled) {
		add("Rotation", "AWS::SecretsManager::RotationSchedule", map[string]any{"SecretId": map[string]any{"Ref": "Secret"}})
	}
	return map[string]any{"Resources": resources}, nil
}
