package awsfake

import (
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// SetAbac switches access control by the tags of a bucket (ABAC) on or off. It is off for a new bucket. While it is on,
// PutBucketTagging and DeleteBucketTagging are refused; only TagResource and UntagResource of S3 Control, which are not
// simulated, change tags then. GetBucketTagging goes on. Sources: S3 API Reference, PutBucketAbac, PutBucketTagging and
// DeleteBucketTagging; S3 User Guide, Enabling ABAC in general purpose buckets. See [Laws.AbacDenied].
func (a *AWS) SetAbac(bucketName string, on bool) {
	defer a.changing()()
	if b := a.buckets[bucketName]; b != nil {
		b.abac = on
	}
}

// getBucketAbac always answers: a bucket where nobody has set it is Disabled. Source: S3 User Guide, Enabling ABAC.
func (a *AWS) getBucketAbac(r request, _ *s3.GetBucketAbacInput) (*s3.GetBucketAbacOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	status := types.BucketAbacStatusDisabled
	if b.abac {
		status = types.BucketAbacStatusEnabled
	}
	return &s3.GetBucketAbacOutput{AbacStatus: &types.AbacStatus{Status: status}}, nil
}

// mayTag refuses to change tags by the operations of old while access control by tags is on.
func (a *AWS) mayTag(b *bucket) error {
	switch {
	case !b.abac:
		return nil
	case a.AbacDenied:
		return fail(403, "AccessDenied", "Access Denied")
	}
	return fail(400, "InvalidRequest", "This operation is not supported for a bucket with ABAC enabled. Use TagResource or UntagResource.")
}
