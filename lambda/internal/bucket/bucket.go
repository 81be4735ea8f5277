package bucket

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/purge"
	"bucketuser/lambda/spec"
)

// USEast1 differs from every other region: a bucket there names no location, and
// CreateBucket answers 200 for a bucket that the account already has.
const USEast1 = "us-east-1"

// A Bucket is the S3 bucket under the name of a spec.
type Bucket struct {
	claim.Claim
	Fresh   bool     // made by this event, so without configuration
	Content *Content // as it was listed beside the look, or nil: see content.go
}

// elsewhere is a bucket that S3 says nothing of: of another account, or in another region.
var elsewhere = Bucket{Claim: claim.Claim{State: claim.Elsewhere}}

// IsKnownAdopted reports whether the bucket itself says that it was there before us. Its settings are its
// owner's then. One that is only doubted to be ours, see claim.Confirm, is equipped as it was.
func (b Bucket) IsKnownAdopted() bool { return b.Tags()[spec.TagAdopted] == "true" }

// IsUntagged reports whether the bucket shows no tags.
func (b Bucket) IsUntagged() bool { return b.State == claim.Foreign && !b.IsTaken() }

// Admit refuses a bucket that is not ours and that may not be adopted.
func (b Bucket) Admit(s spec.Spec) error {
	isRetained := s.OnDelete == spec.Retain
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
	err := b.Taken("bucket "+s.BucketName, "BucketName")
	if b.IsUnowned() {
		return fmt.Errorf("%w, or tag it %s=%s and set OnDelete to %s to adopt it", err, spec.TagOwner, spec.Released, spec.Retain)
	}
	return err
}

// admit is [Bucket.Admit] for a set that is begun. In one that is in force a bucket that is not ours was lost.
func (c Client) admit(b Bucket) error {
	isLost := b.State == claim.Elsewhere || b.State == claim.Foreign
	if c.inForce && isLost {
		return awscall.Again(fmt.Errorf("bucket %s: %s", c.spec.BucketName, b.Lacks()))
	}
	return b.Admit(c.spec)
}

// Look reads the tags of the bucket. S3 answers 403 for a bucket of another account,
// for a missing permission, and maybe for a name that nobody has. The list of our own buckets
// tells whether the permission is missing, or late. It is asked for only after a 403.
func (c Client) Look(ctx context.Context) (Bucket, error) {
	b, err := c.readTags(ctx, awscall.Standard())
	if !awscall.IsDenied(err) {
		return b, err
	}
	_, isOwn, listErr := c.Listed(ctx)
	switch {
	case listErr != nil:
		return Bucket{}, errors.Join(err, listErr)
	case isOwn:
		return c.readTags(ctx, c.looking())
	}
	return Bucket{Claim: claim.Claim{State: claim.Hidden}}, nil
}

// Listed finds the bucket among our own.
func (c Client) Listed(ctx context.Context) (listed types.Bucket, isListed bool, err error) {
	out, err := c.s3.ListBuckets(ctx, &s3.ListBucketsInput{Prefix: &c.spec.BucketName}, func(o *s3.Options) { o.Retryer = c.looking() })
	if err != nil {
		return types.Bucket{}, false, fmt.Errorf("list of buckets: %w", awscall.Brief(err))
	}
	at := slices.IndexFunc(out.Buckets, func(b types.Bucket) bool { return aws.ToString(b.Name) == c.spec.BucketName })
	if at < 0 {
		return types.Bucket{}, false, nil
	}
	return out.Buckets[at], true, nil
}

// Await looks at the bucket while what it sees may be a lag. Where it is one to the end, it
// returns what was seen last.
func (c Client) Await(ctx context.Context, until string, mayBeLag func(Bucket) bool) (Bucket, error) {
	return awscall.Repeat(ctx, c.patience, until, func() (Bucket, bool, error) {
		found, err := c.Look(ctx)
		return found, err == nil && mayBeLag(found), err
	})
}

func (c Client) readTags(ctx context.Context, retryer aws.Retryer) (Bucket, error) {
	out, err := c.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()},
		func(o *s3.Options) { o.Retryer = retryer })
	switch {
	case err == nil:
		return Bucket{Claim: claim.Read(bucketTags(out.TagSet), c.spec)}, nil
	case awscall.IsNoBucket(err):
		return Bucket{}, nil
	case awscall.IsCode(err, "NoSuchTagSet"):
		return Bucket{Claim: claim.Read(nil, c.spec)}, nil
	case awscall.IsElsewhere(err):
		return elsewhere, nil
	default:
		return Bucket{}, fmt.Errorf("bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
}

// Ensure creates the bucket if it is missing, or adopts a released one. Encryption
// (SSE-S3) and the public access block are S3's defaults for a new bucket.
//
// A bucket of ours that a Create finds was made by another delivery, or was deleted a moment
// ago and still shows: only CreateBucket tells. It is not asked about one that was adopted: in
// us-east-1 it would reset the ACL.
func (c Client) Ensure(ctx context.Context, change spec.Change, found Bucket) (Bucket, error) {
	isInDoubt := change.IsNew && found.State == claim.Ours && !found.Fresh
	if !found.Exists() || isInDoubt {
		var err error
		if found, err = c.Create(ctx, found); err != nil {
			return found, err
		}
	}
	if found.IsReleased() { // perhaps only since it was looked for
		return c.adopt(ctx, found)
	}
	return found, nil
}

// Create creates the bucket, or tells whose it is. Where it is in the account already,
// another event or another resource may have made it, so its tags are read until S3 shows
// them. In us-east-1 CreateBucket answers 200 for such a bucket, too, and sets no tags.
func (c Client) Create(ctx context.Context, seen Bucket) (Bucket, error) {
	made := Bucket{Claim: claim.Made(c.spec), Fresh: true}
	in := &s3.CreateBucketInput{
		Bucket:                    &c.spec.BucketName,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{Tags: toBucketTags(made.Tags())},
	}
	if c.spec.Region != USEast1 {
		in.CreateBucketConfiguration.LocationConstraint = types.BucketLocationConstraint(c.spec.Region)
	}
	c.notes.Asked = true
	isThere := sync.OnceFunc(c.patience.Changed) // maybe since a moment ago
	found, err := awscall.Repeat(ctx, c.patience, "S3 shows the tags of the bucket", func() (Bucket, bool, error) {
		err := c.callCreate(ctx, in)
		switch {
		case awscall.IsCode(err, "BucketAlreadyExists"):
			c.notes.Refused = true
			return elsewhere, false, c.admit(elsewhere)
		case err == nil && c.spec.Region != USEast1:
			isThere()
			c.notes.Made = true
			return made, false, nil
		case err != nil && !awscall.IsCode(err, "BucketAlreadyOwnedByYou"):
			c.notes.Fail(err)
			return Bucket{}, false, c.refusal(seen, err)
		}
		isThere()
		c.notes.Made = c.notes.Made || err == nil
		found, err := c.Look(ctx)
		return found, err == nil && found.MayYetBeOurs() && !found.IsReleased(), err
	})
	if err == nil && found.State == claim.Ours {
		c.log.Info("created", "bucket", c.spec.BucketName)
	}
	if err == nil && !found.Exists() {
		err = awscall.Again(fmt.Errorf("bucket %s: is in this account, and S3 does not show it: wait some minutes", c.spec.BucketName))
	}
	if err == nil {
		c.notes.Refused = found.IsTaken()
		err = c.admit(found)
	}
	return found, err
}

// callCreate asks for BucketOwnerEnforced in words. It is S3's default for a new bucket, and organizations demand
// the header ("Requiring Object Ownership", S3 User Guide). Others forbid to set it at all, and with it the call
// (L12): then the default does.
func (c Client) callCreate(ctx context.Context, in *s3.CreateBucketInput) error {
	withOwnership := *in
	withOwnership.ObjectOwnership = types.ObjectOwnershipBucketOwnerEnforced
	_, err := c.s3.CreateBucket(ctx, &withOwnership)
	if !awscall.IsDenied(err) || !awscall.IsByOthers(err) {
		return err
	}
	if _, again := c.s3.CreateBucket(ctx, in); again == nil || !awscall.IsDenied(again) {
		return again
	}
	return err
}

// refusal is the error of a CreateBucket that was refused. Of a bucket that is hidden, too, the
// role may have no right to the name since somebody else has it: its rights end with the account.
func (c Client) refusal(b Bucket, err error) error {
	if b.State == claim.Hidden && awscall.IsDenied(err) {
		return fmt.Errorf("%w; or the role lacks a right: %w", c.admit(elsewhere), awscall.Brief(err))
	}
	return fmt.Errorf("bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
}

// adopt makes a released bucket ours. Two resources may adopt it at the same time: the
// later one wins, and the other reads that here or before its commit. The tags that were
// written count: a read may be from before.
func (c Client) adopt(ctx context.Context, found Bucket) (Bucket, error) {
	tags := found.AdoptBucket()
	if err := c.PutTags(ctx, tags); err != nil {
		return Bucket{}, err
	}
	c.log.Info("took over what was released", "bucket", c.spec.BucketName)
	adopted := Bucket{Claim: claim.Read(tags, c.spec)}
	return adopted, c.CheckStillOurs(ctx, adopted)
}

// CheckStillOurs reads the owner of an adopted bucket once more. Only the tags of another
// owner speak against it.
func (c Client) CheckStillOurs(ctx context.Context, b Bucket) error {
	if b.State != claim.Adopted {
		return nil
	}
	found, err := c.Look(ctx)
	if err != nil || found.MayYetBeOurs() {
		return err
	}
	c.notes.Refused = found.IsTaken()
	return c.admit(found)
}

// release lets go of the bucket. It removes our statements, our lifecycle rules, a probe that was left,
// and a marker that this very event has written, and then tags the bucket as released. The tags come
// last: a delivery that is cut off before them finds the bucket as ours again.
//
// What others forbid to take away stays, and the log says so: the statements name a user who is gone,
// and the objects are empty. Rules go on expiring versions, so the log says to remove them. So it is never stuck.
func (c Client) release(ctx context.Context, b Bucket, mayLag bool) error {
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"policy statements", func() error { return c.removePolicy(ctx, mayLag) }},
		{"lifecycle rules: remove those that start with bucketuser-, which go on", func() error { return c.removeLifecycle(ctx, b, mayLag) }},
		{"probe", func() error { return c.RemoveObjects(ctx, c.spec.ProbeKey()) }},
		{"folder marker", func() error { return c.removeNewMarker(ctx) }},
		{"tags: set " + spec.TagOwner + "=" + spec.Released + " to have it adopted again", func() error { return c.PutTags(ctx, b.ReleaseBucket()) }},
	} {
		switch err := step.do(); {
		case awscall.IsByOthers(err):
			c.log.Warn("left in a bucket that was let go of what others forbid to take away", "bucket", c.spec.BucketName, "part", step.what, "reason", err.Error())
		case err != nil && !awscall.IsMissing(err):
			return err
		}
	}
	c.log.Info("released", "bucket", c.spec.BucketName)
	return nil
}

// removeNewMarker takes along the folder marker of an adoption that fails, in the version that it wrote:
// what has been written there since is somebody's.
func (c Client) removeNewMarker(ctx context.Context) error {
	if c.notes.marker == nil || c.notes.in != c.spec.BucketName {
		return nil
	}
	_, err := c.removeObjects(ctx, func(e purge.Entry) bool { return e.Version == c.notes.marker.Version }, c.notes.marker.Key)
	return err
}

// deleteBucket deletes the bucket, and reports whether S3 knew it.
func (c Client) deleteBucket(ctx context.Context) (wasThere bool, err error) {
	_, err = c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()})
	if awscall.IsMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	return true, nil
}

// planTags adds the property Tags to those that others set.
func (c Client) planTags(ctx context.Context, change spec.Change, b Bucket, tags map[string]string) write {
	isChanged := change.Changes(func(s spec.Spec) any { return s.Tags })
	if maps.Equal(tags, b.Tags()) && !isChanged {
		return nil
	}
	return func() error { return c.PutTags(ctx, tags) }
}

// PutTags replaces all tags of the bucket.
func (c Client) PutTags(ctx context.Context, tags map[string]string) error {
	_, err := c.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{
		Bucket:              &c.spec.BucketName,
		ExpectedBucketOwner: c.owner(),
		Tagging:             &types.Tagging{TagSet: toBucketTags(tags)},
	})
	if err != nil {
		return fmt.Errorf("tags of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
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
