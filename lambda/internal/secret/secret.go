package secret

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// A Secret is the Secrets Manager secret under the name of a spec.
type Secret struct {
	claim.Claim
	Name     string
	Fresh    bool   // created by this event, so without a value
	Deleting bool   // in its recovery window
	Current  string // id of the version with the stage AWSCURRENT, or ""
	ARN      string
	KmsKeyID string // "" for the AWS managed key
	Schedule Schedule
	labels   map[string][]string // by version
	buried   string              // id of the version in which this event has written a tombstone, or ""
}

// A Schedule is what Secrets Manager is told about rotating a secret.
type Schedule struct {
	IsOn     bool
	Function string // its ARN
	Days     int    // between two
}

// IsOursOrLeaving is also true for a secret that a Delete of this resource was about to remove when
// it was cut off.
func (x Secret) IsOursOrLeaving() bool { return x.IsOurs() || x.State == claim.Leaving }

// As is the secret as a later look shows it, with what this event knows of it.
func (x Secret) As(now Secret) Secret {
	now.Claim, now.buried = now.For(x.Asker()), x.buried
	return now
}

// Admit refuses a secret that is neither ours nor released. One that is being
// deleted may be gone in a moment; see [Client.Create].
func (x Secret) Admit(s spec.Spec) error {
	switch x.State {
	case claim.Foreign, claim.Elsewhere:
		if !x.Deleting {
			return x.Taken("secret "+s.SecretName, "SecretName")
		}
	case claim.Absent, claim.Hidden, claim.Ours, claim.Adopted, claim.Released, claim.Leaving:
	}
	return nil
}

// admit is [Secret.Admit] for a set that is begun. In one that is in force a secret that is not ours was lost: its name is given.
func (c Client) admit(x Secret) error {
	if err := x.Admit(c.spec); err == nil || !c.inForce {
		return err
	}
	return awscall.Again(fmt.Errorf("secret %s: %s", c.spec.SecretName, x.Lacks()))
}

// Look describes the secret, without its value. Where there is none it is the zero Secret.
func (c Client) Look(ctx context.Context) (Secret, error) { return c.describe(ctx, c.looking()) }

// LookNow is [Client.Look] that waits for no late rights.
func (c Client) LookNow(ctx context.Context) (Secret, error) {
	return c.describe(ctx, awscall.Standard())
}

func (c Client) describe(ctx context.Context, retryer aws.Retryer) (Secret, error) {
	out, err := c.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &c.spec.SecretName},
		func(o *secretsmanager.Options) { o.Retryer = retryer })
	if awscall.IsMissing(err) {
		return Secret{}, nil
	}
	if err != nil {
		return Secret{}, fmt.Errorf("secret %s: %w", c.spec.SecretName, awscall.Brief(err))
	}
	x := Secret{
		Claim:    claim.Read(secretTags(out.Tags), c.spec),
		Name:     aws.ToString(out.Name),
		Deleting: out.DeletedDate != nil,
		ARN:      aws.ToString(out.ARN),
		KmsKeyID: aws.ToString(out.KmsKeyId),
		Schedule: Schedule{IsOn: aws.ToBool(out.RotationEnabled), Function: aws.ToString(out.RotationLambdaARN)},
		labels:   out.VersionIdsToStages,
	}
	if out.RotationRules != nil {
		x.Schedule.Days = int(aws.ToInt64(out.RotationRules.AutomaticallyAfterDays))
	}
	x.Current = x.labelled(current)
	return x, nil
}

// Ensure creates the secret without a value, or adopts one that a resource has released. The origin is
// that of the bucket.
//
// A secret of ours that waits for its deletion is restored if it is wanted, since the set should be there,
// or some of it is: somebody has deleted the secret by hand then, and what it holds is still
// ours. Otherwise an earlier set of the same names has left it, and it will soon be gone.
func (c Client) Ensure(ctx context.Context, x Secret, isWanted bool, origin string) (Secret, error) {
	switch {
	case x.IsReleased():
		return c.adopt(ctx, x, origin)
	case x.Deleting && x.IsOurs() && isWanted:
		return c.restore(ctx, x)
	case x.Fresh, x.Exists() && !x.Deleting:
		return x, nil
	default:
		return c.Create(ctx, origin)
	}
}

// nameTaken is what CreateSecret answers while Secrets Manager still deletes another secret of
// that name. DeleteSecret is asynchronous.
var nameTaken = awscall.LagOf("the name of the deleted secret is free", isScheduledForDeletion)

// Create creates the secret, or tells whose it is. One that exists is of another delivery
// of this event, of a repeated call whose answer was lost, or of somebody.
func (c Client) Create(ctx context.Context, origin string) (Secret, error) {
	made := Secret{Claim: claim.MadeSecret(c.spec, origin), Fresh: true, KmsKeyID: c.spec.SecretKmsKeyId}
	in := &secretsmanager.CreateSecretInput{
		Name:        &c.spec.SecretName,
		Description: aws.String("Credentials of IAM user " + c.spec.UserName + " for bucket " + c.spec.BucketName),
		Tags:        toSecretTags(made.Tags()),
	}
	if c.spec.SecretKmsKeyId != "" {
		in.KmsKeyId = &c.spec.SecretKmsKeyId
	}
	c.making.Asked = true
	isThere := sync.OnceFunc(c.patience.Changed) // maybe since a moment ago
	return awscall.Repeat(ctx, c.patience, "Secrets Manager shows the secret", func() (Secret, bool, error) {
		out, err := c.secrets.CreateSecret(ctx, in, func(o *secretsmanager.Options) {
			o.Retryer = c.patience.Retryer(awscall.LateRights, nameTaken)
		})
		switch {
		case awscall.IsCode(err, "ResourceExistsException"):
			isThere()
			return c.taken(ctx)
		case isScheduledForDeletion(err):
			return Secret{}, false, awscall.Again(fmt.Errorf("secret %s: is in its recovery window; restore it and delete it without one%s: %w",
				c.spec.SecretName, c.orAnotherName(), awscall.Brief(err)))
		case err != nil:
			c.making.Fail(err)
			return Secret{}, false, fmt.Errorf("secret %s: %w", c.spec.SecretName, c.ExplainKms(err, c.spec.SecretKmsKeyId))
		}
		c.making.Made = true
		made.ARN = aws.ToString(out.ARN)
		isThere()
		c.log.Info("created", "secret", c.spec.SecretName)
		return made, false, nil
	})
}

// taken looks at a secret of which Secrets Manager says that it exists.
func (c Client) taken(ctx context.Context) (found Secret, isLag bool, err error) {
	found, err = c.Look(ctx)
	if err == nil && !found.Exists() {
		return found, true, awscall.Again(fmt.Errorf("secret %s: exists, and Secrets Manager does not show it: wait some minutes", c.spec.SecretName))
	}
	c.making.Refused = found.IsTaken()
	return found, false, errors.Join(err, c.admit(found))
}

func isScheduledForDeletion(err error) bool {
	var invalid *types.InvalidRequestException
	return errors.As(err, &invalid) && strings.Contains(invalid.ErrorMessage(), "scheduled for deletion")
}

// isMarkedForDeletion reports whether the secret is in its recovery window: another Delete has
// scheduled its deletion meanwhile.
func isMarkedForDeletion(err error) bool {
	var invalid *types.InvalidRequestException
	return errors.As(err, &invalid) && strings.Contains(invalid.ErrorMessage(), "marked for deletion")
}

// restore takes the secret out of its recovery window.
func (c Client) restore(ctx context.Context, x Secret) (Secret, error) {
	if _, err := c.secrets.RestoreSecret(ctx, &secretsmanager.RestoreSecretInput{SecretId: &x.ARN}); err != nil {
		return Secret{}, fmt.Errorf("secret %s: %w", c.spec.SecretName, awscall.Brief(err))
	}
	c.log.Info("restored", "secret", c.spec.SecretName)
	x.Deleting = false
	return x, nil
}

// adopt restores a released secret and makes it ours. The secret holds credentials of an
// earlier life, so a tag puts its version down as not committed. That must be the version
// that was read together with the tag "released": another delivery of this event may have
// adopted the secret and committed to it since. The tags that were written count, a read may
// be from before: only the tags of another owner speak against them.
func (c Client) adopt(ctx context.Context, x Secret, origin string) (_ Secret, err error) {
	if x.Deleting {
		if x, err = c.restore(ctx, x); err != nil {
			return Secret{}, err
		}
	}
	tags := x.AdoptSecret(x.Current, origin)
	if err := c.SetTags(ctx, x, tags); err != nil {
		return Secret{}, err
	}
	c.log.Info("took over what was released", "secret", c.spec.SecretName)
	now, err := c.Look(ctx)
	x.Claim = claim.Read(tags, c.spec)
	return x, errors.Join(err, c.admit(now))
}
