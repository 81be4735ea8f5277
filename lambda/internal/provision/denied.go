package provision

import (
	"context"
	"fmt"
	"strings"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/bucket"
	"bucketuser/lambda/spec"
)

// missing says which right a denied call of the provider's role lacks, and who can give it: AWS names the action, the
// resource and the kind of policy that has decided. It is "" for every other error, and for a refusal of the user.
func (r *run) missing(ctx context.Context, s spec.Spec, err error) string {
	is, isSaid := awscall.DenialOf(err)
	if !isSaid || !strings.Contains(is.Principal, ":assumed-role/") || len(s.Outside()) > 0 { // the names are the reason then
		return ""
	}
	if strings.HasPrefix(is.Action, "kms:") { // the error names the key and what helps: see package secret
		return ""
	}
	what := "the role of the provider lacks " + is.Action
	if is.Resource != "" {
		what += " on " + is.Resource
	}
	switch is.Policy {
	case awscall.IdentityPolicy:
		if is.IsExplicit {
			return what + ": a policy that is attached to it denies that; change the policy"
		}
		return what + ": give it to the role, as the latest template of the provider does"
	case awscall.PermissionsBoundary:
		return what + ": the permissions boundary of the role has to allow it"
	case awscall.ServiceControlPolicy, awscall.ResourceControlPolicy:
		return what + ": a " + is.Policy + " of the organization has to allow it"
	case awscall.EndpointPolicy:
		return what + ": the policy of the VPC endpoint has to allow it"
	case awscall.ResourcePolicy:
		return what + ": " + r.byStatement(ctx, s, is)
	}
	return what + ": its " + is.Policy + " has to allow it"
}

// byStatement names the statements that may have denied an action on a bucket or a secret.
func (r *run) byStatement(ctx context.Context, s spec.Spec, is awscall.Denial) string {
	if !strings.HasPrefix(is.Action, "s3:") {
		return "a policy of the resource denies that; change the policy"
	}
	found, err := r.bucketOf(s).Denying(ctx, is)
	if err != nil || len(found) == 0 {
		return "a statement of the bucket policy denies that; change the statement"
	}
	return namesOf(found) + " denies that; change the statement"
}

// namesOf names statements with what their Conditions are on.
func namesOf(all []bucket.Denying) string {
	var texts []string
	for _, one := range all {
		text := one.Name
		if len(one.Keys) > 0 {
			text += " with a Condition on " + strings.Join(one.Keys, ", ")
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ", or ")
}

// whyRefused says which statement keeps a new key from what Access promises, and what to do. is is what AWS says of
// the refusal, or what was asked for where AWS says nothing.
func (r *run) whyRefused(ctx context.Context, s spec.Spec, is awscall.Denial) string {
	if strings.HasPrefix(is.Action, "kms:") {
		return fmt.Sprintf("bucket %s encrypts with SSE-KMS by default, and the user may use no KMS key: set its default encryption to SSE-S3", s.BucketName)
	}
	switch {
	case is.IsOfOrganization():
		return "a " + is.Policy + " denies it to the user: have its owner allow it. If it denies it to the function alone, set VerifyCredentials to false"
	case is.Policy == awscall.PermissionsBoundary:
		return "the permissions boundary of the user denies it: have it allow that"
	case is.Policy != "" && !is.IsExplicit: // nothing denies it, and the policy that allows it is not in force
		return ""
	}
	found, err := r.bucketOf(s).Denying(ctx, is)
	if err != nil || len(found) == 0 {
		return "no statement of the bucket policy is seen to deny it, so a policy of the organization may: have its administrators allow it"
	}
	for _, one := range found {
		if keys := one.PlaceKeys(); len(keys) > 0 {
			return fmt.Sprintf("%s denies it with a Condition on %s, which depends on where the call comes from: "+
				"set VerifyCredentials to false if the user's own clients are let in, or change the Condition", one.Name, strings.Join(keys, ", "))
		}
	}
	return namesOf(found) + " denies it: change that statement"
}
