//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// TestRedeliveryCompletesACreate ends the function in the middle of a Create, after a call that took effect and whose
// answer nobody has. CloudFormation waits, Lambda delivers the event again, and that completes it.
func TestRedeliveryCompletesACreate(t *testing.T) {
	c := newCourier(t, "Redelivered")
	for _, operation := range []string{"CreateSecret", "CreateUser", "PUT bucket", "CreateAccessKey", "PutSecretValue"} {
		t.Run(strings.ReplaceAll(operation, " ", "-"), func(t *testing.T) {
			word := "redelivered-" + strings.ToLower(strings.ReplaceAll(operation, " ", "-"))
			ended := 0
			c.endAt(operation, func() { ended++ })
			before := c.count()
			outputs := cloudtest.Must(cloud.Deploy(t.Context(), word, c.resource(given(word, "")), nil))(t)
			sent := c.since(before)
			if ended != 1 || len(sent) != 2 || sent[0].payload != sent[1].payload || sent[0].process == sent[1].process {
				t.Errorf("ended %d times, deliveries %v", ended, sent)
			}
			others := 0
			if operation == "CreateAccessKey" {
				others = 1 // N14: it is a second old here when the secret is written, and a minute or more where Lambda delivers
			}
			c.wantWorking(t, outputs, word, others)
			c.takeAway(t, word)
		})
	}
	c.remove()
}

// TestRedeliveryOfWhatIsDoneChangesNothing has each event of a life delivered again after CloudFormation has its answer,
// as Lambda does where the process ends too early, or for no reason.
func TestRedeliveryOfWhatIsDoneChangesNothing(t *testing.T) {
	c := newCourier(t, "Duplicated")
	const word = "duplicated-set"
	step := func(kind, properties string) map[string]string {
		t.Helper()
		second := c.deliverAgain(kind)
		outputs := cloudtest.Must(cloud.Deploy(t.Context(), word, c.resource(given(word, properties)), nil))(t)
		second.isHeld(t)
		before := settingsOf(t, word)
		second.release(t)
		if diff := cmp.Diff(before, settingsOf(t, word)); diff != "" {
			t.Errorf("the %s again (-before +after):\n%s", kind, diff)
		}
		c.wantWorking(t, outputs, word, 0)
		return outputs
	}
	created := step("Create", "")
	updated := step("Update", "      Versioning: true\n")
	if diff := cmp.Diff(created, updated); diff != "" {
		t.Errorf("outputs after the update (-before +after):\n%s", diff)
	}
	second := c.deliverAgain("Delete")
	c.takeAway(t, word)
	second.isHeld(t)
	second.release(t)
	cloud.WantNothing(t, word)
	c.remove()
}

// TestFenceAgainstALateCreate has a Create delivered again after its stack was deleted: it leaves nothing.
func TestFenceAgainstALateCreate(t *testing.T) {
	c := newCourier(t, "LateCreate")
	const word = "latecreate-set"
	late := c.deliverAgain("Create")
	cloudtest.Must(cloud.Deploy(t.Context(), word, c.resource(given(word, "")), nil))(t)
	late.isHeld(t)
	c.laterThan(t, "Create")
	c.takeAway(t, word)
	late.release(t)
	cloud.WantNothing(t, word)
	if !c.logged(func(line string) bool { return strings.Contains(line, "the resource is DELETE_COMPLETE") }) {
		t.Error("the late Create was refused for another reason, or not at all")
	}
	c.remove()
}

// TestFenceBetweenTwoLives has the Create and the Delete of a resource delivered again when the same template has made it
// again, under the same names. They change nothing of the later life.
func TestFenceBetweenTwoLives(t *testing.T) {
	c := newCourier(t, "TwoLives")
	const word = "twolives-set"
	with, without := c.resource(given(word, "")), "Resources:\n  Other:\n    Type: AWS::SSM::Parameter\n    Properties: {Type: String, Value: x}\n"
	deploy := func(template string) map[string]string {
		t.Helper()
		return cloudtest.Must(cloud.Deploy(t.Context(), word, template, nil))(t)
	}
	lateCreate := c.deliverAgain("Create")
	deploy(with)
	lateCreate.isHeld(t)
	c.laterThan(t, "Create")
	lateDelete := c.deliverAgain("Delete")
	deploy(without)
	lateDelete.isHeld(t)
	cloud.WantNothing(t, word+"-bucket")
	c.laterThan(t, "Delete")

	outputs := deploy(with)
	before := settingsOf(t, word)
	for _, late := range []*again{lateCreate, lateDelete} {
		late.release(t)
		if diff := cmp.Diff(before, settingsOf(t, word)); diff != "" {
			t.Errorf("the late %s (-before +after):\n%s", late.kind, diff)
		}
	}
	c.wantWorking(t, outputs, word, 0)
	c.takeAway(t, word)
	c.remove()
}

// given are properties with three names that start with a word, and others.
func given(word, properties string) string {
	return "      BucketName: " + word + "-bucket\n      UserName: " + word + "-user\n      SecretName: " + word + "/secret\n" +
		"      OnDelete: Purge\n" + properties
}

// wantWorking fails the test unless the credentials work, and the user has no keys but theirs and so many others.
func (c *courier) wantWorking(t *testing.T, outputs map[string]string, word string, others int) {
	t.Helper()
	user := userOf(t, outputs["Secret"])
	if err := user.Put(t.Context(), user.Bucket(), "data/table"); err != nil {
		t.Errorf("the credentials: %v", err)
	}
	keys := cloudtest.Must(cloud.IAM.ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: aws.String(word + "-user")}))(t).AccessKeyMetadata
	isIn := func(k types.AccessKeyMetadata) bool {
		return aws.ToString(k.AccessKeyId) == user.Fields["AWS_ACCESS_KEY_ID"]
	}
	if len(keys) != 1+others || !slices.ContainsFunc(keys, isIn) {
		t.Errorf("access keys: %v", keys)
	}
}

// takeAway deletes the stack of a word, and fails the test if anything is left.
func (c *courier) takeAway(t *testing.T, word string) {
	t.Helper()
	if err := cloud.DeleteStack(t.Context(), word); err != nil {
		t.Fatal(err)
	}
	cloud.WantNothing(t, word)
}

func (c *courier) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.deliveries)
}

func (c *courier) since(n int) []delivery {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.deliveries[n:])
}

// laterThan waits until what CloudFormation sends is three seconds younger than the last event of a type: the time of an
// event has whole seconds, and a status counts if it is more than two seconds younger.
func (c *courier) laterThan(t *testing.T, kind string) {
	t.Helper()
	var sent time.Time
	for _, d := range c.since(0) {
		if d.kind == kind {
			sent = d.sent
		}
	}
	select {
	case <-time.After(time.Until(sent.Add(4 * time.Second))):
	case <-t.Context().Done():
	}
}

// settingsOf are those of the bucket, the user and the secret whose names start with a word.
func settingsOf(t *testing.T, word string) []string {
	t.Helper()
	things := slices.DeleteFunc(cloudtest.Must(cloud.Things(t.Context()))(t), func(thing local.Thing) bool {
		return !strings.HasPrefix(thing.Name, word+"-") && !strings.HasPrefix(thing.Name, word+"/")
	})
	if len(things) != 3 {
		t.Errorf("%d things are called %s", len(things), word)
	}
	return cloudtest.Must(cloud.Settings(t.Context(), things))(t)
}
