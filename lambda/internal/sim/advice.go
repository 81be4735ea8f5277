package sim

import (
	"fmt"
	"regexp"
	"strings"
)

// Advice is what the Reason of a FAILED answer may not say, since nobody can do it there. The status is that of the stack
// while the event was under way. What CloudFormation does not say the function leaves open, with an "if".
//
// The facts are from the CloudFormation User Guide, Stack status codes, and the API Reference, DeleteStack and
// ContinueUpdateRollback: they stand in provision, at its situations.
func Advice(requestType, status, reason string) error {
	for _, rule := range adviceRules {
		if rule.when(requestType, status) && rule.text.MatchString(reason) && !(rule.isOpen && strings.Contains(reason, ", if it ")) {
			return fmt.Errorf("%s while the stack is in %s must not say %q: %s", requestType, status, rule.text.FindString(reason), reason)
		}
	}
	return nil
}

type adviceRule struct {
	when   func(requestType, status string) bool
	text   *regexp.Regexp
	isOpen bool // it may be said with an "if"
}

func isDelete(requestType, _ string) bool { return requestType == "Delete" }
func isOther(requestType, _ string) bool  { return requestType != "Delete" }
func isCleanup(requestType, status string) bool {
	return requestType == "Delete" && strings.HasSuffix(status, "CLEANUP_IN_PROGRESS")
}
func isDeletion(requestType, status string) bool {
	return requestType == "Delete" && status == "DELETE_IN_PROGRESS"
}
func isRollback(requestType, status string) bool {
	return requestType == "Update" && strings.HasSuffix(status, "ROLLBACK_IN_PROGRESS")
}
func isForward(requestType, status string) bool {
	return requestType == "Update" && status == "UPDATE_IN_PROGRESS"
}

var adviceRules = []adviceRule{
	{when: func(string, string) bool { return true }, text: regexp.MustCompile(`[;:,] (or )?(try|delete|update) again`)}, // how?
	{when: isOther, text: regexp.MustCompile(`--retain-resources|delete-stack|delete the stack`)},
	{when: isDelete, text: regexp.MustCompile(`update the stack|deploy again|continue-update-rollback|choose another`)},
	{when: isCleanup, text: regexp.MustCompile(`delete the stack|delete-stack|--retain-resources`), isOpen: true},
	{when: isDeletion, text: regexp.MustCompile(`add the resource|three times|set OnDelete`), isOpen: true},
	{when: isRollback, text: regexp.MustCompile(`update the stack again|deploy again|choose another`), isOpen: true},
	{when: isForward, text: regexp.MustCompile(`continue-update-rollback`), isOpen: true},
}
