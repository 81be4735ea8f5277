package spec

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	// PolicyID is the Id of a bucket policy that we were the first to write.
	PolicyID = "BucketUser"
	// SidPrefix starts the Sids of our statements in a bucket policy: those of [Sids], and
	// BucketUserStatement with a number and the Sid of the property Statements.
	SidPrefix = "BucketUser"
	// MaxPolicyBytes is S3's limit for a bucket policy.
	MaxPolicyBytes = 20 * 1024
)

// A Statement is one statement of the bucket policy.
type Statement struct {
	Sid       string
	Effect    string
	Principal any
	Action    StringList
	Resource  StringList
	Condition map[string]map[string]any `json:",omitempty"`
}

// A StringList is written as a policy is by hand: one string without brackets.
type StringList []string

// MarshalJSON writes one element as a string and several as an array.
func (l StringList) MarshalJSON() ([]byte, error) {
	if len(l) == 1 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]string(l))
}

// An ExtraStatement is one element of the property Statements.
type ExtraStatement struct {
	Sid       string
	Effect    string
	Action    StringList
	Resource  StringList
	Condition map[string]map[string]any
}

// Sids are those of our statements that do not come from the property Statements.
func Sids() []string {
	return []string{SidPrefix + "Bucket", SidPrefix + "Objects", SidPrefix + "Full", SidPrefix + "DenyInsecureTransport", SidDenyWrites}
}

// SidDenyWrites is that of [Spec.DenyWrites].
const SidDenyWrites = SidPrefix + "DenyWrites"

// DenyWrites is the statement that is in force while a Delete empties the bucket, and never in [Spec.Policy]. Parts of
// an upload and copies need s3:PutObject, too. Replication also writes delete markers.
func (s Spec) DenyWrites() Statement {
	return Statement{
		Sid: SidDenyWrites, Effect: "Deny", Principal: "*",
		Action:   StringList{"s3:PutObject", "s3:ReplicateObject", "s3:ReplicateDelete"},
		Resource: StringList{s.BucketARN() + "/*"}}
}

// UserARN returns the ARN of the user.
func (s Spec) UserARN() string {
	return fmt.Sprintf("arn:%s:iam::%s:user%s%s", s.Partition, s.Account, s.IAMPath, s.UserName)
}

// BucketARN returns the ARN of the bucket.
func (s Spec) BucketARN() string {
	return fmt.Sprintf("arn:%s:s3:::%s", s.Partition, s.BucketName)
}

// Policy returns our statements of the bucket policy. Access comes from here
// alone: the user has no policy of its own, so that the provider needs no right
// to write one.
func (s Spec) Policy() []Statement {
	user := map[string]string{"AWS": s.UserARN()}
	all := StringList{s.BucketARN(), s.BucketARN() + "/*"}
	var statements []Statement
	allow := func(sid string, actions []string, resources ...string) {
		statements = append(statements, Statement{
			Sid: SidPrefix + sid, Effect: "Allow", Principal: user, Action: actions, Resource: resources})
	}
	if s.Access == Full {
		allow("Full", []string{"s3:*"}, all...)
	} else {
		onBucket, onObjects := s.actions()
		// ListBucket has no condition on s3:prefix: a HEAD carries no prefix, and S3
		// answers 403 instead of 404 for a missing key to a caller who may not list.
		allow("Bucket", onBucket, s.BucketARN())
		allow("Objects", onObjects, s.BucketARN()+"/"+s.Prefix+"*")
	}
	if s.EnforceTls {
		statements = append(statements, Statement{
			Sid: SidPrefix + "DenyInsecureTransport", Effect: "Deny", Principal: "*",
			Action: StringList{"s3:*"}, Resource: all,
			Condition: map[string]map[string]any{"Bool": {"aws:SecureTransport": "false"}}})
	}
	for i, extra := range s.Statements {
		statements = append(statements, Statement{
			Sid: extraSid(i, extra), Effect: extra.Effect, Principal: user,
			Action: extra.Action, Resource: s.resources(extra), Condition: extra.Condition})
	}
	return statements
}

// extraSid is the Sid of a statement of the property Statements, by its index.
func extraSid(i int, extra ExtraStatement) string {
	return fmt.Sprintf("%sStatement%d%s", SidPrefix, i+1, extra.Sid)
}

// actions returns what ReadOnly and ReadWrite allow, each needed by a call that
// ClickHouse or clickhouse-backup makes.
func (s Spec) actions() (onBucket, onObjects []string) {
	onBucket = []string{"s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"}
	onObjects = []string{"s3:GetObject"}
	if s.IsVersioned() {
		onBucket = append(onBucket, "s3:ListBucketVersions")
		onObjects = append(onObjects, "s3:GetObjectVersion")
	}
	if s.Access == ReadOnly {
		return onBucket, onObjects
	}
	onBucket = append(onBucket, "s3:ListBucketMultipartUploads")
	onObjects = append(onObjects, "s3:PutObject", "s3:DeleteObject",
		"s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
	if s.IsVersioned() {
		onObjects = append(onObjects, "s3:DeleteObjectVersion")
	}
	return onBucket, onObjects
}

// resources returns the ARNs of a statement of the property Statements.
func (s Spec) resources(extra ExtraStatement) StringList {
	if len(extra.Resource) == 0 {
		return StringList{s.BucketARN(), s.BucketARN() + "/*"}
	}
	arns := make(StringList, len(extra.Resource))
	for i, resource := range extra.Resource {
		if strings.HasPrefix(resource, "/") {
			resource = s.BucketARN() + resource
		}
		arns[i] = resource
	}
	return arns
}

// PolicyJSON returns the bucket policy that holds our statements alone.
func (s Spec) PolicyJSON() []byte {
	document, err := json.Marshal(struct {
		Version   string
		Id        string
		Statement []Statement
	}{"2012-10-17", PolicyID, s.Policy()})
	if err != nil { // strings, maps and lists of strings: decoded from JSON, so they encode
		return nil
	}
	return document
}

// Service and name of an action are compared without regard to case, and "*" is every action: "IAM JSON
// policy elements: Action". A Sid of a bucket policy may have more than the letters and digits of
// IAM's: "Examples of Amazon S3 bucket policies" and "Controlling access from VPC endpoints with
// bucket policies" have spaces, dots and hyphens. Its length is our limit.
var (
	statementSid = regexp.MustCompile(`^[ -~]{0,128}$`)
	s3Action     = regexp.MustCompile(`(?i)^(s3:[a-z*?]+|\*)$`)
)

func (s *Spec) checkStatements() string {
	for i, extra := range s.Statements {
		if reason := s.checkStatement(extra); reason != "" {
			return fmt.Sprintf("statement %d: %s", i+1, reason)
		}
	}
	return ""
}

func (s *Spec) checkStatement(extra ExtraStatement) string {
	if !statementSid.MatchString(extra.Sid) {
		return "Sid must be at most 128 characters of printable ASCII"
	}
	if extra.Effect != "Allow" && extra.Effect != "Deny" {
		return "Effect must be Allow or Deny"
	}
	if len(extra.Action) == 0 {
		return "Action is missing"
	}
	for _, action := range extra.Action {
		if !s3Action.MatchString(action) {
			return fmt.Sprintf("Action %q is not an action of S3", action)
		}
	}
	for _, arn := range s.resources(extra) {
		if arn != s.BucketARN() && !strings.HasPrefix(arn, s.BucketARN()+"/") {
			return fmt.Sprintf("Resource %q is outside the bucket", arn)
		}
	}
	return checkCondition(extra.Condition)
}

// checkCondition accepts what IAM's grammar has: an operator, a key, and a value or a list of values.
// Quotation marks are optional for numbers and booleans ("Grammar of the IAM JSON policy language").
func checkCondition(condition map[string]map[string]any) string {
	for operator, keys := range condition {
		for key, value := range keys {
			values, isList := value.([]any)
			if !isList {
				values = []any{value}
			}
			if slices.ContainsFunc(values, isNoConditionValue) {
				return fmt.Sprintf("Condition %s %s must be a string, a number or a boolean, or a list of them", operator, key)
			}
		}
	}
	return ""
}

func isNoConditionValue(value any) bool {
	switch value.(type) {
	case string, bool, float64:
		return false
	}
	return true
}
