package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

const (
	// rolePropagation is how long a role that was just deployed may be refused: aws-cdk#37878.
	rolePropagation = 30 * time.Second

	// readPropagation is how long IAM may go on reading an older state after a write.
	readPropagation = 10 * time.Second
)

// roleHasRights is what a patient look waits for.
const roleHasRights = "the role has its rights"

// user is the IAM user under the name of a spec.
type user struct {
	claim.Claim
	fresh bool // created by this event, so without keys
}

// admit refuses a user that is not ours.
func (u user) admit(s spec.Spec) error {
	switch u.State {
	case claim.Foreign, claim.Elsewhere, claim.Released, claim.Leaving:
		return fmt.Errorf("user %s: exists in this account and does not belong to this resource; choose another UserName", s.UserName)
	case claim.Absent, claim.Ours, claim.Adopted:
	}
	return nil
}

// untilRoleHasRights serves the looks. A patient one repeats refusals, as the role may be so
// fresh that it has no rights yet.
func (r *run) untilRoleHasRights(ctx context.Context, patient bool) aws.Retryer {
	return r.patience.Until(ctx, roleHasRights, rolePropagation, func(err error) bool { return patient && awscall.IsDenied(err) })
}

// lookUser reads the user by its name alone.
func (r *run) lookUser(ctx context.Context, s spec.Spec, patient bool) (user, error) {
	return r.getUser(ctx, s, r.untilRoleHasRights(ctx, patient))
}

func (r *run) getUser(ctx context.Context, s spec.Spec, retryer aws.Retryer) (user, error) {
	out, err := r.iam.GetUser(ctx, &iam.GetUserInput{UserName: &s.UserName},
		func(o *iam.Options) { o.Retryer = retryer })
	if awscall.IsMissing(err) {
		return user{}, nil
	}
	if err != nil {
		return user{}, fmt.Errorf("user %s: %w", s.UserName, awscall.Brief(err))
	}
	return user{Claim: claim.Read(userTags(out.User.Tags), s)}, nil
}

// ensureUser creates the user if it is missing. The user has no login, group or
// policy: the bucket policy alone lets it in, and the boundary limits even that.
func (r *run) ensureUser(ctx context.Context, s spec.Spec, found user) (user, error) {
	if found.Exists() {
		return found, nil
	}
	made := user{Claim: claim.Made(s), fresh: true}
	in := &iam.CreateUserInput{UserName: &s.UserName, Path: &s.IAMPath}
	if s.BoundaryARN != "" {
		in.PermissionsBoundary = &s.BoundaryARN
	}
	for key, value := range made.Tags() {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	_, err := r.iam.CreateUser(ctx, in)
	if awscall.IsCode(err, "EntityAlreadyExists", "EntityAlreadyExistsException") {
		// Another delivery of this event, or a repeated call whose answer was lost.
		found, err = r.lookUser(ctx, s, patient)
		return found, errors.Join(err, found.admit(s))
	}
	if err != nil {
		return user{}, fmt.Errorf("user %s: %w", s.UserName, awscall.Brief(err))
	}
	r.log.Info("created", "user", s.UserName)
	return made, nil
}

// removeUser deletes the keys and then the user, which must be ours. A key that
// another event makes in between shows as DeleteConflict: then the keys go again.
func (r *run) removeUser(ctx context.Context, s spec.Spec) error {
	const rounds = 5
	for round := 1; ; round++ {
		if _, err := r.sweepKeys(ctx, s, ""); err != nil {
			return err
		}
		_, err := r.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &s.UserName})
		if err == nil || awscall.IsMissing(err) {
			r.log.Info("removed", "user", s.UserName)
			return nil
		}
		if !awscall.IsCode(err, "DeleteConflict", "DeleteConflictException") {
			return fmt.Errorf("user %s: %w", s.UserName, awscall.Brief(err))
		}
		if round == rounds {
			return fmt.Errorf("user %s: remove what was attached to it by hand (policies, groups, login, MFA) and delete again: %w",
				s.UserName, awscall.Brief(err))
		}
	}
}

func userTags(tags []types.Tag) map[string]string {
	m := map[string]string{}
	for _, tag := range tags {
		m[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return m
}
