package keyring

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// A User is the IAM user under the name of a spec.
type User struct {
	claim.Claim
	Fresh     bool      // created by this event, so without keys
	IsBounded bool      // has a permissions boundary
	Created   time.Time // by IAM's clock
}

// IsYoung reports whether IAM may not know the user everywhere.
func (u User) IsYoung() bool { return time.Since(u.Created) < awscall.Propagation }

// Admit refuses a user that is not ours.
func (u User) Admit(s spec.Spec) error {
	switch u.State {
	case claim.Foreign, claim.Elsewhere, claim.Released, claim.Leaving:
		return u.Taken("user "+s.UserName, "UserName")
	case claim.Absent, claim.Hidden, claim.Ours, claim.Adopted:
	}
	return nil
}

// admit is [User.Admit] for a set that is begun. In one that is in force a user who is not ours was lost: its name is given.
func (c Client) admit(u User) error {
	if err := u.Admit(c.spec); err == nil || !c.inForce {
		return err
	}
	return awscall.Again(fmt.Errorf("user %s: %s", c.spec.UserName, u.Lacks()))
}

// Look reads the user by its name alone. Where there is none it is the zero User.
func (c Client) Look(ctx context.Context) (User, error) {
	out, err := c.iam.GetUser(ctx, &iam.GetUserInput{UserName: &c.spec.UserName}, c.rightsAlone)
	if awscall.IsMissing(err) {
		return User{}, nil
	}
	if err != nil {
		return User{}, fmt.Errorf("user %s: %w", c.spec.UserName, awscall.Brief(err))
	}
	return User{
		Claim:     claim.Read(userTags(out.User.Tags), c.spec),
		IsBounded: out.User.PermissionsBoundary != nil,
		Created:   aws.ToTime(out.User.CreateDate),
	}, nil
}

// Bind has the user say which secret its keys go into. It may be repeated. A user that says another secret, of an earlier
// life, says this one then: the caller must know that the secret is ours.
func (c Client) Bind(ctx context.Context, secretARN string) error {
	u, err := c.Look(ctx)
	if err != nil || u.IsBoundTo(secretARN) {
		return err
	}
	_, err = c.iam.TagUser(ctx, &iam.TagUserInput{UserName: &c.spec.UserName, Tags: toUserTags(claim.Bound(secretARN))})
	if err != nil {
		return fmt.Errorf("tags of user %s: %w", c.spec.UserName, awscall.Brief(err))
	}
	c.patience.Changed()
	return nil
}

// Ensure creates the user if it is missing. The user has no login, group or
// policy: the bucket policy alone lets it in, and the boundary limits even that.
//
// A user that is found where the set is new was made by another delivery, or was deleted a moment ago
// and still shows: only CreateUser tells.
func (c Client) Ensure(ctx context.Context, isNew bool, found User) (User, error) {
	if found.Fresh || found.Exists() && !isNew {
		return found, nil
	}
	return c.Create(ctx)
}

// Create creates the user, or tells whose it is.
func (c Client) Create(ctx context.Context) (User, error) {
	c.spec.Replaces = spec.Counterpart{} // secret and bucket say that
	made := User{Claim: claim.Made(c.spec), Fresh: true, IsBounded: c.spec.BoundaryARN != "", Created: time.Now()}
	in := &iam.CreateUserInput{UserName: &c.spec.UserName, Path: &c.spec.IAMPath, Tags: toUserTags(made.Tags())}
	if c.spec.BoundaryARN != "" {
		in.PermissionsBoundary = &c.spec.BoundaryARN
	}
	c.making.Asked = true
	isThere := sync.OnceFunc(c.patience.Changed) // maybe since a moment ago
	return awscall.Repeat(ctx, c.patience, "IAM shows the user", func() (User, bool, error) {
		_, err := c.iam.CreateUser(ctx, in, c.rightsAlone)
		if awscall.IsCode(err, "EntityAlreadyExists", "EntityAlreadyExistsException") {
			isThere()
			return c.taken(ctx)
		}
		if err != nil {
			c.making.Fail(err)
			return User{}, false, fmt.Errorf("user %s: %w", c.spec.UserName, awscall.Brief(err))
		}
		isThere()
		c.making.Made = true
		c.log.Info("created", "user", c.spec.UserName)
		return made, false, nil
	})
}

// taken looks at a user of whom IAM says that it exists: of another delivery of this
// event, of a repeated call whose answer was lost, or of somebody. IAM may not show the user
// yet, or no more (L7).
func (c Client) taken(ctx context.Context) (found User, isLag bool, err error) {
	found, err = c.Look(ctx)
	if err == nil && !found.Exists() {
		return found, true, awscall.Again(fmt.Errorf("user %s: exists, and IAM does not show it: it is being deleted, or its name differs in case; "+
			"wait until it is gone%s", c.spec.UserName, c.orAnotherName()))
	}
	c.making.Refused = found.IsTaken()
	return found, false, errors.Join(err, c.admit(found))
}

// LacksBoundary reports whether the user has no permissions boundary where the provider has
// one. What CreateUser was asked for counts, so that it asks about a user who was found.
func (u User) LacksBoundary(s spec.Spec) bool {
	return s.BoundaryARN != "" && u.Exists() && !u.IsBounded
}

// ErrUnbounded says that a user has no permissions boundary.
var ErrUnbounded = errors.New("IAM shows no permissions boundary, and without one the user gets no key")

// CheckBoundary refuses a key to a user without a permissions boundary: somebody has taken it
// off, or has made the user. Everything could be granted to such a key. IAM is asked again, as
// somebody may have put it back; a user who is young it may not show as a whole yet (L4).
func (c Client) CheckBoundary(ctx context.Context, u User) error {
	if !u.LacksBoundary(c.spec) {
		return nil
	}
	now, err := awscall.Repeat(ctx, c.patience, "IAM shows the boundary of the user", func() (User, bool, error) {
		now, err := c.Look(ctx)
		return now, err == nil && !now.IsBounded && u.IsYoung(), err
	})
	if err != nil || now.IsBounded {
		return err
	}
	return awscall.Again(fmt.Errorf("user %s: %w; put it back: "+
		"aws iam put-user-permissions-boundary --user-name %s --permissions-boundary %s", c.spec.UserName, ErrUnbounded, c.spec.UserName, c.spec.BoundaryARN))
}

func userTags(tags []types.Tag) map[string]string {
	m := map[string]string{}
	for _, tag := range tags {
		m[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return m
}

func toUserTags(tags map[string]string) []types.Tag {
	var all []types.Tag
	for key, value := range tags {
		all = append(all, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	return all
}
