package spec

import (
	"fmt"
	"regexp"
)

var stackARN = regexp.MustCompile(`^arn:(aws[a-z-]*):cloudformation:([a-z0-9-]+):([0-9]{12}):stack/[A-Za-z][A-Za-z0-9-]{0,127}/[A-Za-z0-9-]{1,64}$`)

var logicalID = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)

// checkOrigin refuses an event that was not made for this provider: a stack of
// another account would let a stranger drive the role, and one of another region
// or partition would get URLs and ARNs that do not work.
func (s *Spec) checkOrigin() Faults {
	var faults Faults
	switch m := stackARN.FindStringSubmatch(s.StackID); {
	case m == nil:
		faults = append(faults, Fault{Property: "StackId", Reason: "is not the ARN of a stack"})
	case m[1] != s.Partition || m[2] != s.Region || m[3] != s.Account:
		faults = append(faults, Fault{Property: "StackId", Reason: fmt.Sprintf(
			"the stack is in %s %s of account %s, its provider in %s %s of account %s; deploy a provider beside the stack",
			m[1], m[2], m[3], s.Partition, s.Region, s.Account)})
	}
	if !logicalID.MatchString(s.LogicalID) {
		faults = append(faults, Fault{Property: "LogicalResourceId", Reason: "is not a logical id"})
	}
	return faults
}

// dnsSuffixes are those of partitions that do not use amazonaws.com, as in the
// SDKs' partitions file.
var dnsSuffixes = map[string]string{
	"aws-cn":    "amazonaws.com.cn",
	"aws-eusc":  "amazonaws.eu",
	"aws-iso":   "c2s.ic.gov",
	"aws-iso-b": "sc2s.sgov.gov",
	"aws-iso-e": "cloud.adc-e.uk",
	"aws-iso-f": "csp.hci.ic.gov",
}

// DNSSuffix returns the domain of a partition's endpoints.
func DNSSuffix(partition string) string {
	if suffix, ok := dnsSuffixes[partition]; ok {
		return suffix
	}
	return "amazonaws.com"
}
