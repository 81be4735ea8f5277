//go:build e2e

package privilege

import (
	"errors"
	"regexp"
	"testing"
	"time"
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
	except("synthesized|provider", ".*RotationRights.*", `AwsSolutions-IAM5\[Resource::arn:<AWS::Partition>:s3:::.*/\*/\.bucketuser-probe\]`,
		"the probe below whatever prefix, by which a new key is proven: no other object"),
	except("live", "Bucket", "AwsSolutions-S1",
		"access logs are the account's choice: they need a bucket of their own, and CloudTrail's data events serve the same end"),
	except("live", "Secret", "AwsSolutions-SMG4",
		"RotateAfterDays is off by default, as whoever reads the secret must first be able to take a new key"),
}

// A finding is what a rule says about a resource of a template.
type finding struct{ Template, Resource, Rule, Description string }

// isExcepted reports whether an exception covers the finding, and marks all that do as used.
func (f finding) isExcepted(used []bool) bool {
	excepted := false
	for i, e := range exceptions {
		if e.template.MatchString(f.Template) && e.resource.MatchString(f.Resource) && e.rule.MatchString(f.Rule) {
			excepted, used[i] = true, true
		}
	}
	return excepted
}

// TestNag has cdk-nag read the synthesized template, and one that is made from the
// account as a resource has left it: a template says nothing about what a function
// makes.
func TestNag(t *testing.T) {
	start := time.Now()
	live := liveTemplate(t)
	findings := nag(t, map[string]any{"synthesized": construct.template, "provider": shared.template, "live": live})
	used, unexplained := make([]bool, len(exceptions)), 0
	for _, f := range findings {
		if !f.isExcepted(used) {
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
