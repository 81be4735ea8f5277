package awsfake

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// shows is, for each read that may lag, the part of a state that its answer shows.
var shows = map[string]func(state) any{
	"iam:GetUser": ofUser(func(u *user) any {
		bare := *u
		bare.keys, bare.attached = nil, nil
		return bare
	}),
	"iam:ListUserTags":   ofUser(func(u *user) any { return u.tags }),
	"iam:ListAccessKeys": ofUser(func(u *user) any { return append([]*accessKey{}, u.keys...) }),

	"s3:HeadBucket":                      ofBucket(func(b bucket) any { return b.owner }),
	"s3:ListBuckets":                     ofBucket(func(b bucket) any { return b.owner }),
	"s3:GetBucketTagging":                ofBucket(func(b bucket) any { return b.tags }),
	"s3:GetPublicAccessBlock":            ofBucket(func(b bucket) any { return b.access }),
	"s3:GetBucketEncryption":             ofBucket(func(b bucket) any { return b.encryption }),
	"s3:GetBucketAbac":                   ofBucket(func(b bucket) any { return b.abac }),
	"s3:GetBucketPolicy":                 ofBucket(func(b bucket) any { return b.policy }),
	"s3:GetBucketVersioning":             ofBucket(func(b bucket) any { return []any{b.versioning, b.mfaDelete} }),
	"s3:GetBucketLifecycleConfiguration": ofBucket(func(b bucket) any { return []any{b.lifecycle, b.minimum} }),

	"secretsmanager:DescribeSecret": func(s state) any { return s },
	"secretsmanager:GetSecretValue": func(s state) any {
		if x, ok := s.(*secret); ok {
			return []any{x.versions, x.deleted}
		}
		return nil
	},

	"cloudformation:DescribeStackResource": func(s state) any { return s },
	"cloudformation:DescribeStacks":        func(s state) any { return s },
}

func ofUser(show func(*user) any) func(state) any {
	return func(s state) any {
		if u, ok := s.(*user); ok {
			return show(u)
		}
		return nil
	}
}

func ofBucket(show func(bucket) any) func(state) any {
	return func(s state) any {
		if b, ok := s.(*bucketState); ok {
			return show(b.bucket)
		}
		return nil
	}
}

// concerns tells whether a change is of what a call is about.
func (ch *change) concerns(c Call) bool {
	if ch.thing.service != c.Service {
		return false
	}
	switch c.Service {
	case "iam":
		return aws.ToString(text(c.Input, "UserName")) == ch.thing.name
	case "s3":
		return c.Operation == "ListBuckets" || aws.ToString(text(c.Input, "Bucket")) == ch.thing.name
	case "secretsmanager":
		return ch.isSecret(aws.ToString(text(c.Input, "SecretId")))
	}
	stack := aws.ToString(text(c.Input, "StackName"))
	return (stack == ch.thing.name || stack == stackName(ch.thing.name)) && c.Target == ch.thing.part
}

// isSecret tells whether a change is of the secret with a name, ARN, or ARN without the six characters.
func (ch *change) isSecret(id string) bool {
	for _, s := range []state{ch.was, ch.is} {
		if x, ok := s.(*secret); ok && x.has(id) {
			return true
		}
	}
	return false
}

// refusal is the error of a call that is no read, for what it finds missing, or still there, before it takes effect.
// It is nil for a call that never lags.
func (a *AWS) refusal(c Call, who caller) error {
	op := operations[c.Name()]
	r := op.request(who, c.Input)
	switch {
	case strings.HasPrefix(op.action, "iam:") && op.name != "iam:CreateUser":
		return a.userRefusal(op, c, who)
	case r.bucket != nil && op.name != "s3:CreateBucket":
		if strings.HasPrefix(op.name, "s3:ListObject") {
			r.values = listed(text(c.Input, "Prefix"), text(c.Input, "Delimiter"))
		}
		b, err := a.bucket(r)
		if err != nil || !deletes(c) {
			return err
		}
		return b.conflict()
	}
	return nil
}

func (a *AWS) userRefusal(op operation, c Call, who caller) error {
	name, key := text(c.Input, "UserName"), text(c.Input, "AccessKeyId")
	if a.outOfPath(op, who, c.Input) {
		return a.denied(c, who)
	}
	u, err := a.user(name)
	switch {
	case err != nil:
		return err
	case key != nil:
		_, _, err = a.key(name, key)
		return err
	case op.name == "iam:DeleteUser":
		return u.conflict()
	}
	return nil
}
