package spec

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// A value that an earlier version accepted and this one refuses is outdated. A resource may have it,
// which is served as it is: an event that leaves the value, and a rollback that brings it back, must
// go through, and a Delete must find what was made with it. So it is refused only where it is new.

// laterChecks are the checks that a version before this one did not make. They come after those of
// [Table], which every version has made.
var laterChecks = map[string]laterCheck{
	"BucketName":     {(*Spec).checkNamespace, true},
	"Prefix":         {func(s *Spec) string { return s.patternIn(true) }, false},
	"Statements":     {(*Spec).checkScopes, true},
	"SecretKmsKeyId": {(*Spec).checkManagedKey, true},
}

type laterCheck struct {
	check   func(*Spec) string // the reason to refuse the value, or ""
	isOfAWS bool               // of every fault that it finds
}

// Final are the faults of values that no version accepted.
func (f Faults) Final() Faults {
	return f.where(func(fault Fault) bool { return !fault.WasAccepted })
}

// Outdated are the faults of values that an earlier version accepted.
func (f Faults) Outdated() Faults {
	return f.where(func(fault Fault) bool { return fault.WasAccepted })
}

// AtSynthesis tells the faults that are refused before anything is deployed from those of values that a
// deployed resource may have.
func (f Faults) AtSynthesis() (refused, outdated Faults) {
	isDeployed := func(fault Fault) bool { return fault.WasAccepted && !fault.IsOfAWS }
	return f.where(func(fault Fault) bool { return !isDeployed(fault) }), f.where(isDeployed)
}

// New are the faults of the properties of s that have another value in old.
func (f Faults) New(s, old Spec) Faults {
	return f.where(func(fault Fault) bool {
		return !slices.ContainsFunc(Table, func(row Property) bool {
			return row.Name == fault.Property && reflect.DeepEqual(row.field(&s.Properties), row.field(&old.Properties))
		})
	})
}

func (f Faults) where(is func(Fault) bool) Faults {
	return slices.DeleteFunc(slices.Clone(f), func(fault Fault) bool { return !is(fault) })
}

// A Pattern is text that something reads as more than itself where it stands in a prefix.
type Pattern struct {
	Text string
	// Reader says what reads it, and as what.
	Reader string
	// WasAccepted says that an earlier version accepted a prefix with it.
	WasAccepted bool
}

// Patterns are all that a prefix must not contain. One that a version has accepted stays marked so
// for ever; the others are refused by every version.
//
// In a policy "*", "?" and "${" would widen the statement that names the prefix. ClickHouse makes a
// regular expression of a path, after it has taken the braces for alternatives: its s3() finds
// nothing below an anchor.
var Patterns = []Pattern{
	{"${", "IAM reads it as a policy variable", false},
	{"*", "IAM and ClickHouse read it as a pattern", false},
	{"?", "IAM and ClickHouse read it as a pattern", false},
	{"{", "ClickHouse reads it as a pattern", true},
	{"}", "ClickHouse reads it as a pattern", true},
	{"^", "ClickHouse reads it as an anchor of a pattern", true},
	{"$", "ClickHouse reads it as an anchor of a pattern", true},
}

// patternIn is the reason to refuse the prefix for the first pattern in it, or "": of those that an
// earlier version accepted, or of the others.
func (s *Spec) patternIn(wasAccepted bool) string {
	for _, pattern := range Patterns {
		if pattern.WasAccepted == wasAccepted && strings.Contains(s.Prefix, pattern.Text) {
			return fmt.Sprintf("must not contain %q: %s", pattern.Text, pattern.Reader)
		}
	}
	return ""
}

// accountRegional ends the name of a bucket in an account regional namespace ("General purpose bucket
// naming rules" in the S3 user guide). CreateBucket makes one only if it is asked for that namespace.
const accountRegional = "-an"

// IsAccountRegional reports whether the bucket has a name that CreateBucket refuses, so that it can
// only be taken over.
func (s Spec) IsAccountRegional() bool { return strings.HasSuffix(s.BucketName, accountRegional) }

// checkNamespace lets a name pass that is taken over, which takes Retain: others may have made it.
func (s *Spec) checkNamespace() string {
	if !s.IsAccountRegional() || s.OnDelete == Retain {
		return ""
	}
	return fmt.Sprintf("must not end with %q, which S3 reserves for buckets of an account regional namespace; "+
		"one that exists can be taken over, with OnDelete %s", accountRegional, Retain)
}

// managedKey is an alias of a key that AWS manages for a service, by its name or its ARN. Nobody else
// can use the key: "AWS managed keys" in the KMS developer guide.
var managedKey = regexp.MustCompile(`^(?:arn:.*:)?alias/aws/(.*)$`)

func (s *Spec) checkManagedKey() string {
	if m := managedKey.FindStringSubmatch(s.SecretKmsKeyId); m != nil && m[1] != "secretsmanager" {
		return fmt.Sprintf("must not be the key that AWS manages for %s: no other service may use it", m[1])
	}
	return ""
}
