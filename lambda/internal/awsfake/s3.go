package awsfake

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// request is a call in the terms of a policy: who wants to do what with which bucket and key.
type request struct {
	who    caller
	action string            // with its service: s3:GetObject
	bucket *string           // nil for services other than S3
	owner  *string           // ExpectedBucketOwner
	key    *string           // nil for actions on the bucket itself
	values map[string]string // condition keys of the request, such as s3:prefix
}

func (op operation) request(who caller, input any) request {
	return request{who: who, action: op.action,
		bucket: text(input, "Bucket"), owner: text(input, "ExpectedBucketOwner"), key: text(input, "Key")}
}

// ofVersion is the same request about a version of the object, which is another action: s3:GetObjectVersion.
func (r request) ofVersion(version *string) request {
	if version != nil {
		r.action += "Version"
	}
	return r
}

// findBucket finds the bucket of a request, in S3's order: does it exist, is it the expected owner's.
func (a *AWS) findBucket(r request) (*bucket, error) {
	name, owner := aws.ToString(r.bucket), aws.ToString(r.owner)
	if r.owner != nil && (len(owner) != 12 || strings.Trim(owner, "0123456789") != "") {
		return nil, fail(400, "InvalidBucketOwnerAWSAccountID",
			"The value of the expected bucket owner parameter must be an AWS Account ID... [%s]", owner)
	}
	b := a.buckets[name]
	switch {
	case b == nil || a.unknownYet(b, r.action):
		return nil, a.noSuchBucket()
	case b.elsewhere != "":
		return nil, b.elsewhere.answer(a)
	}
	if b.owner != a.account || owner != "" && owner != b.owner {
		return nil, fail(403, "AccessDenied", "Access Denied")
	}
	return b, nil
}

// bucket finds the bucket of a request and authorizes it.
func (a *AWS) bucket(r request) (*bucket, error) {
	b, err := a.findBucket(r)
	if err != nil {
		return nil, err
	}
	resource := a.arn("s3", b.name)
	if r.key != nil {
		resource += "/" + *r.key
	}
	allowed, why, err := a.authorize(r.who, b, r.action, resource, r.values)
	switch {
	case err != nil:
		return nil, err
	case !allowed:
		return nil, fail(403, "AccessDenied", "User: %s is not authorized to perform: %s on resource: %q %s",
			r.who.arn, r.action, resource, why)
	}
	return b, nil
}

// may tells whether a caller has one more right on a bucket that another request has found already.
func (a *AWS) may(who caller, b *bucket, action, key string) bool {
	resource := a.arn("s3", b.name)
	if key != "" {
		resource += "/" + key
	}
	allowed, _, err := a.authorize(who, b, action, resource, nil)
	return allowed && err == nil
}
