package bucket

import (
	"encoding/json"
	"slices"
	"strings"
)

// reportOpen logs each statement of others in the bucket policy that lets somebody in from outside
// of the account. Whoever had a key with Access Full may have written it, and it works when that
// key is gone. It stays: nobody can tell whether it is wanted.
func (c Client) reportOpen(others []json.RawMessage) {
	for _, text := range others {
		var statement struct {
			Sid, Effect             string
			Principal, NotPrincipal json.RawMessage
		}
		if json.Unmarshal(text, &statement) != nil || statement.Effect != "Allow" {
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
