package awscall

import (
	"errors"
	"regexp"

	"github.com/aws/smithy-go"
)

// A Denial is what AWS says of a call that it has denied.
type Denial struct {
	Principal string // the caller, as an ARN
	Action    string // such as s3:PutObject
	Resource  string // or "" where AWS does not name it

	Policy     string // the kind of policy that decided, such as "service control policy"
	IsExplicit bool   // a statement of it denies the action; else none allows it
}

// denialMessage is that of "Troubleshoot access denied error messages" in the IAM User Guide. S3 puts the resource
// into quotes, and services go on with the ARN of the policy, or with nothing.
var denialMessage = regexp.MustCompile(`^User: (\S+) is not authorized to perform: ([\w-]+:\w+)(?: on (?:this resource|resource: "?([^"]*?)"?))? ` +
	`(because no|with an explicit deny in an?) ([A-Za-z][A-Za-z -]*?(?:policy|boundary))\b`)

// DenialOf reads the message of a denial. Not every service says which policy has decided, and the answer to a HEAD
// says nothing.
func DenialOf(err error) (is Denial, isSaid bool) {
	var api smithy.APIError
	if !IsDenied(err) || !errors.As(err, &api) {
		return Denial{}, false
	}
	found := denialMessage.FindStringSubmatch(api.ErrorMessage())
	if found == nil {
		return Denial{}, false
	}
	return Denial{Principal: found[1], Action: found[2], Resource: found[3], Policy: found[5], IsExplicit: found[4] != "because no"}, true
}

// Kinds of policies as AWS names them in a denial.
const (
	IdentityPolicy        = "identity-based policy"
	ResourcePolicy        = "resource-based policy"
	PermissionsBoundary   = "permissions boundary"
	SessionPolicy         = "session policy"
	ServiceControlPolicy  = "service control policy"
	ResourceControlPolicy = "resource control policy"
	EndpointPolicy        = "VPC endpoint policy"
)

// IsOfOrganization reports whether a policy of the organization, or of a network, has decided: none that anybody
// changes together with a stack.
func (d Denial) IsOfOrganization() bool {
	return d.Policy == ServiceControlPolicy || d.Policy == ResourceControlPolicy || d.Policy == EndpointPolicy
}

// isOfCaller reports whether a policy of the caller's own has decided.
func (d Denial) isOfCaller() bool {
	return d.Policy == IdentityPolicy || d.Policy == PermissionsBoundary || d.Policy == SessionPolicy
}
