package status

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/spec"
)

func (l looker) lookAtUser(ctx context.Context, f *facts) {
	name := &f.spec.UserName
	together(
		func() {
			f.user = ask(func() (*iamtypes.User, error) {
				out, err := l.iam.GetUser(ctx, &iam.GetUserInput{UserName: name})
				if err != nil {
					return nil, err
				}
				return out.User, nil
			}, "NoSuchEntity", "NoSuchEntityException")
		},
		func() {
			f.keys = ask(func() ([]iamtypes.AccessKeyMetadata, error) {
				out, err := l.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: name})
				if err != nil {
					return nil, err
				}
				return out.AccessKeyMetadata, nil
			}, "NoSuchEntity", "NoSuchEntityException")
		},
	)
	f.lastUsed = map[string]answer[*iamtypes.AccessKeyLastUsed]{}
	for _, key := range f.keys.value {
		f.lastUsed[aws.ToString(key.AccessKeyId)] = ask(func() (*iamtypes.AccessKeyLastUsed, error) {
			out, err := l.iam.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: key.AccessKeyId})
			if err != nil {
				return nil, err
			}
			return out.AccessKeyLastUsed, nil
		})
	}
	f.named = l.askNamed(ctx, f)
}

// askNamed reads versions beside the current one where the user has a key that nothing else explains.
func (l looker) askNamed(ctx context.Context, f *facts) answer[map[string][]string] {
	named := map[string][]string{}
	if len(f.unexplained()) == 0 {
		return answer[map[string][]string]{value: named}
	}
	for version, labels := range f.secret.value.VersionIdsToStages {
		if version == f.value.value.version || len(labels) == 0 {
			continue
		}
		other := l.readValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: f.secret.value.ARN, VersionId: &version})
		if other.err != nil {
			return answer[map[string][]string]{err: other.err}
		}
		if id := other.value.fields[spec.FieldAccessKeyID]; id != "" {
			named[id] = append(named[id], labels...)
		}
	}
	return answer[map[string][]string]{value: named}
}
