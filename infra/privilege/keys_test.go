//go:build e2e

package privilege

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"bucketuser/lambda/spec"
)

// keys are points that are asked one state after the other.
type keys struct {
	points []point
	states []func() error // before the points of the state
	counts []int
}

func (k *keys) evaluate(t *testing.T) (all report) {
	t.Helper()
	rest := k.points
	for i, prepare := range k.states {
		if err := prepare(); err != nil {
			t.Fatal(err)
		}
		_, r := evaluate(t, rest[:k.counts[i]])
		all.disagreements, all.wrong = append(all.disagreements, r.disagreements...), append(all.wrong, r.wrong...)
		rest = rest[k.counts[i]:]
	}
	return all
}

// keyPoints are the states of a key of ReadWrite and Full: active, inactive, active
// again, deleted, that of another user, and that of a user of the same name who was
// made later.
func keyPoints(t *testing.T, tenants []*tenant) *keys {
	t.Helper()
	k := &keys{}
	for _, n := range tenants {
		if !n.spec.IsVersioned() && n.spec.EnforceTls && n.spec.Access != spec.ReadOnly {
			k.addStatesOf(t.Context(), n, tenants[0])
		}
	}
	return k
}

// addStatesOf adds the states of one tenant's key. The other tenant's key is its own.
func (k *keys) addStatesOf(ctx context.Context, n, other *tenant) {
	status := func(s types.StatusType) func() error {
		return func() error {
			_, err := root.IAM.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: &n.spec.UserName, AccessKeyId: &n.key.AccessKeyID, Status: s})
			return err
		}
	}
	deleteKey := func() error {
		_, err := root.IAM.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &n.spec.UserName, AccessKeyId: &n.key.AccessKeyID})
		return err
	}
	known := point{bucket: n, inside: true, client: n.client, who: n.spec.UserARN(), allowed: true}
	denied, unknown, others := known, known, known
	denied.allowed = false
	unknown.allowed, unknown.who, unknown.code = false, "", "InvalidAccessKeyId"
	others.allowed, others.who, others.client = false, other.spec.UserARN(), other.client

	k.add("active key", known, status(types.StatusTypeActive))
	k.add("inactive key", unknown, status(types.StatusTypeInactive))
	k.add("active key again", known, status(types.StatusTypeActive))
	k.add("another user's key", others, func() error { return nil })
	k.add("deleted key", unknown, deleteKey)
	again := len(k.points)
	k.add("user made again", denied, func() error {
		if _, err := root.IAM.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &n.spec.UserName}); err != nil {
			return err
		}
		if err := n.newUser(ctx); err != nil {
			return err
		}
		for i := range k.points[again : again+4] {
			k.points[again+i].client = n.client
		}
		return n.read(ctx)
	})
}

// add has four uses tried in a state of a key, each as the point says.
func (k *keys) add(state string, p point, prepare func() error) {
	k.states = append(k.states, prepare)
	p.group = state
	count := 0
	for _, u := range uses {
		switch u.action {
		case "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:ListMultipartUploadParts":
			p.use = u
			k.points = append(k.points, p)
			count++
		}
	}
	k.counts = append(k.counts, count)
}
