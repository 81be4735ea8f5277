package awsfake

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Snapshot is everything that exists in the account, as plain data: no times but those that people set, nothing that
// two runs of the same calls would show differently, except the numbers in generated ids (see Normalized).
type Snapshot struct {
	Users   map[string]User
	Buckets map[string]Bucket // without those of other accounts and regions
	Secrets map[string]Secret

	DeadKmsKeys []string `json:",omitempty"` // that are not usable; empty is the AWS managed one
}

// User is an IAM user.
type User struct {
	Path     string
	ID       string
	Boundary string            `json:",omitempty"`
	Tags     map[string]string `json:",omitempty"`
	Keys     []AccessKey       `json:",omitempty"` // oldest first
	Attached []Attachment      `json:",omitempty"`
}

// AccessKey is a key of a user. Its secret is in it, as the fake's secrets are nobody's.
type AccessKey struct {
	ID     string
	Secret string
	Active bool
}

// Bucket is a bucket of the account.
type Bucket struct {
	Tags                map[string]string `json:",omitempty"`
	PublicAccessBlock   PublicAccessBlock
	NoPublicAccessBlock bool                `json:",omitempty"` // the bucket has none: all switches are off
	Ownership           string              `json:",omitempty"` // empty: BucketOwnerEnforced, as in every new bucket
	Encryption          string              `json:",omitempty"` // of new objects; empty: AES256, as in every bucket
	Abac                bool                `json:",omitempty"`
	Policy              string              `json:",omitempty"` // JSON, as GetBucketPolicy shows it
	Versioning          string              `json:",omitempty"` // empty, Enabled or Suspended
	MFADelete           string              `json:",omitempty"` // empty, Enabled or Disabled
	ObjectLock          bool                `json:",omitempty"`
	RetentionDays       int                 `json:",omitempty"` // of new versions
	Lifecycle           []LifecycleRule     `json:",omitempty"`
	Objects             map[string][]Object `json:",omitempty"` // by key: versions and delete markers, oldest first
	Uploads             []Upload            `json:",omitempty"`
}

// LifecycleRule is what this project writes of a rule, and the whole rule as JSON.
type LifecycleRule struct {
	ID                              string
	Enabled                         bool
	AbortIncompleteUploadsAfterDays int32 `json:",omitempty"`
	ExpireNoncurrentAfterDays       int32 `json:",omitempty"`
	ExpireDeleteMarkers             bool  `json:",omitempty"`
	JSON                            string
}

// Object is a version of an object or a delete marker.
type Object struct {
	Version       string
	DeleteMarker  bool   `json:",omitempty"`
	Locked        bool   `json:",omitempty"`
	LegalHold     bool   `json:",omitempty"`
	RetentionDays int    `json:",omitempty"` // after it was written
	Body          string `json:",omitempty"`
}

// Upload is an incomplete multipart upload.
type Upload struct {
	Key string
	ID  string
}

// Secret is a secret, also one that waits for its deletion.
type Secret struct {
	ARN         string
	Description string            `json:",omitempty"`
	KMSKey      string            `json:",omitempty"`
	Tags        map[string]string `json:",omitempty"`
	Versions    []SecretVersion   `json:",omitempty"` // oldest first
	DeletedDays int               `json:",omitempty"` // recovery window in days; 0 is a live secret
	Rotation    *Rotation         `json:",omitempty"` // nil: there never was one
}

// SecretVersion is a value and where it stands.
type SecretVersion struct {
	ID     string
	Stages []string `json:",omitempty"`
	Value  string
	Empty  bool `json:",omitempty"` // it has no value yet

	KMSKeys []string `json:",omitempty"` // that encrypt it, where the key of the secret does not
}

// Snapshot is a copy of the account as it is now.
func (a *AWS) Snapshot() Snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lapse()
	out := Snapshot{Users: map[string]User{}, Buckets: map[string]Bucket{}, Secrets: map[string]Secret{}, DeadKmsKeys: a.snapshotDeadKeys()}
	for name, u := range a.users {
		out.Users[name] = u.snapshot()
	}
	for name, b := range a.buckets {
		if b.owner == a.account && b.elsewhere == "" {
			out.Buckets[name] = a.snapshotBucket(b)
		}
	}
	for name, s := range a.secrets {
		if !s.forced {
			out.Secrets[name] = s.snapshot()
		}
	}
	return out
}

func (u *user) snapshot() User {
	out := User{Path: u.path, ID: u.id, Boundary: u.boundary, Tags: copyTags(u.tags), Attached: slices.Clone(u.attached)}
	for _, k := range u.keys {
		out.Keys = append(out.Keys, AccessKey{ID: k.id, Secret: k.secret, Active: k.active})
	}
	return out
}

func (a *AWS) snapshotBucket(b *bucket) Bucket {
	out := Bucket{
		Tags:                copyTags(b.tags),
		Versioning:          string(b.versioning),
		Encryption:          string(b.encryption),
		Abac:                b.abac,
		MFADelete:           string(b.mfaDelete),
		ObjectLock:          b.objectLock,
		RetentionDays:       b.retention,
		PublicAccessBlock:   switches(b.access),
		NoPublicAccessBlock: b.access == nil,
		Ownership:           string(b.ownership),
	}
	if b.policy != nil {
		out.Policy = a.policyText(b.policy)
	}
	for i, r := range b.lifecycle {
		rule := LifecycleRule{ID: *r.ID, Enabled: r.Status == types.ExpirationStatusEnabled, JSON: a.ruleText(&b.lifecycle[i])}
		if abort := r.AbortIncompleteMultipartUpload; abort != nil && abort.DaysAfterInitiation != nil {
			rule.AbortIncompleteUploadsAfterDays = *abort.DaysAfterInitiation
		}
		if r.NoncurrentVersionExpiration != nil {
			rule.ExpireNoncurrentAfterDays = *r.NoncurrentVersionExpiration.NoncurrentDays
		}
		rule.ExpireDeleteMarkers = r.Expiration != nil && aws.ToBool(r.Expiration.ExpiredObjectDeleteMarker)
		out.Lifecycle = append(out.Lifecycle, rule)
	}
	for key, versions := range b.objects {
		if out.Objects == nil {
			out.Objects = map[string][]Object{}
		}
		for _, o := range versions {
			out.Objects[key] = append(out.Objects[key],
				Object{Version: o.version, DeleteMarker: o.marker, Locked: o.locked, LegalHold: o.legalHold,
					RetentionDays: o.retention, Body: string(o.body)})
		}
	}
	for _, u := range b.uploads {
		out.Uploads = append(out.Uploads, Upload{Key: u.key, ID: u.id})
	}
	return out
}

func (s *secret) snapshot() Secret {
	out := Secret{ARN: s.arn, Description: s.description, KMSKey: s.kmsKey, Tags: copyTags(s.tags), Rotation: s.rotation.snapshot()}
	if !s.deleted.IsZero() {
		out.DeletedDays = int(s.gone.Sub(s.deleted).Hours() / 24)
	}
	for _, v := range s.versions {
		value := string(v.binary)
		if v.text != nil {
			value = *v.text
		}
		out.Versions = append(out.Versions, SecretVersion{ID: v.id, Stages: slices.Clone(v.stages), Value: value, Empty: v.isEmpty(),
			KMSKeys: s.snapshotKmsKeys(v)})
	}
	return out
}

// Public is what the account shows, as JSON, to those who may read everything but secrets.
func (s Snapshot) Public() string {
	users, secrets := maps.Clone(s.Users), maps.Clone(s.Secrets)
	for name, user := range users {
		user.Keys = slices.Clone(user.Keys)
		for i := range user.Keys {
			user.Keys[i].Secret = ""
		}
		users[name] = user
	}
	for name, secret := range secrets {
		secret.Versions = slices.Clone(secret.Versions)
		for i := range secret.Versions {
			secret.Versions[i].Value = ""
		}
		secrets[name] = secret
	}
	return toJSON(Snapshot{Users: users, Buckets: s.Buckets, Secrets: secrets, DeadKmsKeys: s.DeadKmsKeys})
}

// toJSON leaves out the fields that an SDK structure does not have set.
func toJSON(v any) string {
	var fields map[string]any
	text, _ := json.Marshal(v) // the SDK's structures are plain data
	if json.Unmarshal(text, &fields) == nil {
		maps.DeleteFunc(fields, func(_ string, value any) bool { return value == nil })
		text, _ = json.Marshal(fields)
	}
	return string(text)
}

func copyTags(tags map[string]string) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	out := make(map[string]string, len(tags))
	for key, value := range tags {
		out[key] = value
	}
	return out
}
