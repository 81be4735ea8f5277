package main

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func (l *live) newBucket() string { return l.name + "-new" }

func askNewBucket(ctx context.Context, l *live, said *calls) (string, error) {
	if err := l.createBucket(ctx, l.newBucket()); err != nil {
		return "", err
	}
	return until(ctx, said, func(ctx context.Context) error {
		_, err := l.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: aws.String(l.newBucket())})
		return err
	}, "NoSuchTagSet")
}

// askDeletedBucket goes on with the bucket of askNewBucket.
func askDeletedBucket(ctx context.Context, l *live, said *calls) (string, error) {
	if _, err := l.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String(l.newBucket())}); err != nil {
		return "", err
	}
	answer, err := until(ctx, said, func(ctx context.Context) error { return l.createBucket(ctx, l.newBucket()) }, "ok")
	if err != nil {
		return "", err
	}
	return answer, removeBucket(ctx, l.clients, thing{name: l.newBucket()})
}

func askTwoRules(ctx context.Context, l *live, said *calls) (string, error) {
	rule := func(id string) types.LifecycleRule {
		//lint:ignore SA1019 deprecated, and what is asked about
		return types.LifecycleRule{ID: &id, Status: types.ExpirationStatusEnabled, Prefix: aws.String("a/"),
			Expiration: &types.LifecycleExpiration{Days: aws.Int32(int32(30 + len(id)))}}
	}
	_, err := l.s3.PutBucketLifecycleConfiguration(said.in(ctx), &s3.PutBucketLifecycleConfigurationInput{
		Bucket: &l.bench.bucket, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{rule("a"), rule("bb")}},
	})
	return codeOf(err), nil
}
