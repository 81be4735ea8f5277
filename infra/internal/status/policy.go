package status

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"bucketuser/lambda/spec"
)

// statements are those of a policy by Sid, each in a form that does not depend on how it is written.
type statements map[string]map[string]any

var (
	// extraSid starts the Sid of a statement of the property Statements.
	extraSid = regexp.MustCompile(`^` + spec.SidPrefix + `Statement[0-9]`)
	// uniqueID is what S3 shows in the place of a user who is gone.
	uniqueID = regexp.MustCompile(`^AIDA[A-Z0-9]+$`)
)

// ownStatements are those of a bucket policy that are this resource's, by their Sids.
func ownStatements(policy string) (statements, error) {
	var document struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(policy), &document); err != nil {
		return nil, fmt.Errorf("the policy cannot be read")
	}
	var all []map[string]any
	if json.Unmarshal(document.Statement, &all) != nil { // one may stand without a list
		var one map[string]any
		if json.Unmarshal(document.Statement, &one) == nil {
			all = []map[string]any{one}
		}
	}
	own := statements{}
	for _, statement := range all {
		sid, _ := statement["Sid"].(string)
		if slices.Contains(spec.Sids(), sid) || extraSid.MatchString(sid) {
			own[sid], _ = uniform(statement).(map[string]any)
		}
	}
	return own, nil
}

// uniform is a part of a statement in one form: a single value is a list of it, and lists are sorted.
func uniform(part any) any {
	switch v := part.(type) {
	case map[string]any:
		all := map[string]any{}
		for key, value := range v {
			all[key] = uniform(value)
		}
		return all
	case []any:
		var list []string
		for _, value := range v {
			list = append(list, fmt.Sprint(value))
		}
		slices.Sort(list)
		return list
	}
	return []string{fmt.Sprint(part)}
}

// wantedStatements are those that the properties ask for. Where these are not known, they are guessed from what the policy
// has: then a statement that is missing as a whole may not be missed.
func (f facts) wantedStatements(own statements) (statements, error) {
	s := f.spec
	if !f.isSaid {
		s = guess(s, own)
	}
	return ownStatements(string(s.PolicyJSON()))
}

// guess is a spec with what a policy says of the properties.
func guess(s spec.Spec, own statements) spec.Spec {
	_, isFull := own[spec.SidPrefix+"Full"]
	_, s.EnforceTls = own[spec.SidPrefix+"DenyInsecureTransport"]
	onBucket, onObjects := fmt.Sprint(own[spec.SidPrefix+"Bucket"]["Action"]), fmt.Sprint(own[spec.SidPrefix+"Objects"]["Action"])
	isVersioned := strings.Contains(onBucket, "s3:ListBucketVersions")
	s.Versioning = &isVersioned
	switch {
	case isFull:
		s.Access = spec.Full
	case onObjects != "<nil>" && !strings.Contains(onObjects, "s3:PutObject"):
		s.Access = spec.ReadOnly
	default:
		s.Access = spec.ReadWrite
	}
	return s
}

// access is the property Access, or what the policy says of it.
func (f facts) access() string {
	own, err := ownStatements(f.policy.value)
	if f.isSaid || err != nil {
		return f.spec.Access
	}
	return guess(f.spec, own).Access
}

func ofPolicy(f facts) []Finding {
	switch {
	case f.policy.err != nil:
		return []Finding{f.unknown("policy", f.policy.err)}
	case f.policy.isNone: // the bucket is gone
		return nil
	}
	own, err := ownStatements(f.policy.value)
	if err != nil {
		return []Finding{f.unknown("policy", err)}
	}
	wanted, err := f.wantedStatements(own)
	if err != nil {
		return []Finding{f.unknown("policy", err)}
	}
	var found []Finding
	for _, what := range f.compare(own, wanted) {
		found = append(found, f.repair(Finding{Check: "policy", State: Fault, What: what}))
	}
	switch {
	case len(found) > 0:
		return found
	case f.unsaid != nil:
		return []Finding{f.unknown("policy", f.unsaid)}
	}
	says := "as the properties say"
	if !f.isSaid {
		says = "CloudFormation no longer tells the properties"
	}
	return []Finding{{Check: "policy", State: OK, What: fmt.Sprintf("the bucket policy lets user %s in, %s under %s: %s", f.spec.UserName, f.access(), f.spec.Prefix, says)}}
}

// compare says what is out of step, in the order of Sids.
func (f facts) compare(own, wanted statements) (wrong []string) {
	sids := map[string]bool{}
	for sid := range own {
		sids[sid] = true
	}
	for sid := range wanted {
		sids[sid] = true
	}
	for _, sid := range sorted(sids) {
		is, isThere := own[sid]
		want, isWanted := wanted[sid]
		switch {
		case !isThere:
			wrong = append(wrong, fmt.Sprintf("statement %s of the bucket policy is gone", sid))
		case sid == spec.SidDenyWrites:
			wrong = append(wrong, fmt.Sprintf("statement %s keeps everybody from writing: a deletion with Purge was cut off", sid))
		case !isWanted && !f.isSaid: // it may be one of the property Statements
			wrong = append(wrong, f.wrongPrincipal(sid, is, f.spec.UserARN())...)
		case !isWanted:
			wrong = append(wrong, fmt.Sprintf("statement %s is none of the properties", plain(sid)))
		default:
			wrong = append(wrong, f.differs(sid, is, want)...)
		}
	}
	return wrong
}

// differs says in what a statement is not as it is wanted.
func (f facts) differs(sid string, is, want map[string]any) []string {
	if !reflect.DeepEqual(is["Principal"], want["Principal"]) {
		return f.wrongPrincipal(sid, is, principalsIn(want)...)
	}
	for _, part := range []string{"Effect", "Action", "Resource", "Condition"} {
		if !reflect.DeepEqual(is[part], want[part]) {
			return []string{fmt.Sprintf("statement %s has the %s %s instead of %s", plain(sid), part, inShort(is[part]), inShort(want[part]))}
		}
	}
	if !reflect.DeepEqual(is, want) {
		return []string{fmt.Sprintf("statement %s has parts that it should not have", plain(sid))}
	}
	return nil
}

// wrongPrincipal says whom a statement names in the place of the user. S3 keeps a user by an id that no other user gets, and
// shows that of one who is gone.
func (f facts) wrongPrincipal(sid string, is map[string]any, wanted ...string) []string {
	names := principalsIn(is)
	switch {
	case slices.Equal(names, wanted):
		return nil
	case len(names) == 1 && uniqueID.MatchString(names[0]):
		return []string{fmt.Sprintf("statement %s names %s, a user who is gone: user %s was made again, and is let in no more", plain(sid), names[0], f.spec.UserName)}
	}
	return []string{fmt.Sprintf("statement %s names %s instead of %s", plain(sid), inShort(names), inShort(wanted))}
}

// principalsIn are those of a statement, without their kind.
func principalsIn(statement map[string]any) []string {
	switch of := statement["Principal"].(type) {
	case []string:
		return of
	case map[string]any:
		if names, isList := of["AWS"].([]string); isList && len(of) == 1 {
			return names
		}
		return []string{plain(fmt.Sprint(of))}
	}
	return nil
}

func inShort(part any) string {
	text, err := json.Marshal(part)
	if err != nil {
		return ""
	}
	return plain(string(text))
}

func sorted(set map[string]bool) []string {
	var all []string
	for key := range set {
		all = append(all, key)
	}
	slices.Sort(all)
	return all
}
