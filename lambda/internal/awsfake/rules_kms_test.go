package awsfake_test

import (
	"fmt"
	"strings"
	"testing"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"
)

// The calls on a secret that the rules make.

func secretValue(t *testing.T, c clients) (string, error) {
	out, err := c.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s")})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.SecretString), nil
}

func putSecretValue(t *testing.T, c clients, n int, value string) error {
	_, err := c.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("s"), SecretString: &value,
		ClientRequestToken: aws.String(fmt.Sprintf("rules-kms-token-%020d", n))})
	return err
}

func setKmsKey(t *testing.T, c clients, key string) error {
	_, err := c.secrets.UpdateSecret(t.Context(), &secretsmanager.UpdateSecretInput{SecretId: aws.String("s"), KmsKeyId: &key})
	return err
}

// kmsRules are about KMS keys that nobody can use, and about values that are too long for a secret.
func kmsRules() []fakeRule {
	const errors = "Secrets Manager API Reference, Common Errors"
	return []fakeRule{
		{"a value whose KMS key is dead is neither read nor written", errors,
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				for _, key := range []string{"", "alias/mine"} {
					fake.AddSecret("s", "", nil)
					awsrules.Equal(t, "key", setKmsKey(t, c, key), nil)
					awsrules.Equal(t, "written", putSecretValue(t, c, 1, "first"), nil)
					fake.SetKmsKeyUsable(key, false)
					_, err := secretValue(t, c)
					awsrules.Want(t, err, 400, "DecryptionFailure")
					awsrules.Want(t, putSecretValue(t, c, 2, "second"), 400, "EncryptionFailure")
					awsrules.Equal(t, "the same again", putSecretValue(t, c, 1, "first"), nil)
					out := awsrules.Must[*secretsmanager.DescribeSecretOutput](t)(c.secrets.DescribeSecret(t.Context(),
						&secretsmanager.DescribeSecretInput{SecretId: aws.String("s")}))
					awsrules.Equal(t, "versions", len(out.VersionIdsToStages), 1)
					restored := awsfake.New(account, "eu-west-1")
					awsrules.Equal(t, "restored", restored.Restore(fake.Snapshot()), nil)
					awsrules.Equal(t, "snapshot", cmp.Diff(fake.Snapshot(), restored.Snapshot()), "")
					_, err = secretValue(t, clientsOf(restored.Session("provider").Config()))
					awsrules.Want(t, err, 400, "DecryptionFailure")
					fake.SetKmsKeyUsable(key, true)
					value, err := secretValue(t, c)
					awsrules.Equal(t, "read", err, nil)
					awsrules.Equal(t, "value", value, "first")
					fake.DeleteSecret("s", 0)
				}
			}},
		{"the AWS managed key has an alias", "Secrets Manager API Reference, UpdateSecret, KmsKeyId",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddSecret("s", "value", nil)
				fake.SetKmsKeyUsable("alias/aws/secretsmanager", false)
				_, err := secretValue(t, c)
				awsrules.Want(t, err, 400, "DecryptionFailure")
			}},
		{"a secret without a value is made with a dead KMS key", errors + ": nothing is encrypted",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.SetKmsKeyUsable("alias/dead", false)
				in := &secretsmanager.CreateSecretInput{Name: aws.String("s"), KmsKeyId: aws.String("alias/dead"), SecretString: aws.String("value"),
					ClientRequestToken: aws.String(strings.Repeat("t", 32))}
				_, err := c.secrets.CreateSecret(t.Context(), in)
				awsrules.Want(t, err, 400, "EncryptionFailure")
				in.SecretString = nil
				awsrules.Must[*secretsmanager.CreateSecretOutput](t)(c.secrets.CreateSecret(t.Context(), in))
				_, err = secretValue(t, c)
				awsrules.Want(t, err, 400, "ResourceNotFoundException")
			}},
		{"another KMS key encrypts again what it can", "Secrets Manager User Guide, Change the encryption key; API Reference, UpdateSecret, KmsKeyId",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddSecret("s", "value", nil)
				awsrules.Equal(t, "another", setKmsKey(t, c, "alias/mine"), nil)
				for _, key := range []string{"", "alias/mine"} { // either decrypts it
					fake.SetKmsKeyUsable(key, false)
					_, err := secretValue(t, c)
					awsrules.Equal(t, "with the other key", err, nil)
					fake.SetKmsKeyUsable(key, true)
				}
				fake.SetKmsKeyUsable("", false)
				fake.SetKmsKeyUsable("alias/mine", false)
				awsrules.Equal(t, "from dead keys", setKmsKey(t, c, "alias/third"), nil)
				_, err := secretValue(t, c)
				awsrules.Want(t, err, 400, "DecryptionFailure")
				restored := awsfake.New(account, "eu-west-1")
				awsrules.Equal(t, "restored", restored.Restore(fake.Snapshot()), nil)
				_, err = secretValue(t, clientsOf(restored.Session("provider").Config()))
				awsrules.Want(t, err, 400, "DecryptionFailure")
				awsrules.Equal(t, "written", putSecretValue(t, c, 1, "next"), nil)
				_, err = secretValue(t, c)
				awsrules.Equal(t, "read", err, nil)
				awsrules.Equal(t, "to a dead key", setKmsKey(t, c, "alias/mine"), nil)
				_, err = secretValue(t, c)
				awsrules.Equal(t, "read with the key before", err, nil)
			}},
		{"or is refused where it cannot", errors + "; inferred, see Laws.StrictKmsKeys",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.StrictKmsKeys = true
				fake.AddSecret("s", "", nil)
				fake.SetKmsKeyUsable("alias/mine", false)
				awsrules.Equal(t, "without a value", setKmsKey(t, c, "alias/mine"), nil)
				awsrules.Equal(t, "back", setKmsKey(t, c, ""), nil)
				fake.PutSecretValue("s", "value")
				awsrules.Want(t, setKmsKey(t, c, "alias/mine"), 400, "EncryptionFailure")
				fake.SetKmsKeyUsable("", false)
				awsrules.Want(t, setKmsKey(t, c, "alias/third"), 400, "DecryptionFailure")
				awsrules.Equal(t, "key", fake.Snapshot().Secrets["s"].KMSKey, "")
			}},
		{"a value has 65,536 bytes at most", "Secrets Manager User Guide, Quotas; API Reference, PutSecretValue, SecretString",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddSecret("s", "", nil)
				awsrules.Equal(t, "written", putSecretValue(t, c, 1, strings.Repeat("x", 65536)), nil)
				awsrules.Want(t, putSecretValue(t, c, 2, strings.Repeat("x", 65537)), 400, "ValidationException")
			}},
	}
}
