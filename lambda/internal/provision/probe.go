package provision

import (
	"cmp"
	"context"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"

	"bucketuser/lambda/internal/awscall"
)

// A probe is what the proof of a key has left of the object that it writes and deletes. In a versioned bucket both
// leave a version. The zero value is none. It is safe for concurrent use.
type probe struct {
	mu       sync.Mutex
	versions []string // that S3 has named
	isUnsure bool     // there may be others
}

// is notes the version that an answer names. A call that was made again may have left another one.
func (p *probe) is(version *string, answer middleware.Metadata) {
	p.mu.Lock()
	defer p.mu.Unlock()
	made, isKnown := retry.GetAttemptResults(answer)
	p.isUnsure = p.isUnsure || !isKnown || len(made.Results) != 1
	p.versions = append(p.versions, cmp.Or(aws.ToString(version), "null"))
}

// mayBe notes a call that has failed, and returns its error. A key that is not known yet has written nothing.
func (p *probe) mayBe(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isUnsure = p.isUnsure || !awscall.NewKey.Is(err)
	return err
}

// removeProbe removes what proofs have left. In a bucket that this delivery has made that is what its own proof has
// left. Elsewhere, and where that is not known, a list tells: where versioning is turned on beside the proof, too, as S3 takes
// its time for that.
func (r *run) removeProbe(ctx context.Context, op operation, made set, key credential) error {
	s := op.spec
	switch left := key.probe; {
	case !s.VerifyCredentials, made.lost.bucket, key.fresh && left == nil:
		return nil
	case key.fresh && made.bucket.Fresh && !s.IsVersioned() && !left.isUnsure:
		return r.bucketOf(s).RemoveVersions(ctx, s.ProbeKey(), left.versions)
	}
	return r.bucketOf(s).RemoveObjects(ctx, s.ProbeKey())
}
