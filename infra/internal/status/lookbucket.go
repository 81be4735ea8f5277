package status

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/infra/internal/target"
)

// lookAtBucket asks about the bucket. One that is there and lacks a setting has an empty one.
func (l looker) lookAtBucket(ctx context.Context, f *facts) {
	bucket, owner := &f.spec.BucketName, &f.spec.Account
	together(
		func() {
			f.tags = ask(func() (map[string]string, error) { return l.readTags(ctx, bucket, owner) }, "NoSuchBucket")
		},
		func() {
			f.block = ask(func() (*types.PublicAccessBlockConfiguration, error) { return l.readBlock(ctx, bucket, owner) }, "NoSuchBucket")
		},
		func() {
			f.policy = ask(func() (string, error) { return l.readPolicy(ctx, bucket, owner) }, "NoSuchBucket")
		},
	)
}

func (l looker) readTags(ctx context.Context, bucket, owner *string) (map[string]string, error) {
	out, err := l.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket, ExpectedBucketOwner: owner})
	if target.CodeOf(err) == "NoSuchTagSet" {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for _, tag := range out.TagSet {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags, nil
}

func (l looker) readBlock(ctx context.Context, bucket, owner *string) (*types.PublicAccessBlockConfiguration, error) {
	out, err := l.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: bucket, ExpectedBucketOwner: owner})
	if target.CodeOf(err) == "NoSuchPublicAccessBlockConfiguration" {
		return &types.PublicAccessBlockConfiguration{}, nil
	}
	if err != nil {
		return nil, err
	}
	return out.PublicAccessBlockConfiguration, nil
}

func (l looker) readPolicy(ctx context.Context, bucket, owner *string) (string, error) {
	out, err := l.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket, ExpectedBucketOwner: owner})
	if target.CodeOf(err) == "NoSuchBucketPolicy" {
		return "{}", nil
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Policy), nil
}
