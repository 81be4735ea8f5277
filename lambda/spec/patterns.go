package spec

import (
	"fmt"
	"regexp"
	"strings"
)

// Parameters of the provider's template that hold its patterns.
const (
	BucketNamePatternParameter = "BucketNamePattern"
	SecretNamePatternParameter = "SecretNamePattern"
)

// Outside returns a fault for each name, given or generated, that the provider's patterns
// leave out. The role has no right to a thing of such a name. A Delete that is refused a look
// at it may count it as never made, since Parse never accepted the name, unless the pattern
// was another one at the time.
func (s Spec) Outside() Faults {
	var faults Faults
	for _, limit := range []struct{ property, name, parameter, pattern string }{
		{"BucketName", s.BucketName, BucketNamePatternParameter, s.BucketNamePattern},
		{"SecretName", s.SecretName, SecretNamePatternParameter, s.SecretNamePattern},
	} {
		if !matches(limit.name, limit.pattern) {
			faults = append(faults, Fault{Property: limit.property, Reason: fmt.Sprintf(
				"%s does not match the provider's parameter %s %s; give a name that does, or have the provider deployed with another pattern",
				limit.name, limit.parameter, limit.pattern)})
		}
	}
	return faults
}

// matches reports whether a name fits a pattern as IAM compares them: "*" reaches
// over slashes too.
func matches(name, pattern string) bool {
	if pattern == "" {
		return true
	}
	expression := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*")
	return regexp.MustCompile("^" + expression + "$").MatchString(name)
}
