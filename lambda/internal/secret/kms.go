package secret

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// managedKmsKey is the name of the KMS key that encrypts a secret which names none.
const managedKmsKey = "alias/aws/secretsmanager"

func kmsKeyName(id string) string {
	if id == "" {
		return managedKmsKey
	}
	return id
}

// KmsKeyOf is what an Update may change about the KMS key of the secret.
func KmsKeyOf(s spec.Spec) any { return s.SecretKmsKeyId }

// sameKmsKey compares what Secrets Manager reports with what was asked for: a key
// id also stands at the end of the key's ARN. "" is the AWS managed key.
func sameKmsKey(reported, wanted string) bool {
	if reported == managedKmsKey {
		reported = ""
	}
	return reported == wanted || wanted != "" && strings.HasSuffix(reported, "/"+wanted)
}

// HasKmsKey reports whether the secret is encrypted with the KMS key of an id or ARN, "" for the AWS managed one.
func (x Secret) HasKmsKey(id string) bool { return sameKmsKey(x.KmsKeyID, id) }

// EnsureKmsKey has the secret encrypted with the wanted KMS key. It goes before everything else: a
// value that cannot be read with the key before may be read then. Secrets Manager encrypts it again
// where it can, and where it cannot it refuses the change, or leaves the value as it is.
func (c Client) EnsureKmsKey(ctx context.Context, change spec.Change, x Secret) (Secret, error) {
	if x.Fresh || x.HasKmsKey(c.spec.SecretKmsKeyId) && !change.Changes(KmsKeyOf) {
		return x, nil
	}
	_, err := c.secrets.UpdateSecret(ctx, &secretsmanager.UpdateSecretInput{SecretId: &x.ARN, KmsKeyId: &c.spec.SecretKmsKeyId})
	if err != nil {
		return x, awscall.Again(fmt.Errorf("secret %s: cannot change from KMS key %s to %s: %w; make both usable, for the role of the provider too",
			c.spec.SecretName, kmsKeyName(x.KmsKeyID), kmsKeyName(c.spec.SecretKmsKeyId), awscall.Brief(err)))
	}
	x.KmsKeyID = c.spec.SecretKmsKeyId
	return x, nil
}

// IsOfKmsKey reports whether a call was refused since its KMS key cannot be used. Such a refusal
// quotes nothing of a value.
func IsOfKmsKey(err error) bool {
	isNoRight := awscall.IsDenied(err) && strings.Contains(err.Error(), "Access to KMS is not allowed")
	return isNoRight || awscall.IsCode(err, "EncryptionFailure", "DecryptionFailure")
}

// ExplainKms is [awscall.Brief], and names the KMS key and what helps where the refusal is of that.
func (c Client) ExplainKms(err error, id string) error {
	if !IsOfKmsKey(err) {
		return awscall.Brief(err)
	}
	choose := "choose another SecretKmsKeyId"
	if c.inForce {
		choose += " in an update"
	}
	return awscall.Again(fmt.Errorf("%w; its KMS key is %s: make it usable, for the role of the provider too, or %s",
		awscall.Brief(err), kmsKeyName(id), choose))
}
