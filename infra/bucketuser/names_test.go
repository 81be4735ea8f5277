package bucketuser

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/spec"
)

// rightsOf returns the logical ids of the policies of a role that belong to resources,
// not to the provider.
func rightsOf(t *testing.T, template map[string]any, role string) []string {
	t.Helper()
	var ids []string
	for id := range rolePolicies(t, template, role) {
		if !strings.HasPrefix(id, ProviderID) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func TestEachSetOfNamesHasPoliciesOfItsOwn(t *testing.T) {
	tests := []struct {
		name string
		props,
		other BucketUserProps
		same bool
	}{
		{"bucket renamed", BucketUserProps{BucketName: jsii.String("one")}, BucketUserProps{BucketName: jsii.String("two")}, false},
		{"secret renamed", BucketUserProps{SecretName: jsii.String("one")}, BucketUserProps{SecretName: jsii.String("two")}, false},
		{"another key", BucketUserProps{SecretKmsKeyId: jsii.String("alias/a")}, BucketUserProps{SecretKmsKeyId: jsii.String("alias/b")}, false},
		{"bucket name moved to the secret", BucketUserProps{BucketName: jsii.String("one")}, BucketUserProps{SecretName: jsii.String("one")}, false},
		{"user renamed", BucketUserProps{BucketName: jsii.String("one")}, BucketUserProps{BucketName: jsii.String("one"), UserName: jsii.String("u")}, true},
		{"in place", BucketUserProps{BucketName: jsii.String("one")}, BucketUserProps{BucketName: jsii.String("one"), Access: AccessFull}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, role := range []string{providersRole, rotationsRole} {
				one, other := onlyRightsOf(t, role, test.props), onlyRightsOf(t, role, test.other)
				if (one == other) != test.same {
					t.Errorf("%s: logical ids %s, %s", role, one, other)
				}
			}
		})
	}
}

// onlyRightsOf returns the logical id of the one policy that a resource brings a role, and on
// which it depends.
func onlyRightsOf(t *testing.T, role string, props BucketUserProps) string {
	t.Helper()
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Data"), &props)
	got := template(stack)
	rights := rightsOf(t, got, role)
	if len(rights) != 1 {
		t.Fatalf("%s: policies: %v", role, rights)
	}
	if needed := resources(got, spec.ResourceType)["Data"]["DependsOn"].([]any); !slices.Contains(needed, any(rights[0])) {
		t.Errorf("the resource does not depend on %s: %v", rights[0], needed)
	}
	return rights[0]
}

func TestGeneratedNamesNeedNoPolicyOfTheirOwn(t *testing.T) {
	stack := newStack(t, nil)
	for i := range 20 {
		NewBucketUser(stack, jsii.String(fmt.Sprintf("Data%d", i)), &BucketUserProps{UserName: jsii.String(fmt.Sprintf("user%d", i))})
	}
	for _, role := range []string{providersRole, rotationsRole} {
		if got := rightsOf(t, template(stack), role); got != nil {
			t.Errorf("%s: policies: %v", role, got)
		}
	}
	if got := messages(stack, "error"); got != nil {
		t.Errorf("errors: %q", got)
	}
}

func TestMoreNamesThanARoleHasPoliciesFor(t *testing.T) {
	stack := newStack(t, nil)
	for i := range 10 {
		if got := messages(stack, "warning"); got != nil {
			t.Fatalf("after %d resources: %q", i, got)
		}
		NewBucketUser(stack, jsii.String(fmt.Sprintf("Data%d", i)), &BucketUserProps{
			BucketName: jsii.String(fmt.Sprintf("data-%d", i)),
		})
	}
	if got := messages(stack, "warning"); len(got) != 1 || !strings.HasPrefix(got[0], "/Test/Data9: Provider: serves 10") {
		t.Errorf("warnings: %q", got)
	}
}

func TestKmsKey(t *testing.T) {
	const here = `"arn:aws:kms:eu-west-1:111122223333:`
	tests := []struct{ key, resource, alias string }{
		{"1234abcd-12ab-34cd-56ef-1234567890ab", here + `key/1234abcd-12ab-34cd-56ef-1234567890ab"`, ""},
		{"mrk-1234abcd12ab34cd56ef1234567890ab", here + `key/mrk-1234abcd12ab34cd56ef1234567890ab"`, ""},
		{"arn:aws-cn:kms:cn-north-1:444455556666:key/k", `"arn:aws-cn:kms:cn-north-1:444455556666:key/k"`, ""},
		{"alias/mine", here + `key/*"`, "alias/mine"},
		{"arn:aws:kms:eu-west-1:111122223333:alias/mine", here + `key/*"`, "alias/mine"},
		{"alias/${Token[AWS.StackName.1]}", here + `key/*"`, "alias/${Token[AWS.StackName.1]}"},
		{"${Token[Key.1]}", `"${Token[Key.1]}"`, ""},
	}
	at := place{"aws", "eu-west-1", "111122223333", "amazonaws.com"}
	for _, test := range tests {
		t.Run(test.key, func(t *testing.T) {
			s := at.keyStatement(test.key, keyActions())
			if got := jsonOf(t, (*s.Resources)[0]); got != test.resource {
				t.Errorf("resource %s", got)
			}
			want := map[string]any{"StringEquals": map[string]any{"kms:ViaService": "secretsmanager.eu-west-1.amazonaws.com"}}
			if test.alias != "" {
				want["ForAnyValue:StringEquals"] = map[string]any{"kms:ResourceAliases": test.alias}
			}
			if diff := cmp.Diff(want, *s.Conditions); diff != "" {
				t.Errorf("conditions (-want +got):\n%s", diff)
			}
		})
	}
}

func TestNamesFromElsewhere(t *testing.T) {
	stack := newStack(t, nil)
	parameter := awscdk.NewCfnParameter(stack, jsii.String("Name"), nil)
	key := awskms.NewKey(stack, jsii.String("Key"), nil)
	NewBucketUser(stack, jsii.String("Fixed"), &BucketUserProps{
		BucketName:     jsii.String("my-data-" + *stack.Account()),
		SecretKmsKeyId: key.KeyArn(),
	})
	NewBucketUser(stack, jsii.String("Changeable"), &BucketUserProps{SecretName: parameter.ValueAsString()})
	if got := messages(stack, "error"); got != nil {
		t.Errorf("errors: %q", got)
	}
	got := messages(stack, "warning")
	if len(got) != 1 || !strings.HasPrefix(got[0], "/Test/Changeable: ") {
		t.Errorf("warnings: %q", got)
	}
	text := jsonOf(t, template(stack))
	if want := `":s3:::my-data-",{"Ref":"AWS::AccountId"}]`; !strings.Contains(text, want) {
		t.Errorf("no right to the bucket, %s", want)
	}
}
