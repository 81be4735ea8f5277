package awsfake

import (
	"regexp"
	"strings"
)

// variablesSince is the version of the policy language that has variables. In a policy of 2008-10-17, or of no version,
// which is the same, they are text (L13). Source: IAM User Guide, JSON policy elements: Version.
const variablesSince = "2012-10-17"

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)

// resolved is a statement with the values of a request in the place of variables: in resources, and in conditions on
// strings and ARNs. A variable without a value matches nothing. Sources: IAM User Guide, IAM policy elements: Variables and
// tags.
func (p *policy) resolved(s statement, context map[string]string) (statement, error) {
	if !p.hasVariables {
		return s, nil
	}
	var err error
	if s.Resource, err = s.Resource.resolved(context, false); err != nil {
		return s, err
	}
	if s.NotResource, err = s.NotResource.resolved(context, true); err != nil {
		return s, err
	}
	conditions := map[string]map[string]words{}
	for operator, keys := range s.Condition {
		conditions[operator] = map[string]words{}
		for key, want := range keys {
			if strings.HasPrefix(operator, "String") || strings.HasPrefix(operator, "Arn") {
				if want, err = want.resolved(context, strings.Contains(operator, "Not")); err != nil {
					return s, err
				}
			}
			conditions[operator][key] = want
		}
	}
	s.Condition = conditions
	return s, nil
}

// resolved leaves out what has a variable without a value. What that is in a negated element is not simulated.
func (w words) resolved(context map[string]string, negated bool) (words, error) {
	if w == nil {
		return nil, nil
	}
	out := words{}
	for _, word := range w {
		text, exists, err := resolve(word, context)
		switch {
		case err != nil:
			return nil, err
		case exists:
			out = append(out, text)
		case negated:
			return nil, &notSimulated{"policy variable without a value in a negated element: " + word}
		}
	}
	return out, nil
}

// resolve replaces the variables of a text. It tells whether all of them have a value: that of the request, or a default.
func resolve(text string, context map[string]string) (out string, exists bool, err error) {
	exists = true
	out = variable.ReplaceAllStringFunc(text, func(v string) string {
		name, preset, hasPreset := strings.Cut(strings.Trim(v, "${}"), ",")
		value, has := lookup(context, name)
		switch {
		case has:
			return value
		case hasPreset:
			return strings.Trim(strings.TrimSpace(preset), "'")
		case !knownCondition(name):
			err = &notSimulated{"policy variable " + v}
		}
		exists = false
		return v
	})
	return out, exists, err
}
