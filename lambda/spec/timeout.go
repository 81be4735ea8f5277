package spec

import (
	"fmt"
	"strconv"
	"time"
)

// FunctionTimeout is how long one run of the function may take: the longest that Lambda gives.
const FunctionTimeout = 15 * time.Minute

// maxServiceTimeout is the longest that CloudFormation waits for the answer to an event, and its default: "ServiceTimeout" of
// AWS::CloudFormation::CustomResource, from 1 to 3600 seconds.
const maxServiceTimeout = time.Hour

// ServiceTimeout is how long CloudFormation waits for the answer to an event with these properties. It is
// CloudFormation's own property, as text or as a number. A value that CloudFormation takes none by counts as its default.
func ServiceTimeout(properties map[string]any) time.Duration {
	seconds, err := strconv.Atoi(fmt.Sprint(properties["ServiceTimeout"]))
	if err != nil || seconds < 1 || seconds > int(maxServiceTimeout.Seconds()) {
		return maxServiceTimeout
	}
	return time.Duration(seconds) * time.Second
}
