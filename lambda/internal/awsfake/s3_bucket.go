package awsfake

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// bucket is a general purpose bucket. One of another account has nothing but a name and an owner.
type bucket struct {
	name       string
	owner      string
	elsewhere  Face // empty: in the region of the account
	tags       map[string]string
	access     *types.PublicAccessBlockConfiguration // nil: none; all four fields are set
	policy     *policy
	ownership  types.ObjectOwnership        // empty: BucketOwnerEnforced
	encryption types.ServerSideEncryption   // empty: AES256
	abac       bool                         // access control by tags
	versioning types.BucketVersioningStatus // empty: never enabled
	mfaDelete  types.MFADeleteStatus        // empty: never enabled
	objectLock bool
	retention  int // days for which new versions cannot be deleted
	lifecycle  []types.LifecycleRule
	minimum    types.TransitionDefaultMinimumObjectSize // of objects that the rules move
	objects    map[string][]*object                     // by key, oldest first; the last is the current one
	uploads    []*upload
	created    time.Time
}

const usEast1 = "us-east-1"

// reserved are the forms of names that S3 keeps for itself, and accountRegional those of buckets in an account regional
// namespace, which a CreateBucket for the global one does not make: S3 User Guide, General purpose bucket naming rules.
// The code of the latter is that of onecloudplease.com, "Bucketsquatting is Finally Dead"; its message is made up.
var reserved = regexp.MustCompile(`^(xn--|sthree-|amzn-s3-demo-)|(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$`)

const accountRegional = "-an"

// createBucket answers 200 for a bucket of the same account in us-east-1 and changes nothing then, but only to a call
// without tags.
func (a *AWS) createBucket(r request, in *s3.CreateBucketInput) (*s3.CreateBucketOutput, error) {
	name := aws.ToString(in.Bucket)
	if r.who.user != nil {
		return nil, fail(403, "AccessDenied", "Access Denied")
	}
	if err := checkBucketName(name); err != nil {
		return nil, err
	}
	var location types.BucketLocationConstraint
	var set []types.Tag
	if config := in.CreateBucketConfiguration; config != nil {
		location, set = config.LocationConstraint, config.Tags
	}
	tags, err := newBucketTags(set)
	if err != nil {
		return nil, err
	}
	if err := a.checkLocation(string(location)); err != nil {
		return nil, err
	}
	ownership := in.ObjectOwnership
	if ownership != "" && !slices.Contains(ownership.Values(), ownership) {
		return nil, fail(400, "InvalidArgument", "Invalid x-amz-object-ownership header: %s", ownership)
	}
	out := &s3.CreateBucketOutput{Location: aws.String("/" + name), BucketArn: aws.String(a.arn("s3", name))}
	switch b := a.buckets[name]; {
	case b == nil:
		if err := a.nameTaken("s3", name); err != nil {
			return nil, err
		}
		if made := a.addBucket(name, tags); ownership != types.ObjectOwnershipBucketOwnerEnforced {
			made.ownership = ownership
		}
	case b.owner != a.account:
		return nil, bucketExists()
	case b.elsewhere != "" || a.region != usEast1 || len(set) > 0 && !a.LenientCreateBucket:
		return nil, fail(409, "BucketAlreadyOwnedByYou",
			"Your previous request to create the named bucket succeeded and you already own it.")
	}
	return out, nil
}

func checkBucketName(name string) error {
	switch {
	case !bucketName.MatchString(name), reserved.MatchString(name):
		return fail(400, "InvalidBucketName", "The specified bucket is not valid.")
	case strings.HasSuffix(name, accountRegional): // no call of ours asks for a namespace
		return fail(400, "InvalidBucketNamespace", "The specified bucket is not valid in the namespace.")
	}
	return nil
}

// checkLocation compares the location constraint with the region that is asked. A region never names itself in
// us-east-1 and always does elsewhere.
func (a *AWS) checkLocation(location string) error {
	switch {
	case a.region == usEast1 && location == "", a.region != usEast1 && location == a.region:
		return nil
	case a.region == usEast1 && location != usEast1:
		return &notSimulated{"CreateBucket in " + location + " through us-east-1"}
	case a.region == usEast1:
		return fail(400, "InvalidLocationConstraint", "The specified location-constraint is not valid")
	case location == "":
		location = "unspecified"
	}
	return fail(400, "IllegalLocationConstraintException", "The %s location constraint is incompatible for the region "+
		"specific endpoint this request was sent to.", location)
}

// addBucket makes a bucket with the defaults of 2023 and later: public access blocked, BucketOwnerEnforced. The caller holds the lock.
func (a *AWS) addBucket(name string, tags map[string]string) *bucket {
	b := &bucket{
		name:    name,
		owner:   a.account,
		tags:    maps.Clone(tags),
		access:  publicAccessBlock(PublicAccessBlock{true, true, true, true}),
		objects: map[string][]*object{},
		created: time.Now(),
	}
	if b.tags == nil {
		b.tags = map[string]string{}
	}
	a.buckets[name] = b
	return b
}

// deleteBucket asks for no version and no delete marker. Incomplete uploads do not keep a bucket: they go with it.
func (a *AWS) deleteBucket(r request, in *s3.DeleteBucketInput) (*s3.DeleteBucketOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	if err := b.conflict(); err != nil {
		return nil, err
	}
	a.removeBucket(b.name)
	return &s3.DeleteBucketOutput{}, nil
}

// conflict is what keeps a bucket from being deleted, or nil.
func (b *bucket) conflict() error {
	switch {
	case len(b.objects) == 0:
		return nil
	case b.versioning != "":
		return fail(409, "BucketNotEmpty", "The bucket you tried to delete is not empty. You must delete all versions in the bucket.")
	}
	return fail(409, "BucketNotEmpty", "The bucket you tried to delete is not empty")
}

// removeBucket takes a bucket away. The caller holds the lock.
func (a *AWS) removeBucket(name string) {
	if a.buckets[name] != nil {
		delete(a.buckets, name)
		a.take(thing{service: "s3", name: name}, a.BucketDeletion, operationAborted())
	}
}

func (a *AWS) headBucket(r request, _ *s3.HeadBucketInput) (*s3.HeadBucketOutput, error) {
	_, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	return &s3.HeadBucketOutput{BucketRegion: aws.String(a.region)}, nil
}

// listBuckets lists the account's own buckets: all of them, or pages of MaxBuckets.
func (a *AWS) listBuckets(r request, in *s3.ListBucketsInput) (*s3.ListBucketsOutput, error) {
	if r.who.user != nil {
		return nil, fail(403, "AccessDenied", "Access Denied")
	}
	out := &s3.ListBucketsOutput{Prefix: in.Prefix}
	for _, name := range slices.Sorted(maps.Keys(a.buckets)) {
		b := a.buckets[name]
		if b.owner != a.account || !strings.HasPrefix(name, aws.ToString(in.Prefix)) || name <= aws.ToString(in.ContinuationToken) {
			continue
		}
		if region := aws.ToString(in.BucketRegion); region != "" && region != a.regionOf(b) || a.hiddenYet(b) {
			continue
		}
		if in.MaxBuckets != nil && len(out.Buckets) == int(*in.MaxBuckets) {
			out.ContinuationToken = aws.String(*out.Buckets[len(out.Buckets)-1].Name)
			break
		}
		out.Buckets = append(out.Buckets, types.Bucket{
			Name:         aws.String(name),
			BucketRegion: aws.String(a.regionOf(b)),
			CreationDate: aws.Time(b.created),
		})
	}
	return out, nil
}
