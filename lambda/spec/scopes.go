package spec

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// S3 takes a policy only if each action of a statement applies to one of its resources, and so do its
// conditions: "Action does not apply to any resource(s) in statement". What an action applies to is in
// the Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3". An action
// that is not known here, or a pattern of actions, passes.
var (
	objectAction  = regexp.MustCompile(`(?i)^s3:((get|put|delete|restore)object[a-z]*|abortmultipartupload|listmultipartuploadparts)$`)
	bucketAction  = regexp.MustCompile(`(?i)^s3:((get|put|delete)bucket[a-z]*|list(bucket|bucketversions|bucketmultipartuploads))$`)
	listingKey    = regexp.MustCompile(`(?i)^s3:(prefix|delimiter|max-keys)$`)
	listingAction = regexp.MustCompile(`(?i)[*?]|^s3:listbucket(versions)?$`)
)

// checkScopes refuses statements that S3 takes none by one, or not together.
func (s *Spec) checkScopes() string {
	sids := map[string]int{}
	for i, extra := range s.Statements {
		if reason := s.checkScope(extra); reason != "" {
			return fmt.Sprintf("statement %d: %s", i+1, reason)
		}
		sid := extraSid(i, extra)
		if other, isTaken := sids[sid]; isTaken { // S3: Statement IDs (SID) in a single policy must be unique
			return fmt.Sprintf("statement %d: has the Sid %s in the policy, as statement %d; give either another Sid", i+1, sid, other)
		}
		sids[sid] = i + 1
	}
	return ""
}

func (s *Spec) checkScope(extra ExtraStatement) string {
	resources := s.resources(extra)
	onBucket := slices.Contains(resources, s.BucketARN())
	onObjects := slices.ContainsFunc(resources, func(arn string) bool { return strings.HasPrefix(arn, s.BucketARN()+"/") })
	for _, action := range extra.Action {
		switch {
		case objectAction.MatchString(action) && !onObjects:
			return fmt.Sprintf("Action %q is about objects, and no Resource is", action)
		case bucketAction.MatchString(action) && !onBucket:
			return fmt.Sprintf("Action %q is about the bucket, which is not among its Resources", action)
		case extra.hasListingKey() && !listingAction.MatchString(action):
			return fmt.Sprintf("Action %q lists no objects, and its Condition is about a listing", action)
		}
	}
	return ""
}

// hasListingKey reports whether a condition asks for what only a listing has.
func (extra ExtraStatement) hasListingKey() bool {
	for _, keys := range extra.Condition {
		for key := range keys {
			if listingKey.MatchString(key) {
				return true
			}
		}
	}
	return false
}
