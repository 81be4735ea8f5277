package status

import (
	"cmp"
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func (l looker) askSecret(ctx context.Context) answer[*secretsmanager.DescribeSecretOutput] {
	id := cmp.Or(l.target.SecretARN, l.target.SecretName)
	if id == "" {
		return answer[*secretsmanager.DescribeSecretOutput]{isNone: true}
	}
	return ask(func() (*secretsmanager.DescribeSecretOutput, error) {
		return l.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	}, "ResourceNotFoundException")
}

// A value is the current one of a secret. What it holds is never printed.
type value struct {
	version string
	created time.Time
	isNull  bool              // of a set that is being removed
	fields  map[string]string // those that are text; nil if the value is no JSON object
}

func (l looker) askValue(ctx context.Context, secret answer[*secretsmanager.DescribeSecretOutput]) answer[value] {
	switch {
	case secret.err != nil:
		return answer[value]{err: secret.err}
	case secret.isNone, secret.value.DeletedDate != nil:
		return answer[value]{isNone: true}
	}
	return l.readValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: secret.value.ARN})
}

func (l looker) readValue(ctx context.Context, in *secretsmanager.GetSecretValueInput) answer[value] {
	return ask(func() (value, error) {
		out, err := l.secrets.GetSecretValue(ctx, in)
		if err != nil {
			return value{}, err
		}
		text := aws.ToString(out.SecretString)
		return value{aws.ToString(out.VersionId), aws.ToTime(out.CreatedDate), text == "null", fieldsOf(text)}, nil
	}, "ResourceNotFoundException")
}

// fieldsOf are the fields of a value that are text. Others may have added fields of any type.
func fieldsOf(text string) map[string]string {
	var all map[string]any
	if json.Unmarshal([]byte(text), &all) != nil || all == nil {
		return nil
	}
	fields := map[string]string{}
	for name, field := range all {
		if text, isText := field.(string); isText {
			fields[name] = text
		}
	}
	return fields
}

// askPending asks when the version was made that has AWSPENDING and is not the current one.
func (l looker) askPending(ctx context.Context, secret answer[*secretsmanager.DescribeSecretOutput]) answer[time.Time] {
	version := ""
	if secret.isThere() {
		version = pendingOf(secret.value.VersionIdsToStages)
	}
	if version == "" {
		return answer[time.Time]{isNone: true, err: secret.err}
	}
	return ask(func() (since time.Time, err error) {
		pages := secretsmanager.NewListSecretVersionIdsPaginator(l.secrets, &secretsmanager.ListSecretVersionIdsInput{SecretId: secret.value.ARN})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return since, err
			}
			for _, v := range page.Versions {
				if aws.ToString(v.VersionId) == version {
					since = aws.ToTime(v.CreatedDate)
				}
			}
		}
		return since, nil
	})
}
