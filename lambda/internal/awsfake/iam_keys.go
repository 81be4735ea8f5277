package awsfake

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// keysPerUser is IAM's limit, which cannot be raised.
const keysPerUser = 2

type accessKey struct {
	id      string
	secret  string
	active  bool
	created time.Time
	used    time.Time // zero: never, as far as IAM has heard
}

// Attachment is something on a user, other than keys, that keeps DeleteUser from succeeding.
type Attachment string

// The attachments, each in the words in which IAM asks for its removal.
const (
	InlinePolicy     Attachment = "delete policies"
	AttachedPolicy   Attachment = "detach all policies"
	GroupMembership  Attachment = "remove users from group"
	LoginProfile     Attachment = "delete login profile"
	MFADevice        Attachment = "delete MFA device"
	ReferencedObject Attachment = "remove referenced objects" // SSH keys, certificates, service credentials
)

// Attach puts something on a user behind everybody's back. It does nothing for a user who does not exist.
func (a *AWS) Attach(name string, what ...Attachment) {
	defer a.changing()()
	if u := a.users[name]; u != nil {
		u.attached = append(u.attached, what...)
	}
}

// Detach takes something off a user again.
func (a *AWS) Detach(name string, what Attachment) {
	defer a.changing()()
	if u := a.users[name]; u != nil {
		u.attached = slices.DeleteFunc(u.attached, func(other Attachment) bool { return other == what })
	}
}

func (a *AWS) listAccessKeys(in *iam.ListAccessKeysInput) (*iam.ListAccessKeysOutput, error) {
	u, err := a.user(in.UserName)
	if err != nil {
		return nil, err
	}
	out := &iam.ListAccessKeysOutput{}
	for _, k := range u.keys {
		out.AccessKeyMetadata = append(out.AccessKeyMetadata, types.AccessKeyMetadata{
			AccessKeyId: aws.String(k.id),
			CreateDate:  aws.Time(k.created),
			Status:      keyStatus(k),
			UserName:    aws.String(u.name),
		})
	}
	return out, nil
}

func (a *AWS) createAccessKey(in *iam.CreateAccessKeyInput) (*iam.CreateAccessKeyOutput, error) {
	u, err := a.user(in.UserName)
	if err != nil {
		return nil, err
	}
	if len(u.keys) >= keysPerUser {
		return nil, fail(409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: %d", keysPerUser)
	}
	k := a.addKey(u)
	return &iam.CreateAccessKeyOutput{AccessKey: &types.AccessKey{
		AccessKeyId:     aws.String(k.id),
		CreateDate:      aws.Time(k.created),
		SecretAccessKey: aws.String(k.secret),
		Status:          types.StatusTypeActive,
		UserName:        aws.String(u.name),
	}}, nil
}

// addKey gives a user a new active key. The caller holds the lock and has counted.
func (a *AWS) addKey(u *user) *accessKey {
	k := &accessKey{
		id:      fmt.Sprintf("AKIAFAKE%012d", a.next()),
		secret:  fakeSecret(a.next()),
		active:  true,
		created: time.Now(),
	}
	u.keys = append(u.keys, k)
	a.minted = append(a.minted, k.secret)
	return k
}

// fakeSecret is a secret access key in the form of AWS's: 40 characters, with those that need quoting. No part of it
// looks like anything else, so that a test can tell where a piece of it comes from.
func fakeSecret(n int) string {
	hash := sha256.Sum256([]byte(strconv.Itoa(n)))
	return "fake+secret/" + base64.StdEncoding.EncodeToString(hash[:])[:28]
}

// IssuedSecrets are the secret access keys of all keys that were ever made, also of those that are gone.
func (a *AWS) IssuedSecrets() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.minted)
}

// getAccessKeyLastUsed knows what [AWS.SetKeyUsed] has said: IAM hears of the use of a key at a time that is not published. A
// key that nobody in the account has is denied, as one of another account is: the API Reference lists no NoSuchEntity.
func (a *AWS) getAccessKeyLastUsed(r request, in *iam.GetAccessKeyLastUsedInput) (*iam.GetAccessKeyLastUsedOutput, error) {
	u, k := a.ownerOf(aws.ToString(in.AccessKeyId))
	if k == nil {
		return nil, fail(403, "AccessDenied", "User: %s is not authorized to perform: %s on resource: access key %s", r.who.arn, r.action,
			aws.ToString(in.AccessKeyId))
	}
	used := &types.AccessKeyLastUsed{Region: aws.String("N/A"), ServiceName: aws.String("N/A")}
	if !k.used.IsZero() {
		used = &types.AccessKeyLastUsed{Region: aws.String(a.region), ServiceName: aws.String("s3"), LastUsedDate: aws.Time(k.used)}
	}
	return &iam.GetAccessKeyLastUsedOutput{UserName: aws.String(u.name), AccessKeyLastUsed: used}, nil
}

// ownerOf is the user who has a key, and the key; nil for a key that nobody has.
func (a *AWS) ownerOf(id string) (*user, *accessKey) {
	for _, u := range a.users {
		for _, k := range u.keys {
			if k.id == id {
				return u, k
			}
		}
	}
	return nil, nil
}

// SetKeyUsed has IAM know that a key was used for S3 at a time; zero is never.
func (a *AWS) SetKeyUsed(id string, at time.Time) {
	defer a.changing()()
	if _, k := a.ownerOf(id); k != nil {
		k.used = at
	}
}

func (a *AWS) updateAccessKey(in *iam.UpdateAccessKeyInput) (*iam.UpdateAccessKeyOutput, error) {
	_, k, err := a.key(in.UserName, in.AccessKeyId)
	if err != nil {
		return nil, err
	}
	switch in.Status {
	case types.StatusTypeActive, types.StatusTypeInactive:
		k.active = in.Status == types.StatusTypeActive
		return &iam.UpdateAccessKeyOutput{}, nil
	}
	return nil, fail(400, "ValidationError", "Value '%s' at 'status' failed to satisfy constraint", in.Status)
}

func (a *AWS) deleteAccessKey(in *iam.DeleteAccessKeyInput) (*iam.DeleteAccessKeyOutput, error) {
	u, k, err := a.key(in.UserName, in.AccessKeyId)
	if err != nil {
		return nil, err
	}
	u.keys = slices.DeleteFunc(u.keys, func(other *accessKey) bool { return other == k })
	return &iam.DeleteAccessKeyOutput{}, nil
}

func (a *AWS) key(name, id *string) (*user, *accessKey, error) {
	u, err := a.user(name)
	if err != nil {
		return nil, nil, err
	}
	for _, k := range u.keys {
		if k.id == aws.ToString(id) {
			return u, k, nil
		}
	}
	return nil, nil, fail(404, "NoSuchEntity", "The Access Key with id %s cannot be found.", aws.ToString(id))
}

func keyStatus(k *accessKey) types.StatusType {
	if k.active {
		return types.StatusTypeActive
	}
	return types.StatusTypeInactive
}
