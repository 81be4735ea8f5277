package awsfake

import (
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// texts are the policies and rules of buckets as JSON, which an account shows after every call of an enumeration. Both are
// only ever replaced as a whole, so a text stays right as long as those whom a policy names are called the same.
type texts struct {
	policies map[*policy]shownPolicy
	rules    map[*types.LifecycleRule]string
}

// shownPolicy is the text of a policy with its principals, to tell whether it is that of today.
type shownPolicy struct{ principals, text string }

func newTexts() texts {
	return texts{policies: map[*policy]shownPolicy{}, rules: map[*types.LifecycleRule]string{}}
}

func (t texts) clone() texts { return texts{maps.Clone(t.policies), maps.Clone(t.rules)} }

// policyText is a policy as S3 shows it. The caller holds the lock.
func (a *AWS) policyText(p *policy) string {
	shown := a.shown(p)
	principals := shown.principals()
	kept, ok := a.texts.policies[p]
	if !ok || kept.principals != principals {
		kept = shownPolicy{principals, shown.text()}
		a.texts.policies[p] = kept
	}
	return kept.text
}

// principals are all AWS principals of a policy, in order.
func (p *policy) principals() string {
	var all []string
	for _, s := range p.Statements {
		all = append(append(append(all, s.Principal["AWS"]...), "not"), s.NotPrincipal["AWS"]...)
	}
	return strings.Join(all, " ")
}

// ruleText is a lifecycle rule that is in place. The caller holds the lock.
func (a *AWS) ruleText(r *types.LifecycleRule) string {
	text, ok := a.texts.rules[r]
	if !ok {
		text = toJSON(*r)
		a.texts.rules[r] = text
	}
	return text
}
