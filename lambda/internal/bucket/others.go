package bucket

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"bucketuser/lambda/spec"
)

// header is what tells whose a statement is, and whom it lets in.
type header struct {
	Sid, Effect             string
	Principal, NotPrincipal json.RawMessage
}

// headerOf reads that of a statement, and nothing of one that has another form.
func headerOf(text json.RawMessage) header {
	var is header
	if json.Unmarshal(text, &is) != nil {
		return header{}
	}
	return is
}

var (
	// extraSid starts the Sid of a statement of the property Statements.
	extraSid = regexp.MustCompile(`^` + spec.SidPrefix + `Statement[0-9]`)
	// uniqueID is what S3 shows in the place of a user or role that is gone.
	uniqueID = regexp.MustCompile(`^A(ID|RO)A[A-Z0-9]+$`)
)

// split tells our statements from those of others: by their Sid, and those of the property Statements
// also by their Principal, our user or one who is gone. Every other one that starts alike is of others.
func (c Client) split(all statements) (ours, others statements) {
	for _, text := range all {
		if c.isOurs(headerOf(text)) {
			ours = append(ours, text)
		} else {
			others = append(others, text)
		}
	}
	return ours, others
}

func (c Client) isOurs(is header) bool {
	return slices.Contains(spec.Sids(), is.Sid) || extraSid.MatchString(is.Sid) && c.isUser(is.Principal)
}

// isUser reports whether a Principal is our user and nobody else, or one who is gone.
func (c Client) isUser(principal json.RawMessage) bool {
	var kinds map[string]json.RawMessage
	if json.Unmarshal(principal, &kinds) != nil || len(kinds) != 1 {
		return false
	}
	names := oneOrMore(kinds["AWS"])
	return len(names) == 1 && (names[0] == c.spec.UserARN() || uniqueID.MatchString(names[0]))
}

// sameSid is a Sid that two statements would have, or "".
func sameSid(ours, others statements) string {
	for _, text := range ours {
		sid := headerOf(text).Sid
		if slices.ContainsFunc(others, func(other json.RawMessage) bool { return headerOf(other).Sid == sid }) {
			return sid
		}
	}
	return ""
}

// goneIn names the first statement with a user or role that is gone, or is "".
func goneIn(others statements) string {
	for i, text := range others {
		is := headerOf(text)
		for _, principal := range []json.RawMessage{is.Principal, is.NotPrincipal} {
			var kinds map[string]json.RawMessage
			_ = json.Unmarshal(principal, &kinds) // "*" has none
			names := oneOrMore(kinds["AWS"])
			if at := slices.IndexFunc(names, uniqueID.MatchString); at >= 0 {
				return fmt.Sprintf("%s of others names %s, a user or role that is gone, and S3 takes no policy with it", nameOf(is.Sid, i), names[at])
			}
		}
	}
	return ""
}

// nameOf is how a message names a statement.
func nameOf(sid string, i int) string {
	if sid == "" {
		return fmt.Sprintf("statement %d", i+1)
	}
	return "statement " + sid
}

// reportOpen logs each statement of others in the bucket policy that lets somebody in from outside
// of the account. Whoever had a key with Access Full may have written it, and it works when that
// key is gone. It stays: nobody can tell whether it is wanted.
func (c Client) reportOpen(others statements) {
	for _, text := range others {
		statement := headerOf(text)
		if statement.Effect != "Allow" {
			continue
		}
		if statement.NotPrincipal != nil || letsOutsidersIn(statement.Principal, c.spec.Account) {
			who := string(statement.Principal)
			if statement.NotPrincipal != nil {
				who = "all but " + string(statement.NotPrincipal)
			}
			c.log.Warn("found a statement that lets others in", "bucket", c.spec.BucketName, "sid", statement.Sid, "principal", who)
		}
	}
}

// letsOutsidersIn reports whether a Principal names anybody outside of the account. A user or role that
// is gone shows as an id without its account, and a service acts for the account.
func letsOutsidersIn(principal json.RawMessage, account string) bool {
	var everybody string
	if json.Unmarshal(principal, &everybody) == nil {
		return everybody == "*"
	}
	var kinds map[string]json.RawMessage
	if json.Unmarshal(principal, &kinds) != nil {
		return true
	}
	return kinds["CanonicalUser"] != nil || kinds["Federated"] != nil ||
		slices.ContainsFunc(oneOrMore(kinds["AWS"]), func(name string) bool { return isOutside(name, account) })
}

// oneOrMore reads a string, or a list of strings.
func oneOrMore(text json.RawMessage) []string {
	var one string
	if json.Unmarshal(text, &one) == nil {
		return []string{one}
	}
	var more []string
	_ = json.Unmarshal(text, &more) // none, if there is no such list
	return more
}

// isOutside reports whether an ARN, an account's number or "*" is not of the account.
func isOutside(name, account string) bool {
	if fields := strings.Split(name, ":"); len(fields) > 4 {
		return fields[4] != account
	}
	isAccount := len(name) == len(account) && strings.Trim(name, "0123456789") == ""
	return name == "*" || isAccount && name != account
}
