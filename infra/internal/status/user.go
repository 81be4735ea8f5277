package status

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/lambda/claim"
)

// ofUser tells of the user: there, of this resource, and limited by a permissions boundary.
func ofUser(f facts) []Finding {
	name := f.spec.UserName
	switch {
	case f.user.err != nil:
		return []Finding{f.unknown("user", f.user.err)}
	case f.user.isNone:
		return []Finding{f.repair(Finding{Check: "user", State: Fault, What: "user " + name + " is gone"})}
	}
	tags := f.ofTags("userTags", "user "+name, f.userClaim(), f.tagUser)
	var found []Finding
	if is := aws.ToString(f.user.value.Arn); is != f.spec.UserARN() {
		found = append(found, Finding{Check: "user", State: Fault, What: fmt.Sprintf("user %s is %s by now: the provider's role reaches it no more", name, plain(is)),
			Todo: "move it back", Commands: []string{fmt.Sprintf("aws iam update-user --user-name %s --new-path %s", quoted(name), quoted(f.spec.IAMPath))}})
	}
	if f.isUserAnew() {
		found = append(found, f.ofNewUser())
		tags[0].Todo, tags[0].Commands = "", nil // with them it would not be the resource's own
	}
	if len(found) == 0 {
		found = []Finding{{Check: "user", State: OK, What: "user " + name + " is there"}}
	}
	return append(append(found, tags...), f.ofBoundary())
}

// isUserAnew reports whether somebody has deleted the user and made another of its name: what names it is older.
func (f facts) isUserAnew() bool {
	_, isListed := f.listed(f.keyID())
	return f.value.isThere() && f.keyID() != "" && f.keys.err == nil && !isListed && aws.ToTime(f.user.value.CreateDate).After(f.value.value.created)
}

// ofNewUser says how to get the resource's own user back. S3 takes another user of the same name for another principal.
func (f facts) ofNewUser() Finding {
	name := quoted(f.spec.UserName)
	found := f.repair(Finding{Check: "user", State: Fault, What: fmt.Sprintf("user %s was made again, %s ago: the one of this resource was deleted, with its keys",
		f.spec.UserName, f.ago(aws.ToTime(f.user.value.CreateDate)))})
	found.Todo = "delete it, with its keys and all that hangs on it, and then " + found.Todo
	var first []string
	for _, key := range f.keys.value {
		first = append(first, fmt.Sprintf("aws iam delete-access-key --user-name %s --access-key-id %s", name, quoted(aws.ToString(key.AccessKeyId))))
	}
	found.Commands = append(append(first, "aws iam delete-user --user-name "+name), found.Commands...)
	return found
}

func (f facts) ofBoundary() Finding {
	if b := f.user.value.PermissionsBoundary; b != nil {
		return Finding{Check: "boundary", State: OK, What: "user " + f.spec.UserName + " has the permissions boundary " + plain(aws.ToString(b.PermissionsBoundaryArn))}
	}
	return Finding{Check: "boundary", State: Fault, What: "user " + f.spec.UserName + " has no permissions boundary: somebody took it off, and it gets no new key",
		Todo:     "put back that of the provider, which is a managed policy of its stack: the log of the function names it with the next update",
		Commands: []string{"aws iam put-user-permissions-boundary --user-name " + quoted(f.spec.UserName) + " --permissions-boundary <ARN>"}}
}

// bucketClaim is whose the bucket is.
func (f facts) bucketClaim() claim.Claim { return claim.Read(f.tags.value, f.spec) }
