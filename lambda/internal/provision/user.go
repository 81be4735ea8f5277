package provision

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

// user is the IAM user under the name of a spec.
type user struct {
	claim.Claim
	fresh     bool      // created by this event, so without keys
	isBounded bool      // has a permissions boundary
	created   time.Time // by IAM's clock
	arn       string    // of a user that was found
}

// isYoung reports whether IAM may not know the user everywhere.
func (u user) isYoung() bool { return time.Since(u.created) < awscall.Propagation }

// admit refuses a user that is not ours.
func (u user) admit(s spec.Spec) error {
	switch u.State {
	case claim.Foreign, claim.Elsewhere, claim.Released, claim.Leaving:
		return u.Taken("user "+s.UserName, "UserName")
	case claim.Absent, claim.Hidden, claim.Ours, claim.Adopted:
	}
	return nil
}

// admitUser is [user.admit]. In a set that is in force a user who is not ours was lost: its name is given.
func (r *run) admitUser(s spec.Spec, u user) error {
	if err := u.admit(s); err == nil || r.op.isNew() {
		return err
	}
	return awscall.Again(fmt.Errorf("user %s: %s", s.UserName, u.Lacks()))
}

// orAnother is what a message about a name of a new set ends with.
func (r *run) orAnother(property string) string {
	if r.op.isNew() {
		return ", or choose another " + property
	}
	return ""
}

// looking serves a look at the name of a property.
func (r *run) looking(s spec.Spec, property string) aws.Retryer {
	return r.patience.Looking(s.Outside().Has(property))
}

// rightsAlone serves calls of IAM on a user who may not exist.
func (r *run) rightsAlone(o *iam.Options) { o.Retryer = r.patience.Retryer(awscall.LateRights) }

// unlessOutOfPath serves the deletion of keys, to which "no such key" is an answer.
func (r *run) unlessOutOfPath(o *iam.Options) {
	o.Retryer = r.patience.Retryer(awscall.LateRights, awscall.OutOfPath)
}

// hasty serves calls of IAM whose caller looks at the user before it repeats them.
func hasty(o *iam.Options) { o.Retryer = awscall.Standard() }

// lookUser reads the user by its name alone.
func (r *run) lookUser(ctx context.Context, s spec.Spec) (user, error) {
	out, err := r.iam.GetUser(ctx, &iam.GetUserInput{UserName: &s.UserName}, r.rightsAlone)
	if awscall.IsMissing(err) {
		return user{}, nil
	}
	if err != nil {
		return user{}, fmt.Errorf("user %s: %w", s.UserName, awscall.Brief(err))
	}
	return user{
		Claim:     claim.Read(userTags(out.User.Tags), s),
		isBounded: out.User.PermissionsBoundary != nil,
		created:   aws.ToTime(out.User.CreateDate),
		arn:       aws.ToString(out.User.Arn),
	}, nil
}

// ensureUser creates the user if it is missing. The user has no login, group or
// policy: the bucket policy alone lets it in, and the boundary limits even that.
//
// A user that a Create finds was made by another delivery, or was deleted a moment ago and
// still shows: only CreateUser tells.
func (r *run) ensureUser(ctx context.Context, op operation, found user) (user, error) {
	if found.fresh || found.Exists() && !op.isNew() {
		return found, nil
	}
	return r.createUser(ctx, op.spec)
}

// createUser creates the user, or tells whose it is.
func (r *run) createUser(ctx context.Context, s spec.Spec) (user, error) {
	s.Replaces = spec.Counterpart{} // secret and bucket say that
	made := user{Claim: claim.Made(s), fresh: true, isBounded: s.BoundaryARN != "", created: time.Now()}
	in := &iam.CreateUserInput{UserName: &s.UserName, Path: &s.IAMPath}
	if s.BoundaryARN != "" {
		in.PermissionsBoundary = &s.BoundaryARN
	}
	for key, value := range made.Tags() {
		in.Tags = append(in.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	r.making.user.Asked = true
	isThere := sync.OnceFunc(r.patience.Changed) // maybe since a moment ago
	return awscall.Repeat(ctx, r.patience, "IAM shows the user", func() (user, bool, error) {
		_, err := r.iam.CreateUser(ctx, in, r.rightsAlone)
		if awscall.IsCode(err, "EntityAlreadyExists", "EntityAlreadyExistsException") {
			isThere()
			return r.takenUser(ctx, s)
		}
		if err != nil {
			r.making.user.Fail(err)
			return user{}, false, fmt.Errorf("user %s: %w", s.UserName, awscall.Brief(err))
		}
		isThere()
		r.making.user.Made = true
		r.log.Info("created", "user", s.UserName)
		return made, false, nil
	})
}

// takenUser looks at a user of whom IAM says that it exists: of another delivery of this
// event, of a repeated call whose answer was lost, or of somebody. IAM may not show the user
// yet, or no more (L7).
func (r *run) takenUser(ctx context.Context, s spec.Spec) (found user, isLag bool, err error) {
	found, err = r.lookUser(ctx, s)
	if err == nil && !found.Exists() {
		return found, true, awscall.Again(fmt.Errorf("user %s: exists, and IAM does not show it: it is being deleted, or its name differs in case; "+
			"wait until it is gone%s", s.UserName, r.orAnother("UserName")))
	}
	r.making.user.Refused = found.IsTaken()
	return found, false, errors.Join(err, r.admitUser(s, found))
}

// lacksBoundary reports whether the user has no permissions boundary where the provider has
// one. What CreateUser was asked for counts, so that it asks about a user who was found.
func (u user) lacksBoundary(s spec.Spec) bool {
	return s.BoundaryARN != "" && u.Exists() && !u.isBounded
}

// errUnbounded says that a user has no permissions boundary.
var errUnbounded = errors.New("IAM shows no permissions boundary, and without one the user gets no key")

// checkBoundary refuses a key to a user without a permissions boundary: somebody has taken it
// off, or has made the user. Everything could be granted to such a key. IAM is asked again, as
// somebody may have put it back; a user who is young it may not show as a whole yet (L4).
func (r *run) checkBoundary(ctx context.Context, s spec.Spec, u user) error {
	if !u.lacksBoundary(s) {
		return nil
	}
	now, err := awscall.Repeat(ctx, r.patience, "IAM shows the boundary of the user", func() (user, bool, error) {
		now, err := r.lookUser(ctx, s)
		return now, err == nil && !now.isBounded && u.isYoung(), err
	})
	if err != nil || now.isBounded {
		return err
	}
	return awscall.Again(fmt.Errorf("user %s: %w; put it back: "+
		"aws iam put-user-permissions-boundary --user-name %s --permissions-boundary %s", s.UserName, errUnbounded, s.UserName, s.BoundaryARN))
}

// removeUser deletes the keys and then the user, which must be ours. A key that another event
// makes in between, or that IAM still counts, shows as DeleteConflict: then the keys go again.
func (r *run) removeUser(ctx context.Context, s spec.Spec, u user) error {
	r.patience.Changed()
	isGone := sync.OnceFunc(r.patience.Changed) // maybe a moment ago, and by another delivery
	isAgain := false
	_, err := awscall.Repeat(ctx, r.patience, "IAM lets go of the user", func() (struct{}, bool, error) {
		if isAgain {
			isOthers, err := r.isOthersUser(ctx, s, u)
			if isOthers || err != nil {
				return struct{}{}, false, err
			}
		}
		isAgain = true
		err := r.tryRemoveUser(ctx, s)
		switch {
		case err == nil, awscall.IsMissing(err) && !u.isYoung():
			return struct{}{}, false, nil
		case awscall.IsMissing(err), awscall.IsDenied(err):
			isGone()
			isLag, left := r.isUserLeft(ctx, s, u, err)
			return struct{}{}, isLag && !awscall.IsFinalDenial(left), left
		}
		return struct{}{}, isConflict(err), err
	})
	if err == nil {
		r.log.Info("removed", "user", s.UserName)
	}
	return err
}

// isOthersUser reports whether the name is somebody else's by now: the user that was to be removed
// is gone then.
func (r *run) isOthersUser(ctx context.Context, s spec.Spec, u user) (bool, error) {
	now, err := r.lookUser(ctx, s)
	return now.Exists() && (!now.IsOurs() || !now.created.Equal(u.created)), err
}

// tryRemoveUser deletes the keys and the user once.
func (r *run) tryRemoveUser(ctx context.Context, s spec.Spec) error {
	err := r.removeKeys(ctx, s)
	if err != nil {
		return err
	}
	_, err = r.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &s.UserName}, hasty)
	switch {
	case err == nil:
		return nil
	case isConflict(err):
		return awscall.Again(fmt.Errorf("user %s: remove what was attached to it by hand (policies, groups, login, MFA): %w",
			s.UserName, awscall.Brief(err)))
	}
	return fmt.Errorf("user %s: %w", s.UserName, awscall.Brief(err))
}

// isConflict reports whether IAM counts something that belongs to the user.
func isConflict(err error) bool {
	return awscall.IsCode(err, "DeleteConflict", "DeleteConflictException")
}

// isUserLeft looks at a user whom IAM did not know, or who is out of the role's path (L3). It
// is gone if IAM does not show it either, and has known it for long.
func (r *run) isUserLeft(ctx context.Context, s spec.Spec, u user, refusal error) (isLag bool, err error) {
	now, err := r.lookUser(ctx, s)
	switch {
	case err != nil:
		return false, err
	case now.Exists():
		return true, refusal
	}
	return u.isYoung(), nil
}

func userTags(tags []types.Tag) map[string]string {
	m := map[string]string{}
	for _, tag := range tags {
		m[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return m
}
