package provision

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/spec"
)

// usEast1 differs from every other region: a bucket there names no location, and
// CreateBucket answers 200 for a bucket that the account already has.
const usEast1 = "us-east-1"

// deniedPropagation is how long a refusal to read a bucket is doubted while the
// role may be fresh.
const deniedPropagation = 10 * time.Second

// bucket is the S3 bucket under the name of a spec.
type bucket struct {
	exists  bool
	fresh   bool // created by this event, so without configuration
	foreign bool // of another account or in another region
	tags    map[string]string
}

func (b bucket) owned(s spec.Spec) bool { return b.exists && isOurs(b.tags, s) }

// adopted reports whether the bucket was there before us: it is never deleted.
func (b bucket) adopted() bool { return b.tags[spec.TagAdopted] == "true" }

// admit refuses a bucket that is not ours and that may not be adopted.
func (b bucket) admit(s spec.Spec) error {
	switch {
	case b.foreign:
		return fmt.Errorf("bucket %s: owned by another account, or in another region; choose another BucketName", s.BucketName)
	case !b.exists:
		return nil
	case b.owned(s):
		if b.adopted() && s.OnDelete != spec.Retain {
			return fmt.Errorf("bucket %s: was adopted, so OnDelete must stay %s; remove its tag %s to let go of that",
				s.BucketName, spec.Retain, spec.TagAdopted)
		}
		return nil
	case isReleased(b.tags):
		if s.OnDelete != spec.Retain {
			return fmt.Errorf("bucket %s: was released by an earlier resource; set OnDelete to %s to adopt it", s.BucketName, spec.Retain)
		}
		return nil
	default:
		return fmt.Errorf("bucket %s: exists in this account and does not belong to this resource; choose another BucketName, "+
			"or tag it %s=%s and set OnDelete to %s to adopt it", s.BucketName, spec.TagOwner, spec.Released, spec.Retain)
	}
}

// lookBucket reads the tags of the bucket. S3 answers 403 both for a bucket of
// another account and for a missing permission; which of them it is shows in the
// list of our buckets, which is asked for only then.
func (p *Provisioner) lookBucket(ctx context.Context, s spec.Spec, creating bool) (bucket, error) {
	b, err := p.readBucketTags(ctx, s, standardRetryer())
	if !isDenied(err) {
		return b, err
	}
	again := func(err error) bool { return creating && isDenied(err) }
	out, listErr := p.s3.ListBuckets(ctx, &s3.ListBucketsInput{Prefix: &s.BucketName},
		func(o *s3.Options) { o.Retryer = patient(ctx, rolePropagation, again) })
	if listErr != nil {
		return bucket{}, errors.Join(err, fmt.Errorf("list of buckets: %w", brief(listErr)))
	}
	isOwn := func(b types.Bucket) bool { return aws.ToString(b.Name) == s.BucketName }
	if slices.ContainsFunc(out.Buckets, isOwn) {
		return bucket{}, err // ours to read, and not allowed
	}
	if creating {
		if b, err = p.readBucketTags(ctx, s, patient(ctx, deniedPropagation, isDenied)); !isDenied(err) {
			return b, err
		}
	}
	return bucket{exists: true, foreign: true}, nil
}

func (p *Provisioner) readBucketTags(ctx context.Context, s spec.Spec, retryer aws.Retryer) (bucket, error) {
	out, err := p.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner()},
		func(o *s3.Options) { o.Retryer = retryer })
	switch {
	case err == nil:
		return bucket{exists: true, tags: bucketTags(out.TagSet)}, nil
	case isCode(err, "NoSuchBucket"):
		return bucket{}, nil
	case isCode(err, "NoSuchTagSet"):
		return bucket{exists: true}, nil
	case isElsewhere(err):
		return bucket{exists: true, foreign: true}, nil
	default:
		return bucket{}, fmt.Errorf("bucket %s: %w", s.BucketName, brief(err))
	}
}

// ensureBucket creates the bucket if it is missing, or adopts a released one.
// Encryption (SSE-S3), BucketOwnerEnforced and the public access block are S3's
// defaults for a new bucket.
func (p *Provisioner) ensureBucket(ctx context.Context, s spec.Spec, found bucket) (bucket, error) {
	if !found.exists {
		var err error
		if found, err = p.createBucket(ctx, s); err != nil {
			return found, err
		}
	}
	if isReleased(found.tags) { // perhaps only since it was looked for
		return p.adoptBucket(ctx, s, found)
	}
	return found, nil
}

func (p *Provisioner) createBucket(ctx context.Context, s spec.Spec) (bucket, error) {
	in := &s3.CreateBucketInput{
		Bucket:                    &s.BucketName,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{Tags: toBucketTags(s.AllTags())},
	}
	if s.Region != usEast1 {
		in.CreateBucketConfiguration.LocationConstraint = types.BucketLocationConstraint(s.Region)
	}
	_, err := p.s3.CreateBucket(ctx, in)
	switch {
	case isCode(err, "BucketAlreadyExists"):
		return bucket{}, bucket{foreign: true}.admit(s)
	case err == nil && s.Region != usEast1:
		return bucket{exists: true, fresh: true, tags: s.AllTags()}, nil
	case err != nil && !isCode(err, "BucketAlreadyOwnedByYou"):
		return bucket{}, fmt.Errorf("bucket %s: %w", s.BucketName, brief(err))
	}
	// The account has it now, but perhaps from another event or another resource:
	// only its tags tell. In us-east-1 that is so after every success.
	found, err := p.lookBucket(ctx, s, true)
	if err == nil && !found.exists {
		err = fmt.Errorf("bucket %s: was deleted while it was created", s.BucketName)
	}
	return found, errors.Join(err, found.admit(s))
}

// adoptBucket makes a released bucket ours. Of two resources that adopt it at the
// same time the later wins; the other finds out here or before its commit.
func (p *Provisioner) adoptBucket(ctx context.Context, s spec.Spec, found bucket) (bucket, error) {
	tags := maps.Clone(found.tags)
	maps.Copy(tags, s.AllTags())
	tags[spec.TagAdopted] = "true"
	if err := p.putBucketTags(ctx, s, tags); err != nil {
		return bucket{}, err
	}
	p.log.Info("adopted a released bucket", "bucket", s.BucketName)
	adopted, err := p.lookBucket(ctx, s, false)
	return adopted, errors.Join(err, adopted.admit(s))
}

// ensureStillOurs reads the owner of an adopted bucket once more.
func (p *Provisioner) ensureStillOurs(ctx context.Context, s spec.Spec, b bucket) error {
	if !b.adopted() {
		return nil
	}
	found, err := p.lookBucket(ctx, s, false)
	return errors.Join(err, found.admit(s))
}

// releaseBucket lets go of the bucket: our statements leave its policy, our rule its
// lifecycle, a probe that was cut off its objects, and its tags say that another
// resource may adopt it. The tags come last: whoever is cut off before them finds
// the bucket as ours again.
func (p *Provisioner) releaseBucket(ctx context.Context, s spec.Spec, b bucket) error {
	if err := p.removePolicy(ctx, s); err != nil {
		return err
	}
	if err := p.removeLifecycle(ctx, s); err != nil {
		return err
	}
	if err := p.removeObjects(ctx, s, s.ProbeKey()); err != nil {
		return err
	}
	tags := maps.Clone(b.tags)
	for _, key := range []string{spec.TagStackID, spec.TagLogicalID, spec.TagLastEvent, spec.TagAdopted} {
		delete(tags, key)
	}
	tags[spec.TagOwner] = spec.Released
	if err := p.putBucketTags(ctx, s, tags); err != nil && !isMissing(err) {
		return err
	}
	p.log.Info("released the bucket", "bucket", s.BucketName)
	return nil
}

// deleteBucket deletes the bucket. What does not exist counts as deleted.
func (p *Provisioner) deleteBucket(ctx context.Context, s spec.Spec) error {
	_, err := p.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner()})
	if err != nil && !isMissing(err) {
		return fmt.Errorf("bucket %s: %w", s.BucketName, brief(err))
	}
	return nil
}

// ensureBucketTags adds the property Tags to those that others set. The last event is
// kept up to date on the secret alone, to spare a write of every Update.
func (p *Provisioner) ensureBucketTags(ctx context.Context, s spec.Spec, c change, b bucket) error {
	tags := mergeTags(b.tags, s.AllTags(), c.old)
	if made, ok := b.tags[spec.TagLastEvent]; ok {
		tags[spec.TagLastEvent] = made
	}
	if maps.Equal(tags, b.tags) {
		return nil
	}
	return p.putBucketTags(ctx, s, tags)
}

func (p *Provisioner) putBucketTags(ctx context.Context, s spec.Spec, tags map[string]string) error {
	_, err := p.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{
		Bucket:              &s.BucketName,
		ExpectedBucketOwner: p.expectedOwner(),
		Tagging:             &types.Tagging{TagSet: toBucketTags(tags)},
	})
	if err != nil {
		return fmt.Errorf("tags of bucket %s: %w", s.BucketName, brief(err))
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
