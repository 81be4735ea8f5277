package secret

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
)

// Pending is the version of a rotation that is under way, or "". Secrets Manager may leave AWSPENDING on a version
// that has become current.
func (x Secret) Pending() string {
	version := x.labelled(pending)
	if x.HasBeenCurrent(version) {
		return ""
	}
	return version
}

// Unfinished is the version of a rotation that may still become current, or "": the one that is under way, or one that
// follows the current version and has lost AWSPENDING.
func (x Secret) Unfinished() string {
	token, follows := x.Rotation()
	if version := x.Pending(); version != "" || follows != x.Current || x.HasBeenCurrent(token) {
		return version
	}
	return token
}

// counterpart is the other version of a rotation which was finished by hand, or whose label was moved back, or "": one of the two is current,
// and both have been. No tag says that the key of the other one is the previous key.
func (x Secret) counterpart() string {
	token, follows := x.Rotation()
	switch {
	case token == "":
	case x.Current == token:
		return follows
	case x.Current == follows && x.HasBeenCurrent(token):
		return token
	}
	return ""
}

// HasBeenCurrent reports whether a version is current, or was so before the one that is.
func (x Secret) HasBeenCurrent(version string) bool {
	labels := x.labels[version]
	return slices.Contains(labels, current) || slices.Contains(labels, previous)
}

// IsPending reports whether a version has the label of a rotation that is under way.
func (x Secret) IsPending(version string) bool { return slices.Contains(x.labels[version], pending) }

// PutPending writes the value of a rotation under its token. ErrConflict says that another value has been written
// under it before. The same value may be written again. The token of the rotation goes along if there is one.
func (c Client) PutPending(ctx context.Context, x Secret, token, rotationToken, value string) error {
	in := &secretsmanager.PutSecretValueInput{SecretId: &x.ARN, ClientRequestToken: &token, SecretString: &value, VersionStages: []string{pending}}
	if rotationToken != "" {
		in.RotationToken = &rotationToken
	}
	return c.putValue(ctx, x, in)
}

// ClearPending takes AWSPENDING off a version that was current before: Secrets Manager begins no rotation while it lies
// on another version than the current one.
func (c Client) ClearPending(ctx context.Context, x Secret) error {
	version := x.labelled(pending)
	if version == x.Current || !x.HasBeenCurrent(version) {
		return nil
	}
	return c.takeOff(ctx, x, version)
}

// EndRotation takes AWSPENDING off a version and the note of its rotation off the secret. It is no error if either is gone.
func (c Client) EndRotation(ctx context.Context, x Secret, version string) error {
	if err := c.takeOff(ctx, x, version); err != nil {
		return err
	}
	if token, _ := x.Rotation(); token != version {
		return nil
	}
	return c.Untag(ctx, x, claim.RotationTags)
}

// takeOff takes AWSPENDING off a version, which may have lost it.
func (c Client) takeOff(ctx context.Context, x Secret, version string) error {
	if !x.IsPending(version) {
		return nil
	}
	_, refusal := c.secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &x.ARN, VersionStage: aws.String(pending), RemoveFromVersionId: &version})
	if refusal == nil {
		return nil
	}
	c.patience.Changed() // by whoever took it off, if it is gone
	isOn, lookErr := awscall.Repeat(ctx, c.patience, "Secrets Manager shows that a label is gone", func() (bool, bool, error) {
		now, err := c.Look(ctx)
		isOn := err == nil && now.IsPending(version)
		return isOn, isOn && !awscall.IsDenied(refusal), err
	})
	if lookErr == nil && !isOn {
		return nil
	}
	return errors.Join(fmt.Errorf("rotation of secret %s: %w", c.spec.SecretName, awscall.Brief(refusal)), lookErr)
}

// Schedule has Secrets Manager rotate the secret after each so many days, by a function. Nothing is rotated now: it
// tries the function by its step testSecret, later. It is repeated while the right of Secrets Manager to invoke the function
// may be late (aws-cdk #26481).
func (c Client) Schedule(ctx context.Context, x Secret, function string, days int) error {
	_, err := c.secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{
		SecretId:          &x.ARN,
		RotationLambdaARN: &function,
		RotationRules:     &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(int64(days))},
		RotateImmediately: aws.Bool(false),
	})
	if err != nil {
		return fmt.Errorf("rotation of secret %s: %w", c.spec.SecretName, awscall.Brief(err))
	}
	c.log.Info("has the secret rotated", "secret", c.spec.SecretName, "days", days)
	return nil
}

// Unschedule ends that. What a rotation has left stays: see [Secret.Pending]. It may be repeated.
func (c Client) Unschedule(ctx context.Context, x Secret) error {
	_, err := c.secrets.CancelRotateSecret(ctx, &secretsmanager.CancelRotateSecretInput{SecretId: &x.ARN})
	if err != nil {
		return fmt.Errorf("rotation of secret %s: %w", c.spec.SecretName, awscall.Brief(err))
	}
	if x.Schedule.IsOn {
		c.log.Info("ended the rotation of the secret", "secret", c.spec.SecretName)
	}
	return nil
}
