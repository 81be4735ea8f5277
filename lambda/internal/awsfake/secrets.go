package awsfake

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

var secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)

// secret is a secret of Secrets Manager. Its ARN ends in six characters that a secret of the same name never has again.
type secret struct {
	name        string
	arn         string
	description string
	kmsKey      string
	tags        map[string]string
	versions    []*secretVersion // oldest first
	deleted     time.Time        // zero, or when it was scheduled for deletion
	gone        time.Time        // zero, or when its name is free again
	forced      bool             // deleted by force: it cannot be restored
	created     time.Time
	rotation    rotation
}

// find looks a secret up by name, ARN, or ARN without the six characters.
func (a *AWS) find(id *string) *secret {
	for _, s := range a.secrets {
		if s.has(aws.ToString(id)) {
			return s
		}
	}
	return nil
}

func (s *secret) has(id string) bool {
	return id == s.name || id == s.arn || id == s.arn[:len(s.arn)-7]
}

// secret finds one that exists, also while it waits for its deletion.
func (a *AWS) secret(id *string) (*secret, error) {
	if s := a.find(id); s != nil && !s.forced {
		return s, nil
	}
	return nil, fail(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

// liveSecret finds one that is not marked deleted.
func (a *AWS) liveSecret(id *string) (*secret, error) {
	s, err := a.secret(id)
	if err != nil {
		return nil, err
	}
	if !s.deleted.IsZero() {
		return nil, fail(400, "InvalidRequestException",
			"You can't perform this operation on the secret because it was marked for deletion.")
	}
	return s, nil
}

// createSecret is idempotent for the same token and value, as AWS documents it, and only then.
func (a *AWS) createSecret(in *secretsmanager.CreateSecretInput) (*secretsmanager.CreateSecretOutput, error) {
	name, token := aws.ToString(in.Name), aws.ToString(in.ClientRequestToken)
	if !secretName.MatchString(name) {
		return nil, fail(400, "ValidationException", "Invalid name. Must be a valid name containing alphanumeric "+
			"characters, or any of the following: -/_+=.@!")
	}
	if err := checkToken(token); err != nil {
		return nil, err
	}
	if err := checkLength(in.SecretString, in.SecretBinary); err != nil {
		return nil, err
	}
	if s := a.secrets[name]; s != nil {
		if !s.gone.IsZero() {
			return nil, fail(400, "InvalidRequestException", "You can't create this secret because a secret with this "+
				"name is already scheduled for deletion.")
		}
		if v := s.version(token); v != nil {
			if !v.same(in.SecretString, in.SecretBinary) {
				return nil, tokenInUse(token, s)
			}
			return &secretsmanager.CreateSecretOutput{ARN: aws.String(s.arn), Name: aws.String(name), VersionId: aws.String(token)}, nil
		}
		return nil, secretExists(name)
	}
	if err := a.nameTaken("secretsmanager", name); err != nil {
		return nil, err
	}
	tags := map[string]string{}
	if err := mergeSecretTags(tags, in.Tags); err != nil {
		return nil, err
	}
	return a.createNewSecret(in, tags)
}

// createNewSecret makes a secret under a name that is free. Without a value nothing is encrypted.
func (a *AWS) createNewSecret(in *secretsmanager.CreateSecretInput, tags map[string]string) (*secretsmanager.CreateSecretOutput, error) {
	hasValue := in.SecretString != nil || in.SecretBinary != nil
	if err := a.checkEncryption(&secret{kmsKey: aws.ToString(in.KmsKeyId)}); err != nil && hasValue {
		return nil, err
	}
	s := a.addSecret(*in.Name, tags)
	s.description, s.kmsKey = aws.ToString(in.Description), aws.ToString(in.KmsKeyId)
	out := &secretsmanager.CreateSecretOutput{ARN: aws.String(s.arn), Name: in.Name}
	if hasValue {
		s.put(*in.ClientRequestToken, in.SecretString, in.SecretBinary, []string{stageCurrent})
		out.VersionId = in.ClientRequestToken
	}
	return out, nil
}

// addSecret makes a secret without a version. The caller holds the lock and has checked the name.
func (a *AWS) addSecret(name string, tags map[string]string) *secret {
	s := &secret{
		name:    name,
		arn:     a.arn("secretsmanager", fmt.Sprintf("secret:%s-Fk%04d", name, a.next()%10000)),
		tags:    maps.Clone(tags),
		created: time.Now(),
	}
	if s.tags == nil {
		s.tags = map[string]string{}
	}
	a.secrets[name] = s
	return s
}

func (a *AWS) describeSecret(in *secretsmanager.DescribeSecretInput) (*secretsmanager.DescribeSecretOutput, error) {
	s, err := a.secret(in.SecretId)
	if err != nil {
		return nil, err
	}
	out := &secretsmanager.DescribeSecretOutput{
		ARN:         aws.String(s.arn),
		Name:        aws.String(s.name),
		CreatedDate: aws.Time(s.created),
		Tags:        secretTags(s.tags),
	}
	if s.description != "" {
		out.Description = aws.String(s.description)
	}
	if s.kmsKey != "" {
		out.KmsKeyId = aws.String(s.kmsKey)
	}
	if !s.deleted.IsZero() {
		out.DeletedDate = aws.Time(s.deleted)
	}
	for _, v := range s.versions {
		if len(v.stages) == 0 {
			continue
		}
		if out.VersionIdsToStages == nil {
			out.VersionIdsToStages = map[string][]string{}
		}
		out.VersionIdsToStages[v.id] = slices.Clone(v.stages)
	}
	s.rotation.describe(out)
	return out, nil
}

func (a *AWS) tagSecret(in *secretsmanager.TagResourceInput) (*secretsmanager.TagResourceOutput, error) {
	s, err := a.liveSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(s.tags)
	if err := mergeSecretTags(tags, in.Tags); err != nil {
		return nil, err
	}
	s.tags = tags
	return &secretsmanager.TagResourceOutput{}, nil
}

func (a *AWS) untagSecret(in *secretsmanager.UntagResourceInput) (*secretsmanager.UntagResourceOutput, error) {
	s, err := a.liveSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	for _, key := range in.TagKeys {
		delete(s.tags, key)
	}
	return &secretsmanager.UntagResourceOutput{}, nil
}

func mergeSecretTags(into map[string]string, tags []types.Tag) error {
	for _, t := range tags {
		if strings.HasPrefix(aws.ToString(t.Key), "aws:") {
			return fail(400, "InvalidParameterException", "Tag keys that start with aws: are reserved.")
		}
		into[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	if len(into) > 50 {
		return fail(400, "InvalidParameterException", "A secret can have at most 50 tags.")
	}
	return nil
}

func secretTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return out
}
