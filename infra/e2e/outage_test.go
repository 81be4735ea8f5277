//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
)

const (
	rotations      = 5
	leastRequests  = 5000
	withCurrentKey = 30 // requests of each consumer once its configuration has followed
)

// withPreviousKey are the requests of each consumer between a rotation and the moment at which its configuration follows.
var withPreviousKey = map[form]int{literal: 100, environment: 900}

// TestNoOutage has ClickHouse read and write through five rotations. Its configuration follows a whole rotation late:
// it has the previous key until the next rotation is about to begin. No request is refused.
func TestNoOutage(t *testing.T) {
	o := newOutage(t, "Outage")
	t.Parallel()
	consumers := []*consumer{o.consumer(t, literal), o.consumer(t, environment)}
	for range rotations {
		o.rotate()
		for _, c := range consumers {
			c.work(withPreviousKey[c.form])
		}
		for _, c := range consumers {
			c.configure(o.fields)
			c.work(withCurrentKey)
		}
	}
	for _, c := range consumers {
		c.finish()
		if len(c.Errors) > 0 || c.Lost > 0 || c.Rounds == 0 {
			t.Errorf("%s: %d rounds, errors %q, %d parts lost", c.form, c.Rounds, c.Errors, c.Lost)
		}
	}
	o.wantNoneRefused(consumers)
	o.remove()
}

// wantNoneRefused holds the recorder's counts to what was promised, and prints them.
func (o *outage) wantNoneRefused(consumers []*consumer) {
	o.t.Helper()
	r := o.recorder
	all, late := r.sum("", "", served), r.sum("", previous, served)
	refused := r.sum("", "", denied) + r.sum("", "", broken)
	if refused > 0 {
		o.t.Errorf("%d requests were refused: %s", refused, r.account())
	}
	if all < leastRequests || late*5 < all {
		o.t.Errorf("%d requests, %d with the previous key; want %d, and a fifth of them", all, late, leastRequests)
	}
	for _, c := range consumers {
		if r.sum(string(c.form), previous, served)*5 < c.requests() {
			o.t.Errorf("%s: %d requests, %d with the previous key", c.form, c.requests(), r.sum(string(c.form), previous, served))
		}
	}
	if other := all - r.sum("", current, served) - late; other > 0 {
		o.t.Errorf("%d requests with other keys: %s", other, r.account())
	}
	figure("rotations under ClickHouse: %d, %d requests (%d with the previous key), %d refused",
		rotations, all, late, refused)
}

// TestTwoRotationsLateIsRefused: the previous key works until the next rotation, and no longer.
func TestTwoRotationsLateIsRefused(t *testing.T) {
	o := newOutage(t, "OutageLate")
	t.Parallel()
	consumers := []*consumer{o.consumer(t, literal), o.consumer(t, environment)}
	o.rotate()
	o.wantPreviousKeyServed(consumers)
	o.rotate()
	for _, c := range consumers {
		o.wantRefused(c)
	}
	o.remove()
}

// TestRetiredKeyIsRefused: a rotation with PreviousKey: Delete leaves nothing to who is one rotation late.
func TestRetiredKeyIsRefused(t *testing.T) {
	o := newOutage(t, "OutageRetired")
	t.Parallel()
	consumers := []*consumer{o.consumer(t, literal), o.consumer(t, environment)}
	for _, c := range consumers {
		c.work(withCurrentKey)
	}
	o.rotate("PreviousKey: Delete")
	for _, c := range consumers {
		o.wantRefused(c)
	}
	o.remove()
}

// wantPreviousKeyServed has consumers work with the previous key, and wants S3 to refuse nothing yet.
func (o *outage) wantPreviousKeyServed(consumers []*consumer) {
	o.t.Helper()
	for _, c := range consumers {
		c.work(withCurrentKey)
	}
	if o.recorder.sum("", "", denied) > 0 || o.recorder.sum("", previous, served) == 0 {
		o.t.Errorf("with the previous key: %s", o.recorder.account())
	}
}

// wantRefused waits until S3 refuses the key of a consumer, and wants ClickHouse to say so. With the key that the
// secret holds the consumer works again.
func (o *outage) wantRefused(c *consumer) {
	o.t.Helper()
	c.await("refused", func() bool { return o.recorder.sum(string(c.form), "", denied) > 0 })
	c.finish()
	if told := strings.Join(c.Errors, "\n"); !strings.Contains(told, "Access Key Id you provided does not exist") && !strings.Contains(told, "response code: 403") {
		o.t.Errorf("%s: ClickHouse says %q\n%s", c.form, c.Errors, o.recorder.account())
	}
	c.Errors = nil
	c.configure(o.fields)
	c.work(withCurrentKey)
	if c.finish(); len(c.Errors) > 0 {
		o.t.Errorf("%s: errors with the key of the secret: %q", c.form, c.Errors)
	}
}

// outage is a deployed resource and the keys that it had.
type outage struct {
	*row
	recorder *recorder
	outputs  map[string]string
	fields   map[string]string // of the secret
}

func newOutage(t *testing.T, name string) *outage {
	t.Helper()
	o := &outage{row: newRow(t, name), recorder: newRecorder(t)}
	o.outputs = o.deploy("OnDelete: Purge")
	o.read()
	return o
}

// read reads the secret, and tells the recorder which key is current.
func (o *outage) read() {
	o.t.Helper()
	o.fields = userOf(o.t, o.outputs["SecretArn"]).Fields
	o.recorder.rotated(o.fields["AWS_ACCESS_KEY_ID"])
}

func (o *outage) consumer(t *testing.T, f form) *consumer {
	t.Helper()
	c := newConsumer(t, o.recorder, f, o.recorder.url+"/"+o.fields["S3_BUCKET"]+"/"+o.fields["S3_PREFIX"])
	c.configure(o.fields)
	return c
}

// rotate makes another key current. The one before works on as the previous key, unless it is retired at once by
// "PreviousKey: Delete".
func (o *outage) rotate(properties ...string) {
	t, ctx, user := o.t, o.t.Context(), aws.String(o.outputs["UserName"])
	t.Helper()
	o.keepOnly(o.fields["AWS_ACCESS_KEY_ID"])
	key := cloudtest.Must(cloud.IAM.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: user}))(t).AccessKey
	fields := maps.Clone(o.fields)
	fields["AWS_ACCESS_KEY_ID"], fields["AWS_SECRET_ACCESS_KEY"] = *key.AccessKeyId, *key.SecretAccessKey
	text := cloudtest.Must(json.Marshal(fields))(t)
	cloudtest.Must(cloud.Secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: aws.String(o.outputs["SecretArn"]), SecretString: aws.String(string(text))}))(t)
	o.read()
	if slices.Contains(properties, "PreviousKey: Delete") {
		o.keepOnly(*key.AccessKeyId)
	}
}

// keepOnly deletes the user's other keys.
func (o *outage) keepOnly(kept string) {
	o.t.Helper()
	user := o.outputs["UserName"]
	for _, id := range keysOf(o.t, user) {
		if id != kept {
			cloudtest.Must(cloud.IAM.DeleteAccessKey(o.t.Context(), &iam.DeleteAccessKeyInput{UserName: &user, AccessKeyId: &id}))(o.t)
		}
	}
}

// remove deletes the stack, and nothing is left.
func (o *outage) remove() {
	o.t.Helper()
	o.want(o.row.remove(), types.StackStatusDeleteComplete)
	o.wantLeft()
}
