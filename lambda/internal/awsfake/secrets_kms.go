package awsfake

import (
	"maps"
	"slices"
)

// managedKey is the alias of the KMS key that encrypts a secret which names none.
const managedKey = "alias/aws/secretsmanager"

// SetKmsKeyUsable has KMS refuse everything with a key, or nothing any more: it was disabled, waits for its deletion, or
// its policy denies Secrets Manager's caller. The key is named as the secrets name it; empty is the AWS managed one.
// What needs no encryption goes on: a secret without a value is made, described, tagged, deleted and restored.
// Sources: Secrets Manager API Reference, Common Errors: DecryptionFailure and EncryptionFailure, both 400; KMS Developer
// Guide, Key states of AWS KMS keys.
func (a *AWS) SetKmsKeyUsable(keyID string, usable bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.deadKeys[kmsKey(keyID)] = true; usable {
		delete(a.deadKeys, kmsKey(keyID))
	}
}

// kmsKey is the name of a KMS key by which keys are told apart.
func kmsKey(id string) string {
	if id == managedKey {
		return ""
	}
	return id
}

// canDecrypt tells whether one of the keys that a version was encrypted with is usable.
func (a *AWS) canDecrypt(v *secretVersion) bool {
	return slices.ContainsFunc(v.kmsKeys, func(key string) bool { return !a.deadKeys[key] })
}

// checkEncryption is whether Secrets Manager can encrypt a new version of a secret.
func (a *AWS) checkEncryption(s *secret) error {
	if !a.deadKeys[kmsKey(s.kmsKey)] {
		return nil
	}
	return encryptionFailure()
}

func encryptionFailure() error {
	return fail(400, "EncryptionFailure", "Secrets Manager can't encrypt the protected secret text using the provided KMS key. "+
		"Check that the KMS key is available, enabled, and not in an invalid state.")
}

func decryptionFailure() error {
	return fail(400, "DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
}

// setKmsKey has later versions encrypted with another key, and those with AWSCURRENT, AWSPENDING or AWSPREVIOUS with it as well:
// they can be decrypted with either key from then on. One that cannot be decrypted, or not be encrypted, stays as it is: the API
// Reference (UpdateSecret, KmsKeyId) and the User Guide (Change the encryption key) say so of missing rights. That a dead
// key does not have the call refused is inferred from that, so [Laws.StrictKmsKeys] turns it round.
func (a *AWS) setKmsKey(s *secret, id string) error {
	isDead := a.deadKeys[kmsKey(id)]
	for _, v := range s.versions {
		switch {
		case !v.isReencrypted():
			continue
		case a.StrictKmsKeys && !a.canDecrypt(v):
			return decryptionFailure()
		case a.StrictKmsKeys && isDead:
			return encryptionFailure()
		}
	}
	s.kmsKey = id
	for _, v := range s.versions {
		if v.isReencrypted() && a.canDecrypt(v) && !isDead && !slices.Contains(v.kmsKeys, kmsKey(id)) {
			v.kmsKeys = append(slices.Clone(v.kmsKeys), kmsKey(id))
		}
	}
	return nil
}

// isReencrypted tells whether another KMS key is for a version, too. Those under other labels stay as they are.
func (v *secretVersion) isReencrypted() bool {
	return !v.isEmpty() && slices.ContainsFunc(v.stages, func(stage string) bool {
		return stage == stageCurrent || stage == stagePending || stage == stagePrevious
	})
}

// snapshotDeadKeys are the keys that are not usable. The caller holds the lock.
func (a *AWS) snapshotDeadKeys() []string {
	return slices.Sorted(maps.Keys(a.deadKeys))
}

// snapshotKmsKeys are the keys of a version, where it is not encrypted with that of its secret.
func (s *secret) snapshotKmsKeys(v *secretVersion) []string {
	if len(v.stages) == 0 || v.isEmpty() || slices.Contains(v.kmsKeys, kmsKey(s.kmsKey)) {
		return nil
	}
	return slices.Clone(v.kmsKeys)
}

// restoredKmsKeys are the keys of a version as a snapshot tells them.
func (x Secret) restoredKmsKeys(v SecretVersion) []string {
	if len(v.KMSKeys) > 0 {
		return slices.Clone(v.KMSKeys)
	}
	return []string{kmsKey(x.KMSKey)}
}
