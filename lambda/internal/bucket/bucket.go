package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// usEast1 differs from every other region: a bucket there names no location, and
// CreateBucket answers 200 for a bucket that the account already has.
const usEast1 = "us-east-1"

// bucket is the S3 bucket under the name of a spec.
type bucket struct {
	claim.Claim
	fresh bool // created by this event, so without configuration
}

// elsewhere is a bucket that S3 says nothing of: of another account, or in another region.
var elsewhere = bucket{Claim: claim.Claim{State: claim.Elsewhere}}

// admit refuses a bucket that is not ours and that may not be adopted.
func (b bucket) admit(s spec.Spec) error {
	isRetained := disposalOf(s.OnDelete) == releaseData
	switch b.State {
	case claim.Absent, claim.Hidden, claim.Ours: // where it is hidden, CreateBucket tells whose it is
		return nil
	case claim.Elsewhere:
		return fmt.Errorf("bucket %s: owned by another account, or in another region; choose another BucketName", s.BucketName)
	case claim.Adopted:
		if !isRetained {
			return fmt.Errorf("bucket %s: was adopted, so OnDelete must stay %s", s.BucketName, spec.Retain)
		}
		return nil
	case claim.Released, claim.Leaving:
		if !isRetained {
			return fmt.Errorf("bucket %s: was released by an earlier resource; set OnDelete to %s to adopt it", s.BucketName, spec.Retain)
		}
		return nil
	case claim.Foreign:
	}
	err := taken("bucket "+s.BucketName, "BucketName", b.Claim)
	if b.IsUnowned() {
		return fmt.Errorf("%w, or tag it %s=%s and set OnDelete to %s to adopt it", err, spec.TagOwner, spec.Released, spec.Retain)
	}
	return err
}

// taken refuses a thing that a set is begun without. If it bears the tags of another resource,
// that one would lose it to whoever took it over.
func taken(what, property string, c claim.Claim) error {
	stackID, logicalID, isKnown := c.OtherOwner()
	switch {
	case isKnown && stackID == c.Asker().StackID:
		return fmt.Errorf("%s: %s, but to resource %s of this stack, %s; keep the logical id %s, or choose another %s",
			what, strange, logicalID, nameOf(stackID), logicalID, property)
	case isKnown:
		return fmt.Errorf("%s: %s, but to resource %s of stack %s; choose another %s", what, strange, logicalID, stackID, property)
	case c.IsUnowned():
		return fmt.Errorf("%s: %s; choose another %s", what, strange, property)
	}
	return fmt.Errorf("%s: %s; choose another %s", what, lacks(c), property)
}

// strange is what an error says of a thing that exists and is not ours.
const strange = "exists in this account and does not belong to this resource"

// nameOf is the name in the ARN of a stack.
func nameOf(stackID string) string {
	_, rest, _ := strings.Cut(stackID, ":stack/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// lookBucket reads the tags of the bucket. S3 answers 403 for a bucket of another account,
// for a missing permission, and maybe for a name that nobody has. The list of our own buckets
// tells whether the permission is missing, or late. It is asked for only after a 403.
func (r *run) lookBucket(ctx context.Context, s spec.Spec) (bucket, error) {
	b, err := r.readBucketTags(ctx, s, awscall.Standard())
	if !awscall.IsDenied(err) {
		return b, err
	}
	rights := r.looking(s, "BucketName")
	_, isOwn, listErr := r.listedBucket(ctx, s, rights)
	switch {
	case listErr != nil:
		return bucket{}, errors.Join(err, listErr)
	case isOwn:
		return r.readBucketTags(ctx, s, rights)
	}
	return bucket{Claim: claim.Claim{State: claim.Hidden}}, nil
}

// listedBucket finds the bucket among our own.
func (r *run) listedBucket(ctx context.Context, s spec.Spec, retryer aws.Retryer) (listed types.Bucket, isListed bool, err error) {
	out, err := r.s3.ListBuckets(ctx, &s3.ListBucketsInput{Prefix: &s.BucketName}, func(o *s3.Options) { o.Retryer = retryer })
	if err != nil {
		return types.Bucket{}, false, fmt.Errorf("list of buckets: %w", awscall.Brief(err))
	}
	at := slices.IndexFunc(out.Buckets, func(b types.Bucket) bool { return aws.ToString(b.Name) == s.BucketName })
	if at < 0 {
		return types.Bucket{}, false, nil
	}
	return out.Buckets[at], true, nil
}

func (r *run) readBucketTags(ctx context.Context, s spec.Spec, retryer aws.Retryer) (bucket, error) {
	out, err := r.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner()},
		func(o *s3.Options) { o.Retryer = retryer })
	switch {
	case err == nil:
		return bucket{Claim: claim.Read(bucketTags(out.TagSet), s)}, nil
	case awscall.IsNoBucket(err):
		return bucket{}, nil
	case awscall.IsCode(err, "NoSuchTagSet"):
		return bucket{Claim: claim.Read(nil, s)}, nil
	case awscall.IsElsewhere(err):
		return elsewhere, nil
	default:
		return bucket{}, fmt.Errorf("bucket %s: %w", s.BucketName, awscall.Brief(err))
	}
}

// ensureBucket creates the bucket if it is missing, or adopts a released one. Encryption
// (SSE-S3), BucketOwnerEnforced and the public access block are S3's defaults for a new bucket.
//
// A bucket of ours that a Create finds was made by another delivery, or was deleted a moment
// ago and still shows: only CreateBucket tells. It is not asked about one that was adopted: in
// us-east-1 it would reset the ACL.
func (r *run) ensureBucket(ctx context.Context, op operation, found bucket) (bucket, error) {
	isInDoubt := op.isNew() && found.State == claim.Ours && !found.fresh
	if !found.Exists() || isInDoubt {
		var err error
		if found, err = r.createBucket(ctx, op.spec, found); err != nil {
			return found, err
		}
	}
	if found.IsReleased() { // perhaps only since it was looked for
		return r.adoptBucket(ctx, op.spec, found)
	}
	return found, nil
}

// createBucket creates the bucket, or tells whose it is. Where it is in the account already,
// another event or another resource may have made it, so its tags are read until S3 shows
// them. In us-east-1 CreateBucket answers 200 for such a bucket, too, and sets no tags.
func (r *run) createBucket(ctx context.Context, s spec.Spec, seen bucket) (bucket, error) {
	made := bucket{Claim: claim.Made(s), fresh: true}
	in := &s3.CreateBucketInput{
		Bucket:                    &s.BucketName,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{Tags: toBucketTags(made.Tags())},
	}
	if s.Region != usEast1 {
		in.CreateBucketConfiguration.LocationConstraint = types.BucketLocationConstraint(s.Region)
	}
	r.asked.bucket = true
	isThere := sync.OnceFunc(r.patience.Changed) // maybe since a moment ago
	found, err := awscall.Repeat(ctx, r.patience, "S3 shows the tags of the bucket", func() (bucket, bool, error) {
		_, err := r.s3.CreateBucket(ctx, in)
		switch {
		case awscall.IsCode(err, "BucketAlreadyExists"):
			r.refused.bucket = true
			return elsewhere, false, elsewhere.admit(s)
		case err == nil && s.Region != usEast1:
			isThere()
			r.made.bucket = true
			return made, false, nil
		case err != nil && !awscall.IsCode(err, "BucketAlreadyOwnedByYou"):
			noteFailure(err, &r.refused.bucket, &r.made.bucket)
			return bucket{}, false, seen.refusal(s, err)
		}
		isThere()
		r.made.bucket = r.made.bucket || err == nil
		found, err := r.lookBucket(ctx, s)
		return found, err == nil && found.MayYetBeOurs() && !found.IsReleased(), err
	})
	if err == nil && found.State == claim.Ours {
		r.log.Info("created", "bucket", s.BucketName)
	}
	if err == nil && !found.Exists() {
		err = fmt.Errorf("bucket %s: is in this account, and S3 does not show it; try again", s.BucketName)
	}
	if err == nil {
		r.refused.bucket = found.IsTaken()
		err = found.admit(s)
	}
	return found, err
}

// refusal is the error of a CreateBucket that was refused. Of a bucket that is hidden, too, the
// role may have no right to the name since somebody else has it: its rights end with the account.
func (b bucket) refusal(s spec.Spec, err error) error {
	if b.State == claim.Hidden && awscall.IsDenied(err) {
		return fmt.Errorf("%w; or the role lacks a right: %w", elsewhere.admit(s), awscall.Brief(err))
	}
	return fmt.Errorf("bucket %s: %w", s.BucketName, awscall.Brief(err))
}

// adoptBucket makes a released bucket ours. Two resources may adopt it at the same time: the
// later one wins, and the other reads that here or before its commit. The tags that were
// written count: a read may be from before.
func (r *run) adoptBucket(ctx context.Context, s spec.Spec, found bucket) (bucket, error) {
	tags := found.AdoptBucket()
	if err := r.putBucketTags(ctx, s, tags); err != nil {
		return bucket{}, err
	}
	r.log.Info("took over what was released", "bucket", s.BucketName)
	adopted := bucket{Claim: claim.Read(tags, s)}
	return adopted, r.ensureStillOurs(ctx, s, adopted)
}

// ensureStillOurs reads the owner of an adopted bucket once more. Only the tags of another
// owner speak against it.
func (r *run) ensureStillOurs(ctx context.Context, s spec.Spec, b bucket) error {
	if b.State != claim.Adopted {
		return nil
	}
	found, err := r.lookBucket(ctx, s)
	if err != nil || found.MayYetBeOurs() {
		return err
	}
	r.refused.bucket = found.IsTaken()
	return found.admit(s)
}

// releaseBucket lets go of the bucket. It removes our statements, our lifecycle rule and a
// probe that was left, and then tags the bucket as released. The tags come last: a delivery
// that is cut off before them finds the bucket as ours again.
func (r *run) releaseBucket(ctx context.Context, s spec.Spec, b bucket) error {
	if err := r.removePolicy(ctx, s); err != nil {
		return err
	}
	if err := r.removeLifecycle(ctx, s); err != nil {
		return err
	}
	if err := r.removeObjects(ctx, s, s.ProbeKey()); err != nil {
		return err
	}
	if err := r.putBucketTags(ctx, s, b.ReleaseBucket()); err != nil && !awscall.IsMissing(err) {
		return err
	}
	r.log.Info("released", "bucket", s.BucketName)
	return nil
}

// deleteBucket deletes the bucket, and reports whether S3 knew it.
func (r *run) deleteBucket(ctx context.Context, s spec.Spec) (wasThere bool, err error) {
	_, err = r.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner()})
	if awscall.IsMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("bucket %s: %w", s.BucketName, awscall.Brief(err))
	}
	return true, nil
}

// ensureBucketTags adds the property Tags to those that others set.
func (r *run) ensureBucketTags(ctx context.Context, op operation, made set) error {
	b := made.bucket
	tags := made.marks(op, b.KeepBucket(op.before()))
	isChanged := op.changes(func(s spec.Spec) any { return s.Tags })
	if maps.Equal(tags, b.Tags()) && !isChanged {
		return nil
	}
	return r.putBucketTags(ctx, op.spec, tags)
}

func (r *run) putBucketTags(ctx context.Context, s spec.Spec, tags map[string]string) error {
	_, err := r.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{
		Bucket:              &s.BucketName,
		ExpectedBucketOwner: r.expectedOwner(),
		Tagging:             &types.Tagging{TagSet: toBucketTags(tags)},
	})
	if err != nil {
		return fmt.Errorf("tags of bucket %s: %w", s.BucketName, awscall.Brief(err))
	}
	return nil
}

func bucketTags(tags []types.Tag) map[string]string {
	m := map[string]string{}
	for _, tag := range tags {
		m[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return m
}

func toBucketTags(m map[string]string) []types.Tag {
	var tags []types.Tag
	for _, key := range slices.Sorted(maps.Keys(m)) {
		tags = append(tags, types.Tag{Key: aws.String(key), Value: aws.String(m[key])})
	}
	return tags
}
