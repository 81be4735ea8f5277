package awsfake

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

var (
	accountID    = regexp.MustCompile(`^\d{12}$`)
	principalARN = regexp.MustCompile(`^arn:([a-z-]+):(?:iam|sts)::(\d{12}):(root|user/|role/|assumed-role/)(.*)$`)
)

func (a *AWS) getBucketPolicy(r request, _ *s3.GetBucketPolicyInput) (*s3.GetBucketPolicyOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	if b.policy == nil {
		return nil, fail(404, "NoSuchBucketPolicy", "The bucket policy does not exist")
	}
	return &s3.GetBucketPolicyOutput{Policy: aws.String(a.policyText(b.policy))}, nil
}

func (a *AWS) deleteBucketPolicy(r request, _ *s3.DeleteBucketPolicyInput) (*s3.DeleteBucketPolicyOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	b.policy = nil
	return &s3.DeleteBucketPolicyOutput{}, nil
}

func (a *AWS) putBucketPolicy(r request, in *s3.PutBucketPolicyInput) (*s3.PutBucketPolicyOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	p, err := a.checkPolicy(b, aws.ToString(in.Policy))
	if err != nil {
		return nil, err
	}
	if b.access != nil && *b.access.BlockPublicPolicy && p.public() {
		return nil, fail(403, "AccessDenied", "User: %s is not authorized to perform: s3:PutBucketPolicy on resource: %q "+
			"because public policies are blocked by the BlockPublicPolicy block public access setting.", r.who.arn, a.arn("s3", b.name))
	}
	b.policy = p
	return &s3.PutBucketPolicyOutput{}, nil
}

// bind replaces the ARN of a user or role of this account by its unique id, and refuses whom IAM does not know, or S3 not
// yet.
func (a *AWS) bind(p principals) error {
	for i, name := range p["AWS"] {
		bound, ok := a.principal(name)
		if !ok {
			return malformed("Invalid principal in policy")
		}
		p["AWS"][i] = bound
	}
	for kind := range p {
		switch kind {
		case "*", "AWS", "Service", "CanonicalUser", "Federated":
		default:
			return malformed("Invalid principal in policy")
		}
	}
	return nil
}

// principal is a name as S3 stores it. Other accounts are taken on trust.
func (a *AWS) principal(name string) (string, bool) {
	if name == "*" {
		return name, true
	}
	if accountID.MatchString(name) {
		return "arn:" + a.partition + ":iam::" + name + ":root", true
	}
	for _, u := range a.users {
		if name == u.id || name == a.userARN(u) {
			return u.id, time.Since(u.created) >= a.UserPropagation
		}
	}
	for roleName, r := range a.roles {
		if name == r.id || name == a.roleARN(roleName) {
			return r.id, true
		}
	}
	own := principalARN.FindStringSubmatch(name)
	switch {
	case own == nil, own[1] != a.partition:
		return "", false
	case own[2] != a.account || own[3] == "root":
		return name, true
	case own[3] == "role/":
		_, exists := a.roles[own[4][strings.LastIndex(own[4], "/")+1:]]
		return name, exists
	}
	return name, own[3] == "assumed-role/"
}

// shown is a policy as S3 shows it: ARNs again, but for users and roles that are gone, whose unique ids remain.
func (a *AWS) shown(p *policy) *policy {
	arns := map[string]string{}
	if a.StalePrincipals {
		maps.Copy(arns, a.gone)
	}
	for _, u := range a.users {
		arns[u.id] = a.userARN(u)
	}
	for name, r := range a.roles {
		arns[r.id] = a.roleARN(name)
	}
	out := *p
	out.Statements = slices.Clone(p.Statements)
	for i := range out.Statements {
		s := &out.Statements[i]
		s.Principal, s.NotPrincipal = s.Principal.shown(arns), s.NotPrincipal.shown(arns)
	}
	return &out
}

// shown is a copy with ARNs in the place of unique ids.
func (p principals) shown(arns map[string]string) principals {
	out := maps.Clone(p)
	for kind, list := range out {
		out[kind] = slices.Clone(list)
		for i, name := range list {
			if arn := arns[name]; kind == "AWS" && arn != "" {
				out[kind][i] = arn
			}
		}
	}
	return out
}
