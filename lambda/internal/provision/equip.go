package provision

import (
	"context"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/bucket"
	"bucketuser/lambda/internal/secret"
)

// equip brings bucket and secret in line with the spec, beside each other. It calls opened once the policy of the bucket
// lets the user in.
func (r *run) equip(ctx context.Context, op operation, made set, opened func()) error {
	r.hasEquipped = true
	var err error
	if made.isSettled, err = r.isSettled(ctx, op, made); err != nil {
		return err
	}
	settled := make(chan struct{}) // once the settings of the bucket are as they should be, or cannot be
	return together(
		func() error { defer close(settled); return r.equipBucket(ctx, op, made, opened) },
		func() error { return r.ensureMarker(ctx, op, made, settled) },
		func() error { return r.unlessRollback(ctx, op, r.ensureSecretTags(ctx, op, made)) },
	)
}

// equipBucket brings the settings and tags of the bucket in line.
func (r *run) equipBucket(ctx context.Context, op operation, made set, opened func()) error {
	if made.lost.bucket {
		opened()
		return nil
	}
	principal := bucket.OldUser
	switch {
	case made.lost.user:
		principal = bucket.LostUser
	case made.user.Fresh:
		principal = bucket.NewUser
	case made.user.IsYoung():
		principal = bucket.YoungUser
	}
	tags := made.marks(op, made.bucket.KeepBucket(op.before(), r.namesAgain(ctx, op, made.bucket)))
	return r.bucketOf(op.spec).Equip(ctx, op.change(), made.bucket, principal, tags,
		func(err error) error { return r.unlessRollback(ctx, op, err) }, opened)
}

func (r *run) ensureMarker(ctx context.Context, op operation, made set, settled <-chan struct{}) error {
	if made.lost.bucket {
		return nil
	}
	return r.unlessRollback(ctx, op, r.bucketOf(op.spec).EnsureMarker(ctx, op.change(), made.bucket, settled))
}

// ensureKmsKey has the secret encrypted with the KMS key of the spec. A rollback leaves what others forbid.
func (r *run) ensureKmsKey(ctx context.Context, op operation, made set) (secret.Secret, error) {
	if made.lost.secret {
		return made.secret, nil
	}
	room := r.secretOf(op.spec)
	x, err := room.EnsureKmsKey(ctx, op.change(), made.secret)
	return x, room.UnlessSo(ctx, "KMS key", ", or leave SecretKmsKeyId as it was", r.unlessRollback(ctx, op, err), func(now secret.Secret) bool {
		return now.HasKmsKey(op.spec.SecretKmsKeyId)
	})
}

// ensureSecretTags brings the tags of the secret in line. An event that begins the set knows by now
// where the bucket is from, and so does one that has made the bucket again.
func (r *run) ensureSecretTags(ctx context.Context, op operation, made set) error {
	x, origin := made.secret, made.secret.OriginOf(made.bucket.Claim)
	if op.isNew() || r.hasMade(op, made.bucket) {
		origin = made.bucket.Origin()
	}
	if made.lost.secret || x.Fresh && origin == x.OriginOf(made.bucket.Claim) {
		return nil
	}
	return r.secretOf(op.spec).EnsureTags(ctx, op.change(), x, made.marks(op, x.KeepSecret(op.before(), origin)))
}

// hasMade reports whether this delivery has made the bucket: it asked for that since there was none, and
// the tags are those of the event. S3 does not always say so: not in us-east-1, and not where its answer was lost. A
// bucket that an earlier delivery has made and said nothing of stays one that is let go of.
func (r *run) hasMade(op operation, b bucket.Bucket) bool {
	isOfEvent := r.notes.Asked && b.State == claim.Ours && b.IsOfEvent() && !op.spec.Sent.IsZero()
	return b.Fresh || isOfEvent
}

// isMadeNow reports whether a bucket in us-east-1, where S3 does not say it, was made a moment ago: the look showed none,
// CreateBucket succeeded, the tags are those of this event, and Lambda cannot have delivered that before.
func (r *run) isMadeNow(op operation, seen, b bucket.Bucket) bool {
	return op.spec.Region == bucket.USEast1 && seen.State == claim.Absent && !op.isRepeated && r.notes.Made && r.hasMade(op, b)
}

// marks returns the tags of a part with the marks of a replacement that it keeps. An event that
// goes back to the set takes its mark off last: see unsupersede.
func (x set) marks(op operation, tags map[string]string) map[string]string {
	if op.kind != kindBack && !op.isReturn {
		tags = claim.Restore(tags)
	}
	if x.isSettled {
		tags = claim.Settle(tags)
	}
	return tags
}
