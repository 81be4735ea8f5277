// Package smfake is Secrets Manager as a rotation function meets it: it makes the version of a token, calls the function for each
// step, and sees to labels and dates afterwards. The account is one of package awsfake, which serves the calls of the function.
//
//	service := smfake.Service{AWS: fake, Invoke: invoke, How: smfake.How{KeepsPending: true}}
//	err := service.Rotate(ctx, "clickhouse/s3")
//
// What a schedule does is the same as what RotateSecret starts: a test calls [Service.Rotate] after either. Whatever nobody has
// said of Secrets Manager can be played either way by [How], and by the Abandonment of awsfake.Laws. A step that comes
// late, again, or out of its order is a call of [Service.Step].
//
// The package refuses to know what a rotation function does.
package smfake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"bucketuser/lambda/internal/awsfake"
)

// Step is one of the four for which Secrets Manager calls the function.
type Step string

// The steps, in their order, as the templates of AWS spell them.
const (
	CreateSecret Step = "createSecret"
	SetSecret    Step = "setSecret"
	TestSecret   Step = "testSecret"
	FinishSecret Step = "finishSecret"
)

// Steps are those of a rotation, in their order.
func Steps() []Step { return []Step{CreateSecret, SetSecret, TestSecret, FinishSecret} }

// snake is how newer prose of AWS spells them: Secrets Manager User Guide, Lambda rotation functions.
var snake = map[Step]string{CreateSecret: "create_secret", SetSecret: "set_secret", TestSecret: "test_secret", FinishSecret: "finish_secret"}

var (
	// ErrNotRotated says that a secret is gone, waits for its deletion, or has no rotation that is on.
	ErrNotRotated = errors.New("the secret is not rotated")
	// ErrAbandoned says that AWSPENDING was taken off before a step: CloudTrail shows RotationAbandoned.
	ErrAbandoned = errors.New("the rotation was abandoned")
)

// Service is Secrets Manager on an account. It keeps nothing between two rotations, so that several may run beside each other.
type Service struct {
	AWS *awsfake.AWS
	// Invoke runs the rotation function once, to its end. An error is a step that failed.
	Invoke func(ctx context.Context, payload []byte) error
	How
}

// How is what Secrets Manager may do either way. The zero value is what its documents and AWS's templates show.
type How struct {
	// KeepsPending leaves AWSPENDING on the current version after a success. Sources: Secrets Manager API Reference,
	// RotateSecret: it "might be attached to the same version as the AWSCURRENT version, or it might not be attached to any
	// version"; recorded by localstack, test_secretsmanager.snapshot.json (test_rotate_secret_with_lambda_success).
	KeepsPending bool
	// Attempts is how often a rotation is tried at most; 0 is once. Source: Secrets Manager API Reference, DescribeSecret,
	// NextRotationDate: "retries the entire rotation process multiple times". How often, and how far apart, is not said.
	Attempts int
	// Anew has a repetition run under a token of its own, to whose version AWSPENDING moves. The same source does not say
	// under which token a repetition runs.
	Anew bool
	// Twice calls the function two times for each step, and goes by the second. Source: AWS Lambda Developer Guide,
	// Asynchronous invocation: a failure is repeated, and an event may come more than once. Whether Secrets Manager invokes
	// synchronously is not said.
	Twice bool
	// SnakeCase spells the steps create_secret and so on: see snake.
	SnakeCase bool
	// ByName has the events name the secret by its name. Source: getmoto/moto, moto/secretsmanager/models.py.
	ByName bool
	// WithoutToken leaves the RotationToken out of the events. Source: Secrets Manager API Reference, PutSecretValue,
	// RotationToken: it is for functions of other accounts, and no template knew it before 2024.
	WithoutToken bool
	// GoesOn has steps follow for a version that has lost AWSPENDING meanwhile.
	GoesOn bool
	// TestsValue has the version of an enabling test hold the current value; otherwise it holds none. Source: Secrets Manager API
	// Reference, RotateSecret, RotateImmediately: "creates an AWSPENDING version of the secret and then removes it".
	TestsValue bool
	// Before, when set, is called before each step: what somebody else does in between.
	Before func(Step)
}

// Rotate runs rotations of a secret until one succeeds, or they are enough. It goes on with the version that has AWSPENDING
// already, by RotateSecret or a rotation that failed. It returns what the last of them ended with.
func (s Service) Rotate(ctx context.Context, name string) error {
	begun := s.AWS.BeginRotation(name, false)
	err := s.rotate(ctx, begun)
	for attempt := 1; attempt < s.Attempts && err != nil && ctx.Err() == nil; attempt++ {
		begun = s.AWS.BeginRotation(name, s.Anew)
		err = s.rotate(ctx, begun)
	}
	return err
}

// rotate runs one rotation: the first step that fails ends it.
func (s Service) rotate(ctx context.Context, begun awsfake.Begun) error {
	if begun.Token == "" {
		return ErrNotRotated
	}
	for _, step := range Steps() {
		if s.Before != nil {
			s.Before(step)
		}
		if !s.GoesOn && !s.AWS.IsPending(begun) {
			return fmt.Errorf("%s: %w", step, ErrAbandoned)
		}
		err := s.Step(ctx, begun, step)
		if s.Twice {
			err = s.Step(ctx, begun, step)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
	}
	s.AWS.EndRotation(begun, s.KeepsPending)
	return nil
}

// Test runs the test that follows a RotateSecret with RotateImmediately false: testSecret alone. Secrets Manager runs it beside
// whatever comes next, so that its failure is seen in CloudTrail only.
func (s Service) Test(ctx context.Context, name string) error {
	begun := s.AWS.BeginRotationTest(name, s.TestsValue)
	if begun.Token == "" {
		return ErrNotRotated
	}
	defer s.AWS.EndRotationTest(begun)
	return s.Step(ctx, begun, TestSecret)
}

// event is the payload of an invocation.
type event struct {
	Step               string
	SecretId           string
	ClientRequestToken string
	RotationToken      string `json:",omitempty"`
}

// Step calls the function for one step of a rotation, whatever has become of it.
func (s Service) Step(ctx context.Context, begun awsfake.Begun, step Step) error {
	payload, err := s.Payload(begun, step)
	if err != nil {
		return err
	}
	return s.Invoke(ctx, payload)
}

// Payload is what the function gets for a step.
func (s Service) Payload(begun awsfake.Begun, step Step) ([]byte, error) {
	e := event{string(step), begun.ARN, begun.Token, begun.RotationToken}
	if s.SnakeCase {
		e.Step = snake[step]
	}
	if s.ByName {
		e.SecretId = begun.Name
	}
	if s.WithoutToken {
		e.RotationToken = ""
	}
	return json.Marshal(e)
}
