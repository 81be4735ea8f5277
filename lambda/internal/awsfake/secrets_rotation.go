package awsfake

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

const stagePending = "AWSPENDING"

// rotation is how a secret is rotated. The zero value is that of a secret which never was.
type rotation struct {
	enabled  bool
	function string // its ARN; it stays when rotation is turned off, as days does
	days     int64
	last     time.Time // when it was rotated last, or zero
	next     time.Time // when it is to be rotated at the latest
	token    string    // of the latest RotateSecret
}

// Abandonment is what has Secrets Manager take AWSPENDING off another version while a rotation is under way.
type Abandonment string

const (
	// AbandonedByValue is a value that becomes current by PutSecretValue or UpdateSecret. Sources: Secrets Manager User Guide,
	// Log events with CloudTrail, RotationAbandoned; terraform-provider-aws, secret_rotation_test.go.
	AbandonedByValue Abandonment = ""
	// AbandonedByAny is also a value under other labels, and AWSCURRENT that moves to another version: "when you manually
	// create a new version of a secret" leaves open whether labels matter.
	AbandonedByAny Abandonment = "any"
	// NotAbandoned leaves the label, as Secrets Manager does until it has heard of the value.
	NotAbandoned Abandonment = "never"
)

// secretChange is a change of a secret that may abandon its rotation.
type secretChange int

const (
	changedStage   secretChange = iota // AWSCURRENT moved
	changedCurrent                     // a value was put and is current
	changedValue                       // a value was put under other labels
)

// abandon takes AWSPENDING off if a change that gave another version a value or AWSCURRENT ends the rotation.
func (a *AWS) abandon(s *secret, v *secretVersion, by secretChange) {
	pending := s.staged(stagePending)
	if pending == nil || pending == v || !s.rotation.enabled || slices.Contains(pending.stages, stageCurrent) {
		return
	}
	switch a.Abandonment {
	case AbandonedByAny:
		pending.lose(stagePending)
	case AbandonedByValue:
		if by == changedCurrent {
			pending.lose(stagePending)
		}
	case NotAbandoned:
	}
}

// rotateSecret turns rotation on, or changes it, and starts one unless RotateImmediately is false. What follows is
// asynchronous: package smfake plays it.
func (a *AWS) rotateSecret(in *secretsmanager.RotateSecretInput) (*secretsmanager.RotateSecretOutput, error) {
	token := aws.ToString(in.ClientRequestToken)
	if err := checkToken(token); err != nil {
		return nil, err
	}
	s, err := a.liveSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	out := &secretsmanager.RotateSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name), VersionId: aws.String(token)}
	if token == s.rotation.token && s.rotation.enabled {
		return out, nil // idempotent by its token
	}
	wanted, err := s.rotation.with(in)
	if err != nil {
		return nil, err
	}
	if time.Now().Before(a.LateFunction) {
		return nil, fail(400, "AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function. Ensure that the "+
			"function policy grants access to the principal secretsmanager.amazonaws.com.")
	}
	if pending := s.staged(stagePending); pending != nil && !slices.Contains(pending.stages, stageCurrent) {
		return nil, fail(400, "InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted.")
	}
	s.rotation = wanted
	s.rotation.schedule()
	if in.RotateImmediately == nil || *in.RotateImmediately {
		s.pend(token)
	}
	return out, nil
}

// with is the rotation that a call asks for: what it does not name stays.
func (r rotation) with(in *secretsmanager.RotateSecretInput) (rotation, error) {
	r.enabled, r.token = true, *in.ClientRequestToken
	if in.RotationLambdaARN != nil {
		r.function = *in.RotationLambdaARN
	}
	if r.function == "" {
		return r, fail(400, "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
	}
	if in.RotationRules != nil {
		r.days = aws.ToInt64(in.RotationRules.AutomaticallyAfterDays)
		if r.days < 1 || r.days > 1000 {
			return r, fail(400, "InvalidParameterException", "RotationRules.AutomaticallyAfterDays must be within 1-1000.")
		}
	}
	if r.days == 0 {
		return r, &notSimulated{"RotateSecret of a secret that has no rotation rules"}
	}
	return r, nil
}

// schedule sets the next date from now on, if rotation is on. AWS promises no more than that a rotation comes until then.
func (r *rotation) schedule() {
	if r.enabled {
		r.next = time.Now().Add(time.Duration(r.days) * 24 * time.Hour)
	}
}

// pend gives AWSPENDING to the version of a token, which has no value before createSecret puts one.
func (s *secret) pend(token string) {
	v := s.version(token)
	if v == nil {
		v = &secretVersion{id: token, created: time.Now()}
		s.versions = append(s.versions, v)
	}
	s.move(stagePending, v)
}

// cancelRotateSecret turns rotation off and leaves the labels as they are: "in an unexpected state" (API Reference).
func (a *AWS) cancelRotateSecret(in *secretsmanager.CancelRotateSecretInput) (*secretsmanager.CancelRotateSecretOutput, error) {
	s, err := a.liveSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	out := &secretsmanager.CancelRotateSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}
	if pending := s.staged(stagePending); pending != nil {
		out.VersionId = aws.String(pending.id)
	}
	if s.rotation.function != "" {
		s.rotation.enabled = false
	}
	return out, nil
}

// describe adds to an answer how a secret is rotated. Dates are those of a rotation that is on.
func (r rotation) describe(out *secretsmanager.DescribeSecretOutput) {
	if r.function == "" {
		return
	}
	out.RotationEnabled, out.RotationLambdaARN = aws.Bool(r.enabled), aws.String(r.function)
	out.RotationRules = &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(r.days)}
	if !r.enabled {
		return
	}
	out.NextRotationDate = aws.Time(r.next)
	if !r.last.IsZero() {
		out.LastRotatedDate = aws.Time(r.last)
	}
}

// SetRotation turns the rotation of a secret on by hand, every so many days by a function, or off where days is 0.
func (a *AWS) SetRotation(name, functionARN string, days int) {
	defer a.changing()()
	s := a.secrets[name]
	switch {
	case s == nil:
	case days == 0:
		s.rotation.enabled = false
	default:
		s.rotation.enabled, s.rotation.function, s.rotation.days = true, functionARN, int64(days)
		s.rotation.schedule()
	}
}

// Rotation is what a snapshot tells of a secret that was ever rotated.
type Rotation struct {
	Enabled  bool
	Function string
	Days     int64
}

func (r rotation) snapshot() *Rotation {
	if r.function == "" {
		return nil
	}
	return &Rotation{r.enabled, r.function, r.days}
}

// restored is a rotation whose next date is as far away as it can be.
func (r *Rotation) restored() (out rotation) {
	if r != nil {
		out = rotation{enabled: r.Enabled, function: r.Function, days: r.Days}
		out.schedule()
	}
	return out
}

// FunctionARN is the ARN of a function of this account, which need not exist.
func (a *AWS) FunctionARN(name string) string {
	return a.arn("lambda", fmt.Sprintf("function:%s", name))
}
