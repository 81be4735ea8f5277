// Package awsfake is one AWS account in memory: IAM users, S3 buckets, Secrets Manager secrets and CloudFormation's
// answers to DescribeStackResource and DescribeStacks, as far as this project meets them.
//
// It sits under the real SDK clients. A [Session] gives an aws.Config; clients made from it serialize, sign and retry
// as always, and no request leaves the process. An error goes back as an HTTP response that the SDK's own deserializer
// reads, so its type, code, status and request id are those that AWS would cause. The rules that the fake claims are
// the table of package awsrules, and beside it in its tests those that only a fake can play, each with its source.
//
// Time is time.Now: in a testing/synctest bubble, propagation delays and the SDK's backoff take no time. Tests steer
// the fake by its knobs (fields of [AWS]), by the hook [AWS.Before], which sees every attempt before it takes effect,
// and by direct access to the state (AddUser, PutObject, Snapshot …).
//
// By itself it answers at once and consistently, which AWS does not: [Laws] has a switch for each way in which AWS lags.
// A hook can have one call lag behind one earlier write: [AWS.LagsBehind] lists the writes, and [Stale] is the decision.
//
// It refuses to guess: an operation, an input field, or a policy condition or variable that it does not simulate is an error
// that says so, and is never retried. It does not check what the function's role may do; use [AccessDenied] in a hook.
package awsfake

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// AWS is one account in one region. Make it with [New]. The exported fields are set before the first call.
type AWS struct {
	// UserPropagation is how long a new user stays unknown to S3: PutBucketPolicy refuses it as an invalid principal.
	UserPropagation time.Duration
	// KeyPropagation is how long a new access key is refused with InvalidAccessKeyId.
	KeyPropagation time.Duration
	// RolePropagation is how long every call of a role is denied, from the first session under its name.
	RolePropagation time.Duration
	// SecretDeletion is how long the name of a secret that was deleted by force stays taken.
	SecretDeletion time.Duration
	// StalePrincipals has GetBucketPolicy go on showing the ARN of a user or role that is gone, as if S3 had not heard of it
	// yet.
	StalePrincipals bool
	// LenientCreateBucket has us-east-1 answer 200 for a bucket that the account already has to a call with tags, too,
	// as it is documented for calls without.
	LenientCreateBucket bool
	// SourceIP is the address from which all calls come, whoever makes them: [FunctionIP] if it is empty.
	SourceIP string
	// SourceVpce is the endpoint of a VPC through which they come; empty for none.
	SourceVpce string
	// Laws are the other ways in which AWS is not known everywhere at once, or answers otherwise than documented.
	Laws
	// Before, when set, decides about every attempt of every call before it takes effect. It runs without any lock,
	// so it may wait (on channels of its own bubble) and may call everything here. It must not change Call.Input.
	Before func(ctx context.Context, c Call) Decision

	account   string
	region    string
	partition string

	mu       sync.Mutex
	serial   int
	calls    []Call
	counts   map[string]int // attempts by session, and by service:operation
	sessions map[string]*Session
	roles    map[string]role    // by name
	made     int                // roles, ever
	boundary map[string]*policy // managed policies by ARN
	users    map[string]*user
	gone     map[string]string // ARNs of users and roles that are gone, by unique id
	buckets  map[string]*bucket
	secrets  map[string]*secret
	deadKeys map[string]bool                     // KMS keys that are not usable
	minted   []string                            // every secret access key that was ever made
	stacks   map[string]map[string]stackResource // by stack id, then logical id: see [itself]
	taken    map[thing]taking                    // names that nothing has
	past     past
	texts    texts
}

// New is an empty account. The account id has 12 digits; the region decides the partition (aws, aws-cn, aws-us-gov).
func New(account, region string) *AWS {
	partition := "aws"
	switch {
	case strings.HasPrefix(region, "cn-"):
		partition = "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		partition = "aws-us-gov"
	}
	return &AWS{
		account:   account,
		region:    region,
		partition: partition,
		counts:    map[string]int{},
		sessions:  map[string]*Session{},
		roles:     map[string]role{},
		boundary:  map[string]*policy{},
		users:     map[string]*user{},
		gone:      map[string]string{},
		buckets:   map[string]*bucket{},
		secrets:   map[string]*secret{},
		deadKeys:  map[string]bool{},
		stacks:    map[string]map[string]stackResource{},
		taken:     map[thing]taking{},
		texts:     newTexts(),
	}
}

// next numbers everything that AWS names by itself: keys, unique ids, versions, requests. Never repeated.
func (a *AWS) next() int {
	a.serial++
	return a.serial
}

// arn is an ARN of this account. IAM's have no region, S3's have neither region nor account.
func (a *AWS) arn(service, resource string) string {
	switch service {
	case "s3":
		return fmt.Sprintf("arn:%s:s3:::%s", a.partition, resource)
	case "iam", "sts":
		return fmt.Sprintf("arn:%s:%s::%s:%s", a.partition, service, a.account, resource)
	}
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", a.partition, service, a.region, a.account, resource)
}

// role is a role of the account. Its unique id is never used again, also not for a role of the same name.
type role struct {
	id    string
	since time.Time
}

func (a *AWS) roleARN(name string) string { return a.arn("iam", "role/"+name) }

// addRole makes a role exist from now on. The caller holds the lock.
func (a *AWS) addRole(name string) {
	if _, ok := a.roles[name]; !ok {
		a.made++
		a.roles[name] = role{fmt.Sprintf("AROAFAKE%013d", a.made), time.Now()}
	}
}
