//go:build e2e

package local_test

import (
	"testing"
	"time"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
	"bucketuser/lambda/awsrules"
)

// correctedRules are the rules of AWS that hold on account of a correction. What the
// corrections make of a role's rights, of stacks and of functions is not in that table.
var correctedRules = []string{
	"user names differ in more than case",
	"user names have an alphabet and a length",
	"DeleteUser needs the inline policies gone",
	"DeleteUser needs the group memberships gone",
	"DeleteUser needs the login profile gone",
	"a user has two keys at most",

	"ExpectedBucketOwner is honoured",
	"a policy is a JSON object",
	"a policy has statements",
	"a policy has 20 KB at most",
	"resources lie in the bucket",
	"a bucket whose name starts with the bucket's is another",
	"not every resource",
	"a principal exists",
	"the policy shows a deleted user by its id, and takes it no more",
	"a user created again is not let in by the old policy",
	"a missing key is 403 for those who may not list",
	"lifecycle rules are of one form, with a filter or with a prefix of their own",
	"a lifecycle rule has no days beside ExpiredObjectDeleteMarker",
	"EncodingType=url encodes keys, and the SDK does not decode them",
	"a key that XML cannot carry breaks a listing",
	"Allow is limited by action, prefix and condition",

	"a secret without a value has no version",
	"a token stands for one value",
	"a token with the same value changes nothing",
	"a name in its recovery window is taken",
	"the first version is current whatever its stages",
	"a version and a stage have to agree",

	"PutSecretValue moves a label from where it is",
	"a label that is attached elsewhere needs RemoveFromVersionId",
	"AWSCURRENT is moved, never removed",
	"a secret has 20 labels at most",

	"a secret that was never rotated does not say how",
	"RotateSecret needs a function",
	"RotateSecret takes 1 to 1000 days",
	"rotation is turned on, changed and off",
	"a left AWSPENDING blocks RotateSecret",
}

func ruleCorrections() []correction {
	rules := map[string]awsrules.Rule{}
	for _, rule := range awsrules.All() {
		rules[rule.Name] = rule
	}
	var all []correction
	for _, name := range correctedRules {
		rule, known := rules[name]
		all = append(all, correction{name, func(t *testing.T, e *emulator) error {
			if !known {
				t.Fatal("package awsrules has no such rule")
			}
			return e.play(t, rule)
		}})
	}
	return all
}

// Rules that need a function that rotates are played here alone.
func TestRulesOfRotation(t *testing.T) {
	for _, rule := range awsrules.All() {
		if !rule.Function {
			continue
		}
		t.Run(rule.Name, func(t *testing.T) {
			t.Parallel()
			if difference := corrected.play(t, rule); difference != nil {
				t.Error(difference)
			}
		})
	}
}

// play is how the emulator differs from a rule.
func (e *emulator) play(t *testing.T, rule awsrules.Rule) error {
	t.Helper()
	account := awsrules.Account{
		Config: cloudtest.Must(e.Config())(t), ID: local.Account, PathStyle: true, Patience: 5 * time.Second}
	if rule.Function {
		e.rotating(t)
		account.RotationFunction = *functionARN("let-in")
	}
	return rule.Check(t.Context(), account)
}
