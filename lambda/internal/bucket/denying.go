package bucket

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"bucketuser/lambda/internal/awscall"
)

// A Denying is a statement of the bucket policy that denies an action, as far as its Condition lets that be seen.
type Denying struct {
	Name string   // for a message
	Keys []string // of its Condition, sorted
}

// placeKeys are the condition keys that depend on where, when and by which client a call is made, and not on who makes
// it: what they say of the function they do not say of the user's own clients. From "AWS global condition context keys"
// in the IAM User Guide, Properties of the network and of the request, and "Condition keys for Amazon S3" in the Service
// Authorization Reference.
var placeKeys = []string{
	"aws:SourceIp", "aws:VpcSourceIp", "aws:SourceVpc", "aws:SourceVpcArn", "aws:SourceVpce", "aws:VpceAccount", "aws:VpceOrgID", "aws:VpceOrgPaths",
	"aws:CurrentTime", "aws:EpochTime", "aws:UserAgent", "aws:Referer",
	"s3:TlsVersion", "s3:authType", "s3:signatureversion", "s3:signatureAge", "s3:x-amz-content-sha256",
}

// PlaceKeys are those of its condition keys that depend on where, when and by which client a call is made.
func (d Denying) PlaceKeys() []string {
	return slices.DeleteFunc(slices.Clone(d.Keys), func(key string) bool {
		return !slices.ContainsFunc(placeKeys, func(place string) bool { return strings.EqualFold(place, key) })
	})
}

// Denying reads the bucket policy and returns the statements that may deny a caller an action on a resource: all that a
// Condition leaves open. It serves a message, and a decision to wait no longer.
func (c Client) Denying(ctx context.Context, is awscall.Denial) ([]Denying, error) {
	current, err := c.readPolicy(ctx)
	if err != nil {
		return nil, err
	}
	var found []Denying
	for i, text := range current.Statement {
		var s denyStatement
		if json.Unmarshal(text, &s) != nil || !s.mayDeny(is) {
			continue
		}
		found = append(found, Denying{Name: c.describe(s.header, i), Keys: s.keys()})
	}
	return found, nil
}

// ownSid is that of a statement of the property Statements: its number there, and its own Sid.
var ownSid = regexp.MustCompile(`^[A-Za-z]+Statement([0-9]+)([A-Za-z]?[A-Za-z0-9]*)$`)

// describe is how a message names a statement of the policy.
func (c Client) describe(is header, i int) string {
	if !c.isOurs(is) {
		return nameOf(is.Sid, i) + " of others in the policy of bucket " + c.spec.BucketName
	}
	if parts := ownSid.FindStringSubmatch(is.Sid); parts != nil && extraSid.MatchString(is.Sid) {
		if parts[2] == "" {
			return fmt.Sprintf("statement %s of Statements", parts[1])
		}
		return fmt.Sprintf("statement %s of Statements, %s,", parts[1], parts[2])
	}
	return nameOf(is.Sid, i)
}

// denyStatement is what tells whether a statement denies something.
type denyStatement struct {
	header
	Action, NotAction, Resource, NotResource json.RawMessage
	Condition                                map[string]map[string]json.RawMessage
}

func (s denyStatement) mayDeny(is awscall.Denial) bool {
	concerns := s.Principal != nil && names(s.Principal, is.Principal) || s.NotPrincipal != nil && !names(s.NotPrincipal, is.Principal)
	return s.Effect == "Deny" && concerns && covers(s.Action, s.NotAction, is.Action, true) && covers(s.Resource, s.NotResource, is.Resource, false) &&
		!s.isForPlainHTTP()
}

// isForPlainHTTP reports whether the statement is about requests without TLS, of which the function makes none.
func (s denyStatement) isForPlainHTTP() bool {
	for operator, keys := range s.Condition {
		for key, values := range keys {
			isFalse := slices.Contains(oneOrMore(values), "false") || string(values) == "false"
			if strings.EqualFold(operator, "Bool") && strings.EqualFold(key, "aws:SecureTransport") && isFalse {
				return true
			}
		}
	}
	return false
}

func (s denyStatement) keys() []string {
	all := map[string]bool{}
	for _, keys := range s.Condition {
		for key := range keys {
			all[key] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// covers reports whether an element, or its negation, reaches a value. A value that AWS has not named is reached.
func covers(patterns, negated json.RawMessage, value string, isFold bool) bool {
	reaches := func(texts json.RawMessage) bool {
		return slices.ContainsFunc(oneOrMore(texts), func(pattern string) bool { return isLike(pattern, value, isFold) })
	}
	if value == "" {
		return true
	}
	if negated != nil {
		return !reaches(negated)
	}
	return reaches(patterns)
}

// isLike compares as IAM does: "*" is any text, "?" one character. The case of actions does not count.
func isLike(pattern, value string, isFold bool) bool {
	expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
	if isFold {
		expression = "(?i)" + expression
	}
	return regexp.MustCompile("^(?s:" + expression + ")$").MatchString(value)
}

// names reports whether a Principal names a caller: everybody, the account, a user, or a role, of which the caller is
// a session.
func names(principal json.RawMessage, caller string) bool {
	var everybody string
	if json.Unmarshal(principal, &everybody) == nil {
		return everybody == "*"
	}
	var kinds map[string]json.RawMessage
	_ = json.Unmarshal(principal, &kinds) // no kinds name nobody
	return slices.ContainsFunc(oneOrMore(kinds["AWS"]), func(name string) bool { return isNamed(name, caller) })
}

func isNamed(name, caller string) bool {
	fields := strings.Split(caller, ":")
	if len(fields) < 6 {
		return name == "*" || name == caller
	}
	account := fields[4]
	role, _, _ := strings.Cut(strings.TrimPrefix(fields[5], "assumed-role/"), "/")
	isRole := fields[2] == "sts" && strings.Contains(name, ":"+account+":role/") && strings.HasSuffix(name, "/"+role)
	return name == "*" || name == caller || name == account || strings.HasSuffix(name, ":"+account+":root") || isRole
}
