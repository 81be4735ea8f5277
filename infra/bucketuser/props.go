package bucketuser

import (
	"maps"
	"slices"

	"bucketuser/lambda/spec"
)

// Access is what the user may do below the prefix.
type Access string

// The values of Access. Full is s3:* on the bucket and everything in it.
const (
	AccessReadOnly  Access = spec.ReadOnly
	AccessReadWrite Access = spec.ReadWrite
	AccessFull      Access = spec.Full
)

// OnDelete is what deleting the resource does to the bucket.
type OnDelete string

// The values of OnDelete. DeleteIfEmpty fails, and changes nothing, when the
// bucket holds anything of yours. Purge deletes all of it. Retain keeps the
// bucket, to be adopted by a later resource that names it.
const (
	OnDeleteIfEmpty OnDelete = spec.DeleteIfEmpty
	OnDeletePurge   OnDelete = spec.Purge
	OnDeleteRetain  OnDelete = spec.Retain
)

// PreviousKey is what becomes of the key that a rotation replaces.
type PreviousKey string

// The values of PreviousKey. Keep lets it work until the next rotation. Delete acts
// once, in the update that raises KeySerial while it stands or that changes it from
// Keep, and is final: a rollback does not bring the key back.
const (
	PreviousKeyKeep   PreviousKey = spec.KeepKey
	PreviousKeyDelete PreviousKey = spec.DeleteKey
)

// BucketUserProps are the properties of the resource, under the same names, and
// the provider that serves it. Nil or empty means the default, which is the
// function's.
type BucketUserProps struct {
	// BucketName, UserName and SecretName are generated unless given. A change of
	// one replaces the whole resource, so all that were given must change together.
	//
	// The right to a name stands in a policy made for it, which stays until what
	// has the name is gone. That works for names that are known when the template
	// is synthesized, pseudo parameters such as the account included. A bucket or
	// secret whose name comes from a parameter of the stack must keep it: the policy
	// would change with the name, and the function would lose the right to what it
	// has to remove.
	BucketName *string
	UserName   *string
	SecretName *string

	Prefix                          *string     // default "data/"
	FolderMarker                    *bool       // default true
	Access                          Access      // default ReadWrite
	Statements                      []Statement // of the bucket policy, beside those of Access
	EnforceTls                      *bool       // default true
	OnDelete                        OnDelete    // default DeleteIfEmpty
	Versioning                      *bool       // default: as others have set it, in a new bucket off
	AbortIncompleteUploadsAfterDays *float64    // days, 0: never; default 7, in an adopted bucket 0
	ExpireNoncurrentAfterDays       *float64    // days, 0: never; default 0. Without it old versions stay for ever
	KeySerial                       *float64    // a higher one makes a new key; default 0, at most 999,999,999
	PreviousKey                     PreviousKey // default Keep
	RotateAfterDays                 *float64    // days between rotations by Secrets Manager, at most 1,000; default 0: off
	SecretRecoveryDays              *float64    // days, 0 or 7 to 30; default 0
	VerifyCredentials               *bool       // default true

	// SecretKmsKeyId is the id, ARN or alias of the key that encrypts the secret,
	// default aws/secretsmanager. A token must be an ARN, as of awskms.Key.KeyArn.
	SecretKmsKeyId *string

	// Tags of bucket, user and secret; the user keeps those of its creation. Tags
	// that CDK spreads over a stack do not reach what a custom resource makes.
	Tags map[string]string

	// Trigger is any text, at most 1,024 characters, without an effect of its own. A change
	// of it makes CloudFormation send an update, which repairs what was changed by hand. The
	// function never logs it, but templates and events of the stack show it.
	Trigger *string

	// Provider serves the resource: the stack's own unless given. It must belong to
	// the same stack, and cannot be changed once the resource exists.
	Provider Provider
}

// A Statement is one statement of the bucket policy. The user is its principal.
type Statement struct {
	Sid    string // optional, at most 128 characters of printable ASCII
	Effect string // "Allow" or "Deny"
	Action []string
	// Resource holds ARNs in the bucket, or patterns of keys that start with "/".
	// Empty means the bucket and everything in it.
	Resource  []string
	Condition map[string]map[string]any
}

// properties returns what stands in the template: the properties that were given.
func (p *BucketUserProps) properties() map[string]any {
	m := map[string]any{}
	set(m, "BucketName", p.BucketName)
	set(m, "UserName", p.UserName)
	set(m, "SecretName", p.SecretName)
	set(m, "Prefix", p.Prefix)
	set(m, "FolderMarker", p.FolderMarker)
	if p.Access != "" {
		m["Access"] = string(p.Access)
	}
	if len(p.Statements) > 0 {
		m["Statements"] = statementList(p.Statements)
	}
	set(m, "EnforceTls", p.EnforceTls)
	if p.OnDelete != "" {
		m["OnDelete"] = string(p.OnDelete)
	}
	set(m, "Versioning", p.Versioning)
	set(m, "AbortIncompleteUploadsAfterDays", p.AbortIncompleteUploadsAfterDays)
	set(m, "ExpireNoncurrentAfterDays", p.ExpireNoncurrentAfterDays)
	set(m, "KeySerial", p.KeySerial)
	if p.PreviousKey != "" {
		m["PreviousKey"] = string(p.PreviousKey)
	}
	set(m, "RotateAfterDays", p.RotateAfterDays)
	set(m, "SecretKmsKeyId", p.SecretKmsKeyId)
	set(m, "SecretRecoveryDays", p.SecretRecoveryDays)
	if len(p.Tags) > 0 {
		m["Tags"] = tagList(p.Tags)
	}
	set(m, "Trigger", p.Trigger)
	set(m, "VerifyCredentials", p.VerifyCredentials)
	return m
}

func set[T any](m map[string]any, name string, value *T) {
	if value != nil {
		m[name] = *value
	}
}

func statementList(statements []Statement) []any {
	list := make([]any, len(statements))
	for i, s := range statements {
		m := map[string]any{"Effect": s.Effect, "Action": s.Action}
		if s.Sid != "" {
			m["Sid"] = s.Sid
		}
		if len(s.Resource) > 0 {
			m["Resource"] = s.Resource
		}
		if len(s.Condition) > 0 {
			m["Condition"] = s.Condition
		}
		list[i] = m
	}
	return list
}

// tagList returns tags as CloudFormation writes them, in the order of their keys.
func tagList(tags map[string]string) []any {
	var list []any
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, map[string]any{"Key": key, "Value": tags[key]})
	}
	return list
}
