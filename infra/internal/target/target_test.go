package target_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/target"
	"bucketuser/infra/internal/target/targettest"
	"bucketuser/lambda/spec"
)

const hash = "tkl7loenlbij"

// resource is one of a stack.
func resource(id string) targettest.Resource {
	return targettest.Resource{LogicalID: id, PhysicalID: id + "-v1-" + hash}
}

// secret is that of a resource in a stack.
func secret(name, stack, id string) *targettest.Secret {
	return &targettest.Secret{Name: name, Tags: map[string]string{
		spec.TagOwner: id + "-v1-" + hash, spec.TagStackID: targettest.StackID(stack), spec.TagLogicalID: id}}
}

// theCloud has stacks of each kind.
func theCloud(t *testing.T) *targettest.Cloud {
	c := targettest.New(t)
	other := &targettest.Secret{Name: "database"}
	own := secret("clickhouse/own", "Own", "Data")
	output := secret("clickhouse/output", "Output", "Data")
	copied := secret("copied", "Elsewhere", "Data") // the tags of two resources have the same owner
	c.Secrets = []*targettest.Secret{other, copied, secret("bucketuser/Data-"+hash, "BucketUser", "Data"),
		secret("bucketuser/Disk-"+hash, "Two", "Disk"), secret("bucketuser/Backups-"+hash, "Two", "Backups"), own, output,
		{Name: "bucketuser/Bare-" + hash}}
	c.Stacks = map[string]*targettest.Stack{
		"BucketUser": {Resources: []targettest.Resource{{LogicalID: "Function", Type: "AWS::Lambda::Function"}, resource("Data")}},
		"Two":        {Resources: []targettest.Resource{resource("Disk"), resource("Backups")}},
		"Own":        {Resources: []targettest.Resource{resource("Data")}, Status: "UPDATE_ROLLBACK_FAILED"},
		"Output":     {Resources: []targettest.Resource{resource("Data")}, Outputs: []string{other.ARN(), output.ARN(), "text"}},
		"Bare":       {Resources: []targettest.Resource{resource("Bare")}},
		"Lost":       {Resources: []targettest.Resource{resource("Lost")}},
		"None":       {Resources: []targettest.Resource{{LogicalID: "Function", Type: "AWS::Lambda::Function"}}},
		"Parent":     {Resources: []targettest.Resource{{LogicalID: "Inner", PhysicalID: targettest.StackID("Parent-Inner-1"), Type: "AWS::CloudFormation::Stack"}}},
		"Gone":       {Status: "DELETE_COMPLETE", Resources: []targettest.Resource{resource("Data")}},
		"Creating":   {Status: "CREATE_IN_PROGRESS", Resources: []targettest.Resource{{LogicalID: "Data", Status: "CREATE_IN_PROGRESS"}}},
		"Refused":    {Status: "CREATE_FAILED", Resources: []targettest.Resource{{LogicalID: "Data", PhysicalID: "Refused-Data-1ABC", Status: "CREATE_FAILED", Reason: "Prefix: must not"}}},
		"Failed":     {Status: "ROLLBACK_COMPLETE", Resources: []targettest.Resource{{LogicalID: "Data", PhysicalID: "x", Status: "DELETE_COMPLETE"}}},
	}
	return c
}

// A resource is found, and its secret with it, by whatever names it.
func TestFind(t *testing.T) {
	c := theCloud(t)
	arn := func(name string) string { return (&targettest.Secret{Name: name}).ARN() }
	for name, test := range map[string]struct {
		query target.Query
		want  string // stack, resource, secret and status
	}{
		"by name":                     {target.Query{Stack: "BucketUser"}, "BucketUser Data bucketuser/Data-" + hash + " CREATE_COMPLETE"},
		"by ARN":                      {target.Query{Stack: targettest.StackID("BucketUser")}, "BucketUser Data bucketuser/Data-" + hash + " CREATE_COMPLETE"},
		"by logical id":               {target.Query{Stack: "Two", Resource: "Backups"}, "Two Backups bucketuser/Backups-" + hash + " CREATE_COMPLETE"},
		"secret with its own name":    {target.Query{Stack: "Own"}, "Own Data clickhouse/own UPDATE_ROLLBACK_FAILED"},
		"secret by an output":         {target.Query{Stack: "Output"}, "Output Data clickhouse/output CREATE_COMPLETE"},
		"secret without tags":         {target.Query{Stack: "Bare"}, "Bare Bare bucketuser/Bare-" + hash + " CREATE_COMPLETE"},
		"secret alone":                {target.Query{Secret: "clickhouse/own"}, "Own Data clickhouse/own "},
		"secret alone, by ARN":        {target.Query{Secret: arn("clickhouse/own")}, "Own Data clickhouse/own "},
		"secret alone, of nobody":     {target.Query{Secret: "database"}, "  database "},
		"secret alone, without a tag": {target.Query{Secret: "bucketuser/Bare-" + hash}, "  bucketuser/Bare-" + hash + " "},
	} {
		got, err := test.query.Find(t.Context(), c.Config())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(test.want, strings.Join([]string{got.StackName(), got.LogicalID, got.SecretName, got.StackStatus}, " ")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if got.Account() != targettest.Account || got.SecretARN != arn(got.SecretName) {
			t.Errorf("%s: account %s, secret %s", name, got.Account(), got.SecretARN)
		}
	}
}

// What is not found, or not clear, is said with what to do.
func TestFindSays(t *testing.T) {
	c := theCloud(t)
	const nowhere = "in region eu-west-1 of account 123456789012 at http://127.0.0.1"
	for name, test := range map[string]struct {
		query target.Query
		want  string
	}{
		"no stack":      {target.Query{Stack: "Bucketuser"}, "no stack Bucketuser " + nowhere},
		"deleted":       {target.Query{Stack: "Gone"}, "no stack Gone " + nowhere},
		"deleted, ARN":  {target.Query{Stack: targettest.StackID("Gone")}, "was deleted"},
		"several":       {target.Query{Stack: "Two"}, "stack Two: has 2 resources Custom::BucketUser; name one with --resource (make: RESOURCE=): Disk, Backups"},
		"a typo":        {target.Query{Stack: "Two", Resource: "backup"}, "stack Two: has no Custom::BucketUser backup; did you mean Backups?"},
		"no such":       {target.Query{Stack: "Two", Resource: "Archive"}, "stack Two: has no Custom::BucketUser Archive; choose from Disk, Backups"},
		"none":          {target.Query{Stack: "None"}, "stack None: has no Custom::BucketUser"},
		"nested":        {target.Query{Stack: "Parent"}, "stack Parent: has no Custom::BucketUser of its own; name one of the stacks within it: Parent-Inner-1"},
		"failed":        {target.Query{Stack: "Failed"}, "stack Failed: has no Custom::BucketUser; it is in ROLLBACK_COMPLETE"},
		"creating":      {target.Query{Stack: "Creating"}, "resource Data of stack Creating: has no secret; it is in CREATE_IN_PROGRESS"},
		"refused":       {target.Query{Stack: "Refused"}, "resource Data of stack Refused: has no secret; it is in CREATE_FAILED: Prefix: must not"},
		"no secret":     {target.Query{Secret: "clickhouse"}, "no secret clickhouse " + nowhere},
		"secret is not": {target.Query{Stack: "Lost"}, "resource Lost of stack Lost: its secret is gone: there is no bucketuser/Lost-" + hash + ", and the list of secrets, which may be five minutes behind, has none with its tags"},
	} {
		_, err := test.query.Find(t.Context(), c.Config())
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
		if none := (*target.NoSecretError)(nil); errors.As(err, &none) != slices.Contains([]string{"secret is not", "creating", "refused"}, name) {
			t.Errorf("%s: a secret that is gone: %v", name, none)
		}
	}
}

// A right that is missing is named. What can be found without it is found.
func TestFindWithFewRights(t *testing.T) {
	const list = "secretsmanager:ListSecrets"
	for name, test := range map[string]struct {
		query  target.Query
		denied []string
		want   string // "" for success
	}{
		"generated name": {target.Query{Stack: "BucketUser"}, []string{list}, ""},
		"output":         {target.Query{Stack: "Output"}, []string{list}, ""},
		"secret alone":   {target.Query{Secret: "clickhouse/own"}, []string{list, "cloudformation:DescribeStacks", "cloudformation:ListStackResources"}, ""},
		"own name":       {target.Query{Stack: "Own"}, []string{list}, "needs the right secretsmanager:ListSecrets: User: arn:aws:iam::123456789012:user/me is not authorized"},
		"stacks":         {target.Query{Stack: "Own"}, []string{"cloudformation:DescribeStacks"}, "stack Own: needs the right cloudformation:DescribeStacks: User: "},
		"resources":      {target.Query{Stack: "Own"}, []string{"cloudformation:ListStackResources"}, "stack Own: needs the right cloudformation:ListStackResources: User: "},
		"secrets":        {target.Query{Stack: "BucketUser"}, []string{list, "secretsmanager:DescribeSecret"}, "needs the right secretsmanager:DescribeSecret: User: arn:aws:iam::123456789012:user/me is not authorized to perform: secretsmanager:DescribeSecret; or name the secret with --secret"},
	} {
		c := theCloud(t)
		c.Denied = test.denied
		_, err := test.query.Find(t.Context(), c.Config())
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
