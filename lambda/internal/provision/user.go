package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"bucketuser/lambda/spec"
)

// readPropagation is how long IAM may go on reading an older state after a write.
const readPropagation = 10 * time.Second

// user is the IAM user under the name of a spec.
type user struct {
	exists bool
	fresh  bool // created by this event, so without keys
	tags   map[string]string
}

func (u user) owned(s spec.Spec) bool { return u.exists && isOurs(u.tags, s) }

// admit refuses a user that is not ours.
func (u user) admit(s spec.Spec) error {
	if u.exists && !u.owned(s) {
		return fmt.Errorf("user %s: exists in this account and does not belong to this resource; choose another UserName", s.UserName)
	}
	return nil
}

// lookUser reads the user by its name alone. While a set is created, the role may
// be so fresh that it is not allowed anything yet.
func (p *Provisioner) lookUser(ctx context.Context, s spec.Spec, creating bool) (user, error) {
	again := func(err error) bool { return creating && isDenied(err) }
	return p.getUser(ctx, s, patient(ctx, rolePropagation, again))
}

func (p *Provisioner) getUser(ctx context.Context, s spec.Spec, retryer aws.Retryer) (user, error) {
	out, err := p.iam.GetUser(ctx, &iam.GetUserInput{UserName: &s.UserName},
		func(o *iam.Options) { o.Retryer = retryer })
	if isMissing(err) {
		return user{}, nil
	}
	if err != nil {
		return user{}, fmt.Errorf("user %s: %w", s.UserName, brief(err))
	}
	return user{exists: true, tags: userTags(out.User.Tags)}, nil
}

// ensureUser creates the user if it is missing. The user has no login, group or
// policy: the bucket policy alone lets it in, and the boundary limits even that.
func (p *Provisioner) ensureUser(ctx context.Context, s spec.Spec, found user) (user, error) {
	if found.exists {
		return found, nil
	}
	in := &iam.CreateUserInput{UserName: &s.UserName, Path: &s.IAMPath}
	if s.BoundaryARN != "" {
		in.PermissionsBoundary = &s.BoundaryARN
	}
	for key, value := range s.AllTags() {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	_, err := p.iam.CreateUser(ctx, in)
	if isCode(err, "EntityAlreadyExists", "EntityAlreadyExistsException") {
		// Another delivery of this event, or a repeated call whose answer was lost.
		found, err = p.lookUser(ctx, s, true)
		return found, errors.Join(err, found.admit(s))
	}
	if err != nil {
		return user{}, fmt.Errorf("user %s: %w", s.UserName, brief(err))
	}
	return user{exists: true, fresh: true, tags: s.AllTags()}, nil
}

// removeUser deletes the keys and then the user, which must be ours. A key that
// another event makes in between shows as DeleteConflict: then the keys go again.
func (p *Provisioner) removeUser(ctx context.Context, s spec.Spec) error {
	const rounds = 5
	for round := 1; ; round++ {
		if _, err := p.sweepKeys(ctx, s, ""); err != nil {
			return err
		}
		_, err := p.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &s.UserName})
		if err == nil || isMissing(err) {
			return nil
		}
		if !isCode(err, "DeleteConflict", "DeleteConflictException") {
			return fmt.Errorf("user %s: %w", s.UserName, brief(err))
		}
		if round == rounds {
			return fmt.Errorf("user %s: remove what was attached to it by hand (policies, groups, login, MFA) and delete again: %w",
				s.UserName, brief(err))
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
