package local

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
)

// A Thing is a bucket, a user or a secret of the account.
type Thing struct {
	Kind string // bucket, user or secret
	Name string
	Tags map[string]string
}

func (t Thing) String() string { return t.Kind + " " + t.Name }

// Things lists the buckets, users and secrets of the account with their tags, sorted. Secrets
// that wait for their deletion are among them. What is deleted while Things looks may be missing.
func (a *AWS) Things(ctx context.Context) ([]Thing, error) {
	config, err := a.Config()
	if err != nil {
		return nil, err
	}
	var found []Thing
	for _, list := range []func(context.Context, aws.Config) ([]Thing, error){taggedBuckets, taggedUsers, taggedSecrets} {
		things, err := list(ctx, config)
		if err != nil {
			return nil, fmt.Errorf("things: %w", err)
		}
		found = append(found, things...)
	}
	slices.SortFunc(found, func(a, b Thing) int { return strings.Compare(a.String(), b.String()) })
	return found, nil
}

// Settings lists how things are: a line "kind name: what" for each tag, setting, object, key
// and version, sorted, so that two lists show by their difference what has changed. A value of a
// secret is shown by its hash. No line has a time in it: the same settings give the same lines.
func (a *AWS) Settings(ctx context.Context, things []Thing) ([]string, error) {
	config, err := a.Config()
	if err != nil {
		return nil, err
	}
	describe := map[string]func(context.Context, aws.Config, string) ([]string, error){
		"bucket": settingsOfBucket, "user": settingsOfUser, "secret": settingsOfSecret,
	}
	var lines []string
	for _, thing := range things {
		settings, err := describe[thing.Kind](ctx, config, thing.Name)
		if err != nil {
			return nil, fmt.Errorf("settings of %s: %w", thing, err)
		}
		for _, key := range slices.Sorted(maps.Keys(thing.Tags)) {
			settings = append(settings, "tag "+key+" = "+thing.Tags[key])
		}
		for _, setting := range settings {
			lines = append(lines, thing.String()+": "+setting)
		}
	}
	slices.Sort(lines)
	return lines, nil
}

func taggedBuckets(ctx context.Context, config aws.Config) ([]Thing, error) {
	client := s3.NewFromConfig(config)
	out, err := client.ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		return nil, err
	}
	var things []Thing
	for _, bucket := range out.Buckets {
		tags, err := client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: bucket.Name})
		if isOne(err, "NoSuchBucket") {
			continue
		}
		if err != nil && !isOne(err, "NoSuchTagSet") {
			return nil, err
		}
		thing := Thing{"bucket", aws.ToString(bucket.Name), map[string]string{}}
		if err == nil {
			for _, tag := range tags.TagSet {
				thing.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
		}
		things = append(things, thing)
	}
	return things, nil
}

func taggedUsers(ctx context.Context, config aws.Config) ([]Thing, error) {
	client := iam.NewFromConfig(config)
	users, err := allUsers(ctx, client)
	if err != nil {
		return nil, err
	}
	var things []Thing
	for _, user := range users {
		tags, err := client.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: user.UserName})
		if isOne(err, "NoSuchEntity") {
			continue
		}
		if err != nil {
			return nil, err
		}
		thing := Thing{"user", aws.ToString(user.UserName), map[string]string{}}
		for _, tag := range tags.Tags {
			thing.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		things = append(things, thing)
	}
	return things, nil
}

func taggedSecrets(ctx context.Context, config aws.Config) ([]Thing, error) {
	secrets, err := allSecrets(ctx, config)
	if err != nil {
		return nil, err
	}
	var things []Thing
	for _, secret := range secrets {
		thing := Thing{"secret", aws.ToString(secret.Name), map[string]string{}}
		for _, tag := range secret.Tags {
			thing.Tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		things = append(things, thing)
	}
	return things, nil
}

func settingsOfUser(ctx context.Context, config aws.Config, name string) ([]string, error) {
	client := iam.NewFromConfig(config)
	user, err := client.GetUser(ctx, &iam.GetUserInput{UserName: &name})
	if err != nil {
		return nil, err
	}
	keys, err := client.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: &name})
	if err != nil {
		return nil, err
	}
	policies, err := client.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: &name})
	if err != nil {
		return nil, err
	}
	attached, err := client.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: &name})
	if err != nil {
		return nil, err
	}
	settings := []string{"id " + aws.ToString(user.User.UserId), "path " + aws.ToString(user.User.Path)}
	if boundary := user.User.PermissionsBoundary; boundary != nil {
		settings = append(settings, "boundary "+aws.ToString(boundary.PermissionsBoundaryArn))
	}
	for _, key := range keys.AccessKeyMetadata {
		settings = append(settings, "key "+aws.ToString(key.AccessKeyId)+" "+string(key.Status))
	}
	for _, policy := range policies.PolicyNames {
		settings = append(settings, "inline policy "+policy)
	}
	for _, policy := range attached.AttachedPolicies {
		settings = append(settings, "policy "+aws.ToString(policy.PolicyArn))
	}
	return settings, nil
}

func settingsOfSecret(ctx context.Context, config aws.Config, name string) ([]string, error) {
	client := secretsmanager.NewFromConfig(config)
	secret, err := client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &name})
	if err != nil {
		return nil, err
	}
	settings := []string{"arn " + aws.ToString(secret.ARN), "description " + aws.ToString(secret.Description), "KMS key " + aws.ToString(secret.KmsKeyId)}
	if secret.DeletedDate != nil {
		settings = append(settings, "waits for its deletion")
	}
	for version, stages := range secret.VersionIdsToStages {
		value := "cannot be read"
		if secret.DeletedDate == nil {
			out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name, VersionId: &version})
			if err != nil {
				return nil, err
			}
			value = fmt.Sprintf("sha256 %x", sha256.Sum256(append(out.SecretBinary, aws.ToString(out.SecretString)...)))
		}
		settings = append(settings, fmt.Sprintf("version %s %q: %s", version, slices.Sorted(slices.Values(stages)), value))
	}
	return settings, nil
}

// isOne reports whether err is an answer of AWS with that code.
func isOne(err error, code string) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && answer.ErrorCode() == code
}

// line returns a value as JSON in one line, keys sorted, without what is empty.
func line(value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	var decoded any
	if err := json.Unmarshal(text, &decoded); err != nil {
		return "", err
	}
	text, err = json.Marshal(withoutEmpty(decoded))
	return string(text), err
}

func withoutEmpty(value any) any {
	members, ok := value.(map[string]any)
	if !ok {
		return value
	}
	for key, member := range members {
		if member = withoutEmpty(member); member == nil || member == "" {
			delete(members, key)
		}
	}
	return members
}
