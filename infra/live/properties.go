package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/spec"
)

// A change of one property in place, and how its effect is seen.
type change struct {
	property string
	values   map[string]any // the property, and what it is changed together with
	seen     func(context.Context, *live) error
}

// changes are made one after the other. Those of keys come later: see rotations.go.
func changes() []change {
	return []change{
		{"Prefix", map[string]any{"Prefix": "logs/"}, seesPrefix},
		{"FolderMarker", map[string]any{"FolderMarker": false}, seesNoMarker},
		{"Access", map[string]any{"Access": "ReadOnly"}, seesReadOnly},
		{"Statements", map[string]any{"Statements": []any{map[string]any{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "/extra/*"}}},
			func(ctx context.Context, l *live) error {
				return allowed(ctx, "a write that Statements allow", func() error { return l.consumer.put(ctx, "extra/object") })
			}},
		{"EnforceTls", map[string]any{"EnforceTls": false}, seesNoTLS},
		{"Versioning", map[string]any{"Versioning": true}, seesVersioning},
		{"AbortIncompleteUploadsAfterDays", map[string]any{"AbortIncompleteUploadsAfterDays": 3}, seesRule("AbortIncompleteMultipartUpload 3")},
		{"ExpireNoncurrentAfterDays", map[string]any{"ExpireNoncurrentAfterDays": 30}, seesRule("NoncurrentVersionExpiration 30")},
		{"Tags", map[string]any{"Tags": []any{map[string]any{"Key": "team", "Value": "data"}}}, seesTags},
	}
}

// elsewhere are the properties that other steps change, each with the step.
var elsewhere = map[string]string{
	"BucketName":         replacesWithData,
	"UserName":           replacesWithData,
	"SecretName":         replacesWithData,
	"OnDelete":           preparesPurge,
	"KeySerial":          rotatesBySerial,
	"PreviousKey":        deletesPrevious,
	"RotateAfterDays":    turnsScheduleOn,
	"SecretRecoveryDays": preparesPurge,
	"Trigger":            repairs,
	"VerifyCredentials":  rotatesUnproven,
}

// unchanged are the properties that no step changes, each with the reason.
var unchanged = map[string]string{
	"SecretKmsKeyId": "a KMS key costs a dollar a month, and cannot be deleted within a week: it would be left",
}

func seesPrefix(ctx context.Context, l *live) error {
	if l.outputs["Prefix"] != "logs/" || !strings.HasSuffix(l.outputs["Url"], "/logs/") {
		return fmt.Errorf("return values: Prefix %s, Url %s", l.outputs["Prefix"], l.outputs["Url"])
	}
	return errors.Join(
		allowed(ctx, "a write under the new prefix", func() error { return l.consumer.put(ctx, "logs/object") }),
		refused(ctx, "a write under the prefix before", "AccessDenied", func() error { return l.consumer.put(ctx, "data/second") }))
}

func seesNoMarker(ctx context.Context, l *live) error {
	return refused(ctx, "the folder marker logs/", "NotFound", func() error {
		_, err := l.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(l.consumer.bucket()), Key: aws.String("logs/")})
		return err
	})
}

func seesReadOnly(ctx context.Context, l *live) error {
	return errors.Join(
		refused(ctx, "a write with ReadOnly", "AccessDenied", func() error { return l.consumer.put(ctx, "logs/second") }),
		allowed(ctx, "a read with ReadOnly", func() error { return l.consumer.get(ctx, "logs/object") }))
}

func seesNoTLS(ctx context.Context, l *live) error {
	return await(ctx, lagLimit, func() error {
		out, err := l.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: aws.String(l.consumer.bucket())})
		if err == nil && strings.Contains(aws.ToString(out.Policy), "SecureTransport") {
			err = errors.New("the bucket policy still asks for TLS")
		}
		return err
	})
}

func seesVersioning(ctx context.Context, l *live) error {
	return await(ctx, lagLimit, func() error {
		out, err := l.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: aws.String(l.consumer.bucket())})
		if err == nil && out.Status != "Enabled" {
			err = fmt.Errorf("versioning: %q", out.Status)
		}
		return err
	})
}

// seesRule wants a lifecycle rule of the bucket to say that.
func seesRule(want string) func(context.Context, *live) error {
	return func(ctx context.Context, l *live) error {
		return await(ctx, lagLimit, func() error {
			out, err := l.s3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: aws.String(l.consumer.bucket())})
			if err != nil {
				return err
			}
			if rules := wordsOf(out.Rules); !slices.Contains(rules, want) {
				return fmt.Errorf("lifecycle rules %q, want %s", rules, want)
			}
			return nil
		})
	}
}

// wordsOf are the rules about uploads and older versions, each with its days.
func wordsOf(rules []types.LifecycleRule) (words []string) {
	for _, rule := range rules {
		if a := rule.AbortIncompleteMultipartUpload; a != nil {
			words = append(words, fmt.Sprintf("AbortIncompleteMultipartUpload %d", aws.ToInt32(a.DaysAfterInitiation)))
		}
		if n := rule.NoncurrentVersionExpiration; n != nil {
			words = append(words, fmt.Sprintf("NoncurrentVersionExpiration %d", aws.ToInt32(n.NoncurrentDays)))
		}
	}
	return words
}

func seesTags(ctx context.Context, l *live) error {
	return await(ctx, lagLimit, func() error {
		bucket, err := l.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: aws.String(l.consumer.bucket())})
		if err != nil {
			return err
		}
		secret, err := l.describe(ctx)
		if err != nil {
			return err
		}
		tags := map[string]int{}
		for _, tag := range bucket.TagSet {
			tags[aws.ToString(tag.Key)+"="+aws.ToString(tag.Value)]++
		}
		for _, tag := range secret.Tags {
			tags[aws.ToString(tag.Key)+"="+aws.ToString(tag.Value)]++
		}
		if tags["team=data"] != 2 {
			return fmt.Errorf("team=data is on %d of bucket and secret", tags["team=data"])
		}
		return nil
	})
}

// describe is what Secrets Manager says of the set's secret.
func (l *live) describe(ctx context.Context) (*secretsmanager.DescribeSecretOutput, error) {
	return l.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(l.outputs["SecretArn"])})
}

// checkAllWereChanged wants every property of the table to have had more than one value, but those with a reason.
func (l *live) checkAllWereChanged(context.Context) error {
	var missing []string
	for _, row := range spec.Table {
		if _, excused := unchanged[row.Name]; !excused && !l.changed[row.Name] {
			missing = append(missing, row.Name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("never changed: %s", strings.Join(missing, ", "))
	}
	return nil
}
