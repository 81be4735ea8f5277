package spec

import (
	"fmt"
	"regexp"
	"strings"
)

// A repetition with bounds is compiled as often as it may repeat, in every start of the function:
// the bounds stand beside the expressions.
var (
	stackARN  = regexp.MustCompile(`^arn:(aws[a-z-]*):cloudformation:([a-z0-9-]+):([0-9]{12}):stack/([A-Za-z][A-Za-z0-9-]*)/([A-Za-z0-9-]+)$`)
	logicalID = regexp.MustCompile(`^[A-Za-z0-9]+$`)
)

const (
	maxStackNameLength = 128
	maxStackIDLength   = 64
	maxLogicalIDLength = 255
)

// checkOrigin refuses an event that was not made for this provider: a stack of
// another account would let a stranger drive the role, and one of another region
// or partition would get URLs and ARNs that do not work.
func (s *Spec) checkOrigin() Faults {
	var faults Faults
	switch m := stackARN.FindStringSubmatch(s.StackID); {
	case m == nil || len(m[4]) > maxStackNameLength || len(m[5]) > maxStackIDLength:
		faults = append(faults, Fault{Property: "StackId", Reason: "is not the ARN of a stack"})
	case m[1] != s.Partition || m[2] != s.Region || m[3] != s.Account:
		faults = append(faults, Fault{Property: "StackId", Reason: fmt.Sprintf(
			"the stack is in %s %s of account %s, its provider in %s %s of account %s; deploy a provider beside the stack",
			m[1], m[2], m[3], s.Partition, s.Region, s.Account)})
	}
	if len(s.LogicalID) > maxLogicalIDLength || !logicalID.MatchString(s.LogicalID) {
		faults = append(faults, Fault{Property: "LogicalResourceId", Reason: "is not a logical id"})
	}
	return faults
}

// StackName is the name in the ARN of a stack.
func StackName(id string) string {
	_, rest, _ := strings.Cut(id, ":stack/")
	name, _, _ := strings.Cut(rest, "/")
	return name
}

// StackName is the name of the stack that the resource is in.
func (s Spec) StackName() string { return StackName(s.StackID) }

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
