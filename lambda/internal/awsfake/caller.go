package awsfake

import (
	"slices"
	"strings"
	"time"
)

// caller is who signed a request: a role through its session, a user through a key, or nobody that IAM knows.
type caller struct {
	role   string
	user   *user
	key    string
	arn    string
	secure bool    // sent over TLS
	bad    refusal // what is wrong with the credentials; empty when nothing is
}

// refusal is a reason to refuse a request before anything else is looked at. Each service has its own words.
type refusal string

const (
	noKey        refusal = "no key"
	unknownKey   refusal = "unknown key"
	badSignature refusal = "bad signature"
)

// String is the caller as [Call.Caller] has it.
func (c caller) String() string {
	switch {
	case c.role != "":
		return "role/" + c.role
	case c.user != nil:
		return "user/" + c.user.name
	}
	return "key/" + c.key
}

// identify finds out who signed a request. It does not look at what they may do. The caller holds the lock.
func (a *AWS) identify(sig signature) caller {
	c := caller{key: sig.key, secure: sig.secure}
	if sig.key == "" {
		c.bad = noKey
		return c
	}
	if s := a.sessions[sig.key]; s != nil {
		c.role = s.role
		c.arn = a.arn("sts", "assumed-role/"+s.role+"/"+s.name)
		return c
	}
	for _, u := range a.users {
		for _, k := range u.keys {
			if k.id != sig.key {
				continue
			}
			c.user, c.arn = u, a.userARN(u)
			switch {
			case !k.active || time.Since(k.created) < a.KeyPropagation:
				c.bad = unknownKey
			case !sig.madeWith(k.secret):
				c.bad = badSignature
			}
			return c
		}
	}
	c.bad = unknownKey
	return c
}

// serve carries out a call, as of before the write that a hook chose if asOf is not zero. The caller holds the lock.
// Nothing changes when it returns an error.
func (a *AWS) serve(c Call, who caller, asOf int) (any, error) {
	a.lapse()
	op, known := operations[c.Name()]
	if !known {
		return nil, &notSimulated{c.Name()}
	}
	if err := op.checkFields(c.Input); err != nil {
		return nil, err
	}
	switch late := a.lateRight(op, who, c.Input); {
	case who.bad != "":
		return nil, who.bad.answer(c.Service)
	case who.role != "" && time.Since(a.roles[who.role].since) < a.RolePropagation:
		return nil, a.denied(c, who)
	case who.role != "" && slices.Contains(a.Forbidden, op.name):
		return nil, a.deniedBy("with an explicit deny in a service control policy", c, who, op.action)
	case late != "":
		return nil, a.deniedAction(c, who, late)
	case who.user != nil && c.Service != "s3":
		return nil, a.denied(c, who) // the account's users have no identity policies
	}
	serve := func() (any, error) { return a.handle(op, c, who) }
	if a.remember(); !a.remembers() && asOf == 0 {
		return serve()
	}
	defer a.note(c)
	return a.lag(c, who, asOf, serve)
}

// handle carries out a call that the caller's rights allow, as far as they do not depend on what it is about.
func (a *AWS) handle(op operation, c Call, who caller) (any, error) {
	input := c.Input
	if a.outOfPath(op, who, input) {
		return nil, a.denied(c, who)
	}
	if a.PlainListings {
		input = withoutEncoding(input)
	}
	return op.handler.serve(a, op.request(who, input), input)
}

// answer is what a service says to bad credentials.
func (b refusal) answer(service string) *Error {
	switch {
	case service == "s3" && b == noKey:
		return fail(403, "AccessDenied", "Access Denied")
	case service == "s3" && b == badSignature:
		return fail(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature "+
			"you provided. Check your key and signing method.")
	case service == "s3":
		return fail(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
	case b == noKey && service == "secretsmanager":
		return fail(400, "MissingAuthenticationTokenException", "Missing Authentication Token")
	case b == noKey:
		return fail(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
	case service == "secretsmanager":
		return fail(400, "UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	return fail(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
}

// serviceName is the short name of an SDK service id ("Secrets Manager").
func serviceName(id string) string { return strings.ToLower(strings.ReplaceAll(id, " ", "")) }
