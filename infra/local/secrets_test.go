//go:build e2e

package local

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

func secretCorrections() []correction {
	return []correction{
		{"a secret created without a value has no version", secretWithoutValue},
		{"a token with another value is refused", tokenWithOtherValue},
		{"a token with the same value changes nothing", tokenWithSameValue},
		{"a name in its recovery window is refused as such", nameInRecovery},
	}
}

func (w *world) secret(t *testing.T, name string, value *string) {
	t.Helper()
	_, err := w.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: value})
	must(t, err)
}

func (w *world) put(t *testing.T, name, value, token string) error {
	t.Helper()
	_, err := w.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{
		SecretId: &name, SecretString: &value, ClientRequestToken: aws.String(strings.Repeat(token, 32)),
	})
	return err
}

func (w *world) value(t *testing.T, name string) (string, error) {
	t.Helper()
	out, err := w.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.SecretString), nil
}

func secretWithoutValue(t *testing.T, w *world) error {
	w.secret(t, "no-value", nil)
	_, err := w.value(t, "no-value")
	described, describeErr := w.secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String("no-value")})
	must(t, describeErr)
	var versions error
	if n := len(described.VersionIdsToStages); n > 0 {
		versions = fmt.Errorf("%d versions, want none", n)
	}
	return errors.Join(versions,
		wantCode("GetSecretValue", err, "ResourceNotFoundException"),
		wantCode("the first PutSecretValue", w.put(t, "no-value", "first", "a"), ""))
}

func tokenWithOtherValue(t *testing.T, w *world) error {
	w.secret(t, "token-other", nil)
	must(t, w.put(t, "token-other", "first", "a"))
	err := w.put(t, "token-other", "second", "a")
	value, readErr := w.value(t, "token-other")
	must(t, readErr)
	var kept error
	if value != "first" {
		kept = fmt.Errorf("the value is %q, want the first", value)
	}
	return errors.Join(kept, wantCode("the token with another value", err, "ResourceExistsException"))
}

// The first version is no longer current when its request is repeated.
func tokenWithSameValue(t *testing.T, w *world) error {
	w.secret(t, "token-same", nil)
	must(t, w.put(t, "token-same", "first", "a"))
	must(t, w.put(t, "token-same", "second", "b"))
	must(t, w.put(t, "token-same", "first", "a"))
	value, err := w.value(t, "token-same")
	must(t, err)
	if value != "second" {
		return fmt.Errorf("the value is %q, want the second", value)
	}
	return nil
}

func nameInRecovery(t *testing.T, w *world) error {
	w.secret(t, "recovering", aws.String("x"))
	_, err := w.secrets.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{
		SecretId: aws.String("recovering"), RecoveryWindowInDays: aws.Int64(7),
	})
	must(t, err)
	_, err = w.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("recovering")})
	return wantCode("CreateSecret", err, "InvalidRequestException")
}
