// Package spec turns the properties of a Custom::BucketUser resource into a
// [Spec]: every value decoded, checked and defaulted, every name known.
//
// It is a pure function of the event. It knows the rules that AWS has for names
// and policies, and nothing of clients, clocks or the account's state, so that
// the function, the construct and the documentation can share it.
//
// A property has one row in [Table]: its name, default, meaning, the field that
// receives it and the check that it must pass. What the bucket policy says is in
// policy.go, what the resource returns in values.go.
package spec

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Provider is what the function that serves the resource knows about itself.
type Provider struct {
	Partition string // "aws", "aws-cn", "aws-us-gov", …
	Region    string
	Account   string // 12 digits

	IAMPath     string // path of every user, "/bucketuser/" unless configured
	BoundaryARN string // permissions boundary of every user, or ""

	RotationFunctionARN string // of the function that rotates secrets on a schedule, or ""

	// Patterns of the names that the provider serves, in which "*" stands for any
	// characters or none. "" is any name.
	BucketNamePattern string
	SecretNamePattern string
}

// DefaultIAMPath is the IAM path of users when the provider names none.
const DefaultIAMPath = "/bucketuser/"

// A Spec is what must be true of the account for one resource. Its names are
// the effective ones: generated where the properties name none.
type Spec struct {
	Properties
	Provider

	StackID   string
	LogicalID string
	// PhysicalID is a pure function of the stack id, the logical id and the three
	// names as given. It is the value of [TagOwner] on what is ours.
	PhysicalID string

	// Sent is when CloudFormation sent the event, or zero if that is not known. It is
	// not part of the properties: whoever parses them sets it.
	Sent time.Time

	// Replaces is the set that the event replaces by this one, or zero. It is not part of the
	// properties either.
	Replaces Counterpart
}

// A Counterpart is the other set of a replacement.
type Counterpart struct {
	PhysicalID string
	SecretName string
	UserName   string
}

// Counterpart is the set of the spec, as the other set of its replacement names it.
func (s Spec) Counterpart() Counterpart { return Counterpart{s.PhysicalID, s.SecretName, s.UserName} }

// Parse decodes and checks properties, the ResourceProperties of an event from
// the given stack and logical id. Its error is [Faults] and names every property
// that is unknown, of the wrong kind, refused, or outside the provider's patterns.
func Parse(properties map[string]any, stackID, logicalID string, p Provider) (Spec, error) {
	s, faults := Read(properties, stackID, logicalID, p)
	if len(faults) > 0 {
		return Spec{}, faults
	}
	return s, nil
}

// Read is Parse by the grammar of every version: a value that an earlier one accepted is in the
// spec, and its fault is outdated. A property with any other fault holds its default.
func Read(properties map[string]any, stackID, logicalID string, p Provider) (Spec, Faults) {
	s, faults := parse(properties, stackID, logicalID, p)
	for _, fault := range s.Outside() {
		if !faults.Has(fault.Property) {
			faults = append(faults, fault)
		}
	}
	return s, faults
}

// parse is Read without regard to the provider's patterns.
func parse(properties map[string]any, stackID, logicalID string, p Provider) (Spec, Faults) {
	s := Spec{Provider: p, StackID: stackID, LogicalID: logicalID}
	var faults Faults
	s.Properties, faults = decode(properties)
	faults = append(s.checkOrigin(), faults...)
	s.identify()
	for _, row := range Table {
		if faults.Has(row.Name) { // it holds its default
			continue
		}
		if reason := row.check(&s); reason != "" {
			faults = append(faults, Fault{Property: row.Name, Reason: reason})
			continue
		}
		if later := laterChecks[row.Name]; later.check != nil {
			if reason := later.check(&s); reason != "" {
				faults = append(faults, Fault{row.Name, reason, true, later.isOfAWS})
			}
		}
	}
	if size := len(s.PolicyJSON()); len(faults.Final()) == 0 && size > MaxPolicyBytes {
		reason := fmt.Sprintf("make a bucket policy of %d bytes; S3 allows %d", size, MaxPolicyBytes)
		faults = append(faults, Fault{Property: "Statements", Reason: reason})
	}
	return s, faults
}

// ParseForDelete reads what a Delete needs and nothing else: an error says that
// the names do not parse, so that nothing can ever have been made from them. Any
// other value that does not parse takes its default, which never deletes more. Every value that
// an earlier version accepted parses.
//
// The provider's patterns are not asked: they may have been narrowed since the
// resource was made. See [Spec.Outside].
func ParseForDelete(properties map[string]any, stackID, logicalID string, p Provider) (Spec, error) {
	names := []string{"BucketName", "UserName", "SecretName"}
	kept := map[string]any{}
	for _, name := range append(names, "Prefix", "OnDelete", "SecretRecoveryDays", "AbortIncompleteUploadsAfterDays", "ExpireNoncurrentAfterDays", "Tags") {
		if value, ok := properties[name]; ok {
			kept[name] = value
		}
	}
	for {
		s, faults := parse(kept, stackID, logicalID, p)
		if faults = faults.Final(); len(faults) == 0 {
			return s, nil
		}
		for _, fault := range faults {
			if _, given := kept[fault.Property]; !given || slices.Contains(names, fault.Property) {
				return Spec{}, faults
			}
			delete(kept, fault.Property)
		}
	}
}

// A Fault is one reason to refuse the properties.
type Fault struct {
	Property string
	Reason   string

	// WasAccepted says that an earlier version accepted the value: see outdated.go.
	WasAccepted bool
	// IsOfAWS says of such a value that AWS refuses it as well. No version has made anything with it.
	IsOfAWS bool
}

// Faults are all the reasons to refuse one set of properties, in a stable order.
type Faults []Fault

// Error names every property at fault, with the reason.
func (f Faults) Error() string {
	parts := make([]string, len(f))
	for i, fault := range f {
		parts[i] = fault.Property + ": " + fault.Reason
	}
	return strings.Join(parts, "; ")
}

// Has reports whether a property is at fault.
func (f Faults) Has(property string) bool {
	return slices.ContainsFunc(f, func(fault Fault) bool { return fault.Property == property })
}
