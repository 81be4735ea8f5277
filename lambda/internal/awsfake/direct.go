package awsfake

import (
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// The methods here change the account behind everybody's back: what somebody else does, or did before the test. They
// are no calls: no hook sees them and nothing is recorded. They do nothing for a user, bucket or secret that does not
// exist, unless they say that they create it.

// AddRole makes a role exist, so that policies may name it. A session does that for its own.
func (a *AWS) AddRole(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.addRole(name)
}

// DeleteRole takes a role away. Its sessions go on.
func (a *AWS) DeleteRole(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r, exists := a.roles[name]; exists {
		a.gone[r.id] = a.roleARN(name)
		delete(a.roles, name)
	}
}

// AddManagedPolicy makes a policy that can be a permissions boundary. Only its Deny statements matter here. It returns
// an error for a document that is not a policy.
func (a *AWS) AddManagedPolicy(arn, document string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	p, err := parsePolicy(document)
	if err != nil {
		return err
	}
	a.boundary[arn] = p
	return nil
}

// AddUser creates a user (or replaces one by a new principal) and returns its unique id. It is known everywhere at once
// when UserPropagation is zero.
func (a *AWS) AddUser(name, path string, tags map[string]string) string {
	defer a.changing()()
	return a.addUser(name, path, tags).id
}

// DeleteUser takes a user away, with everything it has.
func (a *AWS) DeleteUser(name string) {
	defer a.changing()()
	a.removeUser(name)
}

// TagUser merges tags into a user's.
func (a *AWS) TagUser(name string, tags map[string]string) {
	defer a.changing()()
	if u := a.users[name]; u != nil {
		maps.Copy(u.tags, tags)
	}
}

// SetUserTags puts tags in the place of all that a user has.
func (a *AWS) SetUserTags(name string, tags map[string]string) {
	defer a.changing()()
	if u := a.users[name]; u != nil {
		u.tags = notNil(tags)
	}
}

// SetBoundary gives a user another permissions boundary, or takes it off where the ARN is empty.
func (a *AWS) SetBoundary(name, arn string) {
	defer a.changing()()
	if u := a.users[name]; u != nil {
		u.boundary = arn
	}
}

// AddKey gives a user a key, which works at once when KeyPropagation is zero. There is no limit of two here.
func (a *AWS) AddKey(name string) (id, secret string) {
	defer a.changing()()
	u := a.users[name]
	if u == nil {
		return "", ""
	}
	k := a.addKey(u)
	return k.id, k.secret
}

// DeleteKey takes a key away from the user who has it.
func (a *AWS) DeleteKey(id string) {
	defer a.changing()()
	for _, u := range a.users {
		u.keys = slices.DeleteFunc(u.keys, func(k *accessKey) bool { return k.id == id })
	}
}

// SetKeyActive activates or deactivates a key.
func (a *AWS) SetKeyActive(id string, active bool) {
	defer a.changing()()
	for _, u := range a.users {
		for _, k := range u.keys {
			if k.id == id {
				k.active = active
			}
		}
	}
}

// AddBucket creates a bucket of this account, with the defaults of a new one.
func (a *AWS) AddBucket(name string, tags map[string]string) {
	defer a.changing()()
	a.addBucket(name, tags)
}

// AddForeignBucket makes a name taken by a bucket of another account, which denies everything.
func (a *AWS) AddForeignBucket(name, account string) {
	defer a.changing()()
	a.addBucket(name, nil).owner = account
}

// DeleteBucket takes a bucket away with all it holds.
func (a *AWS) DeleteBucket(name string) {
	defer a.changing()()
	a.removeBucket(name)
}

// TagBucket merges tags into a bucket's. Unlike the operation it may set tags that start with aws:.
func (a *AWS) TagBucket(name string, tags map[string]string) {
	defer a.changing()()
	if b := a.buckets[name]; b != nil {
		maps.Copy(b.tags, tags)
	}
}

// SetBucketTags puts tags in the place of all that a bucket has, those that start with aws: too.
func (a *AWS) SetBucketTags(name string, tags map[string]string) {
	defer a.changing()()
	if b := a.buckets[name]; b != nil {
		b.tags = notNil(tags)
	}
}

// SetBucketPolicy checks a document as PutBucketPolicy does, but for public access, and puts it in place. An empty one
// takes the policy away. A principal who is deleted afterwards stays in it, as a unique id that no PutBucketPolicy takes
// (L9). Sources: IAM User Guide, JSON policy elements: Principal; physionet-build #2330; ecs-cf-service-broker #241.
func (a *AWS) SetBucketPolicy(name, document string) error {
	defer a.changing()()
	b := a.buckets[name]
	if b == nil {
		return fail(404, "NoSuchBucket", "The specified bucket does not exist")
	}
	if document == "" {
		b.policy = nil
		return nil
	}
	p, err := a.checkPolicy(b, document)
	if err != nil {
		return err
	}
	b.policy = p
	return nil
}

// SetPublicAccessBlock turns all four switches of a bucket's public access block on or off.
func (a *AWS) SetPublicAccessBlock(name string, on bool) {
	a.SetPublicAccessSwitches(name, PublicAccessBlock{on, on, on, on})
}

// SetPublicAccessSwitches sets each switch of a bucket's public access block.
func (a *AWS) SetPublicAccessSwitches(name string, on PublicAccessBlock) {
	defer a.changing()()
	if b := a.buckets[name]; b != nil {
		b.access = publicAccessBlock(on)
	}
}

// RemovePublicAccessBlock leaves a bucket without a public access block, as DeletePublicAccessBlock does, and as buckets
// made before April 2023 are. GetPublicAccessBlock answers 404 then. Sources: S3 API Reference, GetPublicAccessBlock;
// localstack test_s3_api.snapshot.json (test_crud_public_access_block).
func (a *AWS) RemovePublicAccessBlock(name string) {
	defer a.changing()()
	if b := a.buckets[name]; b != nil {
		b.access = nil
	}
}

// SetVersioning sets what the next writes and deletes do: "Enabled", "Suspended", or empty for a bucket that never had it.
// It does not look at Object Lock and MFA delete.
func (a *AWS) SetVersioning(name, status string) {
	defer a.changing()()
	if b := a.buckets[name]; b != nil {
		b.versioning = types.BucketVersioningStatus(status)
	}
}

// PutObject writes an object, by the bucket's versioning, and returns its version id ("null" without versioning).
func (a *AWS) PutObject(bucketName, key, body string) string {
	defer a.changing()()
	b := a.buckets[bucketName]
	if b == nil {
		return ""
	}
	return a.write(b, key, &object{body: []byte(body)}).version
}

// DeleteObject deletes as the operation does without a version id: in a versioned bucket it adds a delete marker.
func (a *AWS) DeleteObject(bucketName, key string) {
	defer a.changing()()
	if b := a.buckets[bucketName]; b != nil {
		_, _ = a.remove(b, key, nil) // a locked object stays, as it should
	}
}

// AddUpload begins a multipart upload and returns its id.
func (a *AWS) AddUpload(bucketName, key string) string {
	defer a.changing()()
	b := a.buckets[bucketName]
	if b == nil {
		return ""
	}
	return a.addUpload(b, key).id
}

// AddSecret creates a secret and returns its ARN. An empty value makes no version.
func (a *AWS) AddSecret(name, value string, tags map[string]string) string {
	defer a.changing()()
	s := a.addSecret(name, tags)
	a.putValue(s, value)
	return s.arn
}

// PutSecretValue makes a value current, under a new version id.
func (a *AWS) PutSecretValue(name, value string) {
	defer a.changing()()
	if s := a.secrets[name]; s != nil {
		a.putValue(s, value)
	}
}

func (a *AWS) putValue(s *secret, value string) {
	if value != "" {
		s.put(requestID(a.next())+"-put-behind-the-back", aws.String(value), nil, []string{stageCurrent})
	}
}

// TagSecret merges tags into a secret's.
func (a *AWS) TagSecret(name string, tags map[string]string) {
	defer a.changing()()
	if s := a.secrets[name]; s != nil {
		maps.Copy(s.tags, tags)
	}
}

// SetSecretTags puts tags in the place of all that a secret has.
func (a *AWS) SetSecretTags(name string, tags map[string]string) {
	defer a.changing()()
	if s := a.secrets[name]; s != nil {
		s.tags = notNil(tags)
	}
}

// DeleteSecret takes a secret away; with days above zero it schedules that, and the secret can be restored until then.
func (a *AWS) DeleteSecret(name string, days int) {
	defer a.changing()()
	if s := a.secrets[name]; s != nil {
		s.deleted = time.Now()
		s.gone = s.deleted.Add(time.Duration(days) * 24 * time.Hour)
		a.expire()
	}
}
