package keyring

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"bucketuser/lambda/internal/awscall"
)

// Remove deletes the keys, unless they are gone, and then the user, which must be ours. A key that another event
// makes in between, or that IAM still counts, shows as DeleteConflict: then the keys go again.
func (c Client) Remove(ctx context.Context, u User, isKeyless bool) error {
	c.patience.Changed()
	isGone := sync.OnceFunc(c.patience.Changed) // maybe a moment ago, and by another delivery
	isAgain := false
	_, err := awscall.Repeat(ctx, c.patience, "IAM lets go of the user", func() (struct{}, bool, error) {
		if isAgain {
			isOthers, err := c.isOthers(ctx, u)
			if isOthers || err != nil {
				return struct{}{}, false, err
			}
		}
		err := c.tryRemove(ctx, isKeyless && !isAgain)
		isAgain = true
		switch {
		case err == nil, awscall.IsMissing(err) && !u.IsYoung():
			return struct{}{}, false, nil
		case awscall.IsMissing(err), awscall.IsDenied(err):
			isGone()
			isLag, left := c.isLeft(ctx, u, err)
			return struct{}{}, isLag && !awscall.IsFinalDenial(left), left
		}
		return struct{}{}, isConflict(err), err
	})
	if err == nil {
		c.log.Info("removed", "user", c.spec.UserName)
	}
	return err
}

// isOthers reports whether the name is somebody else's by now: the user that was to be removed
// is gone then.
func (c Client) isOthers(ctx context.Context, u User) (bool, error) {
	now, err := c.Look(ctx)
	return now.Exists() && (!now.IsOurs() || !now.Created.Equal(u.Created)), err
}

// tryRemove deletes the keys and the user once.
func (c Client) tryRemove(ctx context.Context, isKeyless bool) error {
	if !isKeyless {
		if err := c.RemoveAll(ctx); err != nil {
			return err
		}
	}
	_, err := c.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &c.spec.UserName}, hasty)
	switch {
	case err == nil:
		return nil
	case isConflict(err):
		return awscall.Again(fmt.Errorf("user %s: remove what was attached to it by hand (policies, groups, login, MFA): %w",
			c.spec.UserName, awscall.Brief(err)))
	}
	return fmt.Errorf("user %s: %w", c.spec.UserName, awscall.Brief(err))
}

// isConflict reports whether IAM counts something that belongs to the user.
func isConflict(err error) bool {
	return awscall.IsCode(err, "DeleteConflict", "DeleteConflictException")
}

// isLeft looks at a user whom IAM did not know, or who is out of the role's path (L3). It
// is gone if IAM does not show it either, and has known it for long.
func (c Client) isLeft(ctx context.Context, u User, refusal error) (isLag bool, err error) {
	now, err := c.Look(ctx)
	switch {
	case err != nil:
		return false, err
	case now.Exists():
		return true, refusal
	}
	return u.IsYoung(), nil
}
