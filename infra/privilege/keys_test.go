//go:build e2e

package privilege

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

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
	ctx, k := t.Context(), &keys{}
	other := tenants[0]
	for _, n := range tenants {
		if n.spec.Versioning || !n.spec.EnforceTls || n.spec.Access == spec.ReadOnly {
			continue
		}
		first := n.client
		state := func(name string, client *s3.Client, who string, allowed bool, code string, prepare func() error) {
			k.states = append(k.states, prepare)
			count := 0
			for _, u := range uses {
				if u.action == "s3:ListBucket" || u.action == "s3:GetObject" || u.action == "s3:PutObject" || u.action == "s3:ListMultipartUploadParts" {
					k.points = append(k.points, point{group: name, bucket: n, use: u, inside: true, client: client, who: who, allowed: allowed, code: code})
					count++
				}
			}
			k.counts = append(k.counts, count)
		}
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
		state("active key", first, n.spec.UserARN(), true, "", status(types.StatusTypeActive))
		state("inactive key", first, "", false, "InvalidAccessKeyId", status(types.StatusTypeInactive))
		state("active key again", first, n.spec.UserARN(), true, "", status(types.StatusTypeActive))
		state("another user's key", other.client, other.spec.UserARN(), false, "", func() error { return nil })
		state("deleted key", first, "", false, "InvalidAccessKeyId", deleteKey)
		again := len(k.points)
		state("user made again", first, n.spec.UserARN(), false, "", func() error {
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
	return k
}
