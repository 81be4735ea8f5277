package awsfake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// authorize decides about an S3 action as AWS does inside one account: an explicit Deny wins, a user needs an Allow of
// the bucket policy that names it, and a role has every right by its own policies, which are not simulated. A user's
// boundary can only take away: it does not limit what a bucket policy gives to the user by name.
//
// Where it is denied, the answer says by which kind of policy, as IAM says it.
func (a *AWS) authorize(who caller, b *bucket, action, resource string, values map[string]string) (allowed bool, why string, err error) {
	context := a.placeOf(who)
	for key, value := range map[string]string{
		"aws:SecureTransport":  strconv.FormatBool(who.secure),
		"aws:PrincipalAccount": a.account,
		"aws:PrincipalArn":     a.principalARN(who),
		"aws:ResourceAccount":  b.owner,
		"s3:ResourceAccount":   b.owner,
	} {
		context[key] = value
	}
	if who.role != "" { // always in a session; a key of a user has none
		context["aws:TokenIssueTime"] = time.Now().UTC().Format(time.RFC3339)
	}
	for key, value := range values {
		context[key] = value
	}
	if who.user != nil {
		context["aws:username"], context["aws:userid"] = who.user.name, who.user.id
		if boundary := a.boundary[who.user.boundary]; boundary != nil {
			_, denied, err := boundary.decide(action, resource, context, func(statement) bool { return true })
			if err != nil || denied {
				return false, explicitDeny + "permissions boundary", err
			}
		}
	}
	why = "because no identity-based policy allows the " + action + " action"
	if b.policy == nil {
		return who.role != "", why, nil
	}
	allowed, denied, err := b.policy.decide(action, resource, context, func(s statement) bool { return a.concerns(s, who) })
	if denied {
		why = explicitDeny + "resource-based policy"
	}
	return (allowed || who.role != "") && !denied, why, err
}

// explicitDeny begins what a denial says of a policy that denies. Source: IAM User Guide, Troubleshoot access denied error
// messages.
const explicitDeny = "with an explicit deny in a "

// principalARN is what aws:PrincipalArn holds: the role, not its session.
func (a *AWS) principalARN(who caller) string {
	if who.role != "" {
		return a.roleARN(who.role)
	}
	return who.arn
}

// decide evaluates the statements that concern the caller.
func (p *policy) decide(action, resource string, context map[string]string, concerns func(statement) bool) (
	allowed, denied bool, err error) {
	for _, s := range p.Statements {
		if !concerns(s) {
			continue
		}
		s, err := p.resolved(s, context)
		if err != nil {
			return false, false, err
		}
		if !s.covers(action, resource) {
			continue
		}
		holds, err := s.holds(context)
		if err != nil {
			return false, false, err
		}
		allowed = allowed || holds && s.Effect == "Allow"
		denied = denied || holds && s.Effect == "Deny"
	}
	return allowed, denied, nil
}

func (s statement) covers(action, resource string) bool {
	actions := s.Action.action(action)
	if s.NotAction != nil {
		actions = !s.NotAction.action(action)
	}
	resources := s.Resource.glob(resource)
	if s.NotResource != nil {
		resources = !s.NotResource.glob(resource)
	}
	return actions && resources
}

// concerns tells whether a statement is about a caller. The account as principal stands for everyone in it in a Deny;
// in an Allow it only lets their own policies decide, and the users have none.
func (a *AWS) concerns(s statement, who caller) bool {
	named := func(p principals) bool {
		_, everyone := p["*"]
		return everyone || slices.ContainsFunc(p["AWS"], func(name string) bool {
			return name == "*" || name == a.arn("iam", "root") && s.Effect == "Deny" || a.isNamed(who, name)
		})
	}
	if s.NotPrincipal != nil {
		return !named(s.NotPrincipal)
	}
	return named(s.Principal)
}

// isNamed tells whether a name in a policy is that of a caller: of a user, a role or its session.
func (a *AWS) isNamed(who caller, name string) bool {
	switch {
	case who.user != nil:
		return name == who.arn || name == who.user.id
	case who.role != "":
		return name == who.arn || name == a.principalARN(who) || name == a.roles[who.role].id
	}
	return false
}

// holds evaluates the conditions: every key of every operator, any value of a key.
func (s statement) holds(context map[string]string) (bool, error) {
	for operator, keys := range s.Condition {
		for key, want := range keys {
			base, ifExists := strings.CutSuffix(operator, "IfExists")
			have, exists := lookup(context, key)
			if !exists && !knownCondition(key) {
				return false, &notSimulated{"policy condition on " + key}
			}
			holds, err := compare(base, want, have, exists)
			if err != nil {
				return false, err
			}
			if !holds && !(ifExists && !exists) {
				return false, nil
			}
		}
	}
	return true, nil
}

// lookup finds a condition key, whose case does not count.
func lookup(context map[string]string, key string) (string, bool) {
	for name, value := range context {
		if strings.EqualFold(name, key) {
			return value, true
		}
	}
	return "", false
}

// knownCondition names the keys that a request may lack and that are simulated when it has them.
func knownCondition(key string) bool {
	return slices.ContainsFunc([]string{"s3:prefix", "s3:delimiter", "aws:username", "aws:userid", "aws:TokenIssueTime",
		"aws:SourceIp", "aws:SourceVpc", "aws:SourceVpce", "aws:VpcSourceIp", "aws:Referer"},
		func(known string) bool { return strings.EqualFold(known, key) })
}

// compare applies one operator. The negated ones hold for a key that the request does not have.
func compare(operator string, want words, have string, exists bool) (bool, error) {
	matches := func(match func(want string) bool) bool { return exists && slices.ContainsFunc(want, match) }
	equal := func(w string) bool { return w == have }
	fold := func(w string) bool { return strings.EqualFold(w, have) }
	like := func(w string) bool { return glob(w, have) }
	switch operator {
	case "StringEquals":
		return matches(equal), nil
	case "StringNotEquals":
		return !matches(equal), nil
	case "StringEqualsIgnoreCase", "Bool":
		return matches(fold), nil
	case "StringLike", "ArnLike", "ArnEquals":
		return matches(like), nil
	case "StringNotLike", "ArnNotLike", "ArnNotEquals":
		return !matches(like), nil
	case "Null":
		return slices.Contains(want, strconv.FormatBool(!exists)), nil
	}
	if holds, isKnown := compareOrdered(operator, want, have, exists); isKnown {
		return holds, nil
	}
	return false, &notSimulated{fmt.Sprintf("policy condition operator %s", operator)}
}
