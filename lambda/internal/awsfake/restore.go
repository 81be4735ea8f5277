package awsfake

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// restoredAge is how old everything is that comes from a snapshot: known everywhere.
const restoredAge = 24 * time.Hour

// restoredIDs is more than the ids that AWS made up for what is in one snapshot.
const restoredIDs = 5000

var mintedSecret = regexp.MustCompile(`fake\+secret/[A-Za-z0-9+/]{28}`)

// Restore adds what a snapshot of another account holds, as if it had been there for a day. A secret that waits for
// its deletion was scheduled now. It returns an error for a policy or a rule that is not one.
func (a *AWS) Restore(s Snapshot) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	made := time.Now().Add(-restoredAge)
	for name, u := range s.Users {
		a.users[name] = u.restored(name, made)
	}
	for name, b := range s.Buckets {
		restored, err := a.restoredBucket(name, b, made)
		if err != nil {
			return fmt.Errorf("bucket %s: %w", name, err)
		}
		a.buckets[name] = restored
	}
	for name, x := range s.Secrets {
		a.secrets[name] = x.restored(name, made)
	}
	for _, key := range s.DeadKmsKeys {
		a.deadKeys[key] = true
	}
	a.minted = append(a.minted, mintedSecret.FindAllString(toJSON(s), -1)...)
	a.serial += restoredIDs
	a.past.known = nil // it has been there for a day, so nothing lags behind it
	return nil
}

func (u User) restored(name string, made time.Time) *user {
	out := &user{name: name, path: u.Path, id: u.ID, boundary: u.Boundary, tags: notNil(u.Tags), attached: slices.Clone(u.Attached), created: made}
	for _, k := range u.Keys {
		out.keys = append(out.keys, &accessKey{id: k.ID, secret: k.Secret, active: k.Active, created: made})
	}
	return out
}

func (a *AWS) restoredBucket(name string, b Bucket, made time.Time) (*bucket, error) {
	out := &bucket{name: name, owner: a.account, tags: notNil(b.Tags), versioning: types.BucketVersioningStatus(b.Versioning),
		encryption: types.ServerSideEncryption(b.Encryption), abac: b.Abac, ownership: types.ObjectOwnership(b.Ownership),
		mfaDelete: types.MFADeleteStatus(b.MFADelete), objectLock: b.ObjectLock, retention: b.RetentionDays,
		objects: map[string][]*object{}, created: made}
	if !b.NoPublicAccessBlock {
		out.access = publicAccessBlock(b.PublicAccessBlock)
	}
	if b.Policy != "" {
		p, err := parsePolicy(b.Policy)
		if err != nil {
			return nil, err
		}
		out.policy = a.stored(p)
	}
	for _, r := range b.Lifecycle {
		var rule types.LifecycleRule
		if err := json.Unmarshal([]byte(r.JSON), &rule); err != nil {
			return nil, err
		}
		out.lifecycle = append(out.lifecycle, rule)
	}
	for key, versions := range b.Objects {
		for i, o := range versions {
			out.objects[key] = append(out.objects[key],
				&object{version: o.Version, serial: i + 1, marker: o.DeleteMarker, locked: o.Locked, legalHold: o.LegalHold,
					retention: o.RetentionDays, body: []byte(o.Body), modified: made})
		}
	}
	for _, u := range b.Uploads {
		out.uploads = append(out.uploads, &upload{key: u.Key, id: u.ID, initiated: made})
	}
	return out, nil
}

// stored is a policy as S3 keeps it: unique ids in place of the ARNs of users and roles. Those of principals who are gone
// are unique ids in the snapshot already. The caller holds the lock.
func (a *AWS) stored(p *policy) *policy {
	ids := map[string]string{}
	for _, u := range a.users {
		ids[a.userARN(u)] = u.id
	}
	for name, r := range a.roles {
		ids[a.roleARN(name)] = r.id
	}
	for _, s := range p.Statements {
		for _, list := range []words{s.Principal["AWS"], s.NotPrincipal["AWS"]} {
			for i, name := range list {
				if id := ids[name]; id != "" {
					list[i] = id
				}
			}
		}
	}
	return p
}

func (x Secret) restored(name string, made time.Time) *secret {
	out := &secret{name: name, arn: x.ARN, description: x.Description, kmsKey: x.KMSKey, tags: notNil(x.Tags), created: made,
		rotation: x.Rotation.restored()}
	for _, v := range x.Versions {
		version := &secretVersion{id: v.ID, stages: slices.Clone(v.Stages), created: made}
		if !v.Empty {
			version.text, version.kmsKeys = aws.String(v.Value), x.restoredKmsKeys(v)
		}
		out.versions = append(out.versions, version)
	}
	if x.DeletedDays > 0 {
		out.deleted = time.Now()
		out.gone = out.deleted.Add(time.Duration(x.DeletedDays) * 24 * time.Hour)
	}
	return out
}

func notNil(tags map[string]string) map[string]string {
	if tags == nil {
		return map[string]string{}
	}
	return maps.Clone(tags)
}
