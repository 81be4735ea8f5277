package local

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func settingsOfBucket(ctx context.Context, config aws.Config, name string) ([]string, error) {
	client := s3.NewFromConfig(config)
	var settings []string
	for _, list := range []func(context.Context, *s3.Client, string) ([]string, error){
		accessOfBucket, policyOfBucket, versioningOfBucket, rulesOfBucket, objectsOfBucket, uploadsOfBucket,
	} {
		found, err := list(ctx, client, name)
		if err != nil {
			return nil, err
		}
		settings = append(settings, found...)
	}
	return settings, nil
}

func accessOfBucket(ctx context.Context, client *s3.Client, name string) ([]string, error) {
	out, err := client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &name})
	if isOne(err, "NoSuchPublicAccessBlockConfiguration") {
		return []string{"public access block none"}, nil
	}
	if err != nil {
		return nil, err
	}
	block, err := line(out.PublicAccessBlockConfiguration)
	return []string{"public access block " + block}, err
}

// policyOfBucket has a line for each statement.
func policyOfBucket(ctx context.Context, client *s3.Client, name string) ([]string, error) {
	out, err := client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &name})
	if isOne(err, "NoSuchBucketPolicy") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var policy struct {
		Version   string
		Statement []any
	}
	if err := json.Unmarshal([]byte(aws.ToString(out.Policy)), &policy); err != nil {
		return []string{"policy " + aws.ToString(out.Policy)}, nil
	}
	settings := []string{"policy of version " + policy.Version}
	for _, statement := range policy.Statement {
		text, err := line(statement)
		if err != nil {
			return nil, err
		}
		settings = append(settings, "statement "+text)
	}
	return settings, nil
}

func versioningOfBucket(ctx context.Context, client *s3.Client, name string) ([]string, error) {
	out, err := client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &name})
	if err != nil {
		return nil, err
	}
	return []string{"versioning " + string(out.Status)}, nil
}

func rulesOfBucket(ctx context.Context, client *s3.Client, name string) ([]string, error) {
	out, err := client.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &name})
	if isOne(err, "NoSuchLifecycleConfiguration") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var settings []string
	for _, rule := range out.Rules {
		text, err := line(rule)
		if err != nil {
			return nil, err
		}
		settings = append(settings, "lifecycle rule "+text)
	}
	return settings, nil
}

// objectsOfBucket has a line for each version of each key and for each delete marker.
func objectsOfBucket(ctx context.Context, client *s3.Client, name string) ([]string, error) {
	var settings []string
	pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Versions {
			settings = append(settings, fmt.Sprintf("object %s version %s latest %t: %d bytes, ETag %s",
				aws.ToString(o.Key), aws.ToString(o.VersionId), aws.ToBool(o.IsLatest), aws.ToInt64(o.Size), aws.ToString(o.ETag)))
		}
		for _, m := range page.DeleteMarkers {
			settings = append(settings, fmt.Sprintf("delete marker %s version %s latest %t",
				aws.ToString(m.Key), aws.ToString(m.VersionId), aws.ToBool(m.IsLatest)))
		}
	}
	return settings, nil
}

func uploadsOfBucket(ctx context.Context, client *s3.Client, name string) ([]string, error) {
	var settings []string
	pages := s3.NewListMultipartUploadsPaginator(client, &s3.ListMultipartUploadsInput{Bucket: &name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, upload := range page.Uploads {
			settings = append(settings, "upload of "+aws.ToString(upload.Key)+" id "+aws.ToString(upload.UploadId))
		}
	}
	return settings, nil
}
