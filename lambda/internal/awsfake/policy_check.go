package awsfake

import (
	"regexp"
	"slices"
	"strings"
)

var (
	listingKey    = regexp.MustCompile(`(?i)^s3:(prefix|delimiter|max-keys)$`)
	listingAction = regexp.MustCompile(`(?i)[*?]|^s3:ListBucket(Versions)?$`)
	objectAction  = regexp.MustCompile(`^s3:((get|put|delete|restore|replicate)object|(abortmultipartupload|listmultipartuploadparts)$)`)
	bucketAction  = regexp.MustCompile(`^s3:((get|put|delete)bucket|(get|put)(lifecycle|encryption)|` +
		`list(bucket|bucketversions|bucketmultipartuploads)$)`)
	fixedKey = regexp.MustCompile(`(?i)^(aws:(Principal.*|Source(Arn|Account|Vpc|Vpce|Owner|Ip)|userid)|s3:DataAccessPoint.*)$`)
)

// policySize is the most that a bucket policy may have, in bytes.
const policySize = 20 * 1024

// checkPolicy reads a document that is about to become a bucket's policy, and binds its principals.
func (a *AWS) checkPolicy(b *bucket, text string) (*policy, error) {
	p, err := parsePolicy(text)
	if err != nil {
		return nil, err
	}
	if !slices.Contains([]string{"", "2008-10-17", variablesSince}, p.Version) {
		return nil, malformed("The policy must contain a valid version string")
	}
	if len(p.Statements) == 0 {
		return nil, malformed("Could not parse the policy: Statement is empty!")
	}
	if len(p.text()) > policySize {
		return nil, malformed("Policy exceeds the maximum allowed document size.")
	}
	sids := map[string]bool{}
	for i := range p.Statements {
		s := &p.Statements[i]
		if s.Sid != "" && sids[s.Sid] {
			return nil, malformed("Statement IDs (SID) in a single policy must be unique.")
		}
		sids[s.Sid] = true
		if err := a.checkStatement(b, s); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// checkStatement reads one statement by itself, and binds its principals.
func (a *AWS) checkStatement(b *bucket, s *statement) error {
	switch {
	case s.Effect == "":
		return malformed("Missing required field Effect")
	case s.Effect != "Allow" && s.Effect != "Deny":
		return malformed("Invalid effect: " + s.Effect)
	case len(s.Principal) == 0 && len(s.NotPrincipal) == 0:
		return malformed("Missing required field Principal")
	case len(s.Action) == 0 && len(s.NotAction) == 0:
		return malformed("Missing required field Action")
	case len(s.Resource) == 0 && len(s.NotResource) == 0:
		return malformed("Missing required field Resource")
	}
	if err := a.bind(s.Principal); err != nil {
		return err
	}
	if err := a.bind(s.NotPrincipal); err != nil {
		return err
	}
	return a.checkScope(b, s)
}

// checkScope asks that resources lie in the bucket and that each action finds one of its kind.
func (a *AWS) checkScope(b *bucket, s *statement) error {
	root := a.arn("s3", b.name)
	onBucket, onObjects := false, false
	for _, r := range append(append(words{}, s.Resource...), s.NotResource...) {
		if r != root && !strings.HasPrefix(r, root+"/") && r != root+"*" {
			return malformed("Policy has invalid resource")
		}
		onBucket = onBucket || !strings.HasPrefix(r, root+"/")
		onObjects = onObjects || r != root
	}
	for _, action := range s.Action {
		if action != "*" && !strings.HasPrefix(strings.ToLower(action), "s3:") {
			return malformed("Policy has invalid action")
		}
		switch kind := actionKind(action); {
		case kind == "object" && !onObjects, kind == "bucket" && !onBucket:
			return malformed("Action does not apply to any resource(s) in statement")
		}
	}
	return checkConditions(s)
}

// checkConditions refuses a condition on what is listed together with an action that lists no objects. Patterns of
// actions pass.
func checkConditions(s *statement) error {
	onListing := false
	for _, keys := range s.Condition {
		for key := range keys {
			onListing = onListing || listingKey.MatchString(key)
		}
	}
	for _, action := range s.Action {
		if onListing && !listingAction.MatchString(action) {
			return malformed("Conditions do not apply to combination of actions and resources in statement")
		}
	}
	return nil
}

// actionKind tells what an action without wildcards is done to; empty for a pattern, and for one not known here.
func actionKind(action string) string {
	switch name := strings.ToLower(action); {
	case strings.ContainsAny(name, "*?"):
		return ""
	case objectAction.MatchString(name):
		return "object"
	case bucketAction.MatchString(name):
		return "bucket"
	}
	return ""
}

// public tells whether S3 counts a policy as public: it lets everyone in and no condition holds them to fixed values.
func (p *policy) public() bool {
	for _, s := range p.Statements {
		_, everyone := s.Principal["*"]
		for _, name := range s.Principal["AWS"] {
			everyone = everyone || name == "*"
		}
		if s.Effect == "Allow" && (everyone || s.NotPrincipal != nil) && !s.narrowed() {
			return true
		}
	}
	return false
}

// narrowed looks for the condition keys that S3 accepts as fixed values.
func (s statement) narrowed() bool {
	for operator, keys := range s.Condition {
		for key, values := range keys {
			wild := strings.Contains(strings.Join(values, ""), "*")
			if fixedKey.MatchString(key) && !wild && !strings.Contains(operator, "Not") && !strings.HasSuffix(operator, "IfExists") {
				return true
			}
		}
	}
	return false
}
