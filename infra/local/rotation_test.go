//go:build e2e

package local_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/cloudtest"
)

func rotationCorrections() []correction {
	return []correction{
		{"RotateSecret runs the four steps on the function", rotateRuns},
		{"RotateSecret is refused where the function does not let Secrets Manager in", rotateLetIn},
		{"RotateSecret is idempotent by its token", rotateTwice},
		{"a step that fails leaves AWSPENDING, and RotateSecret is refused", rotateFails},
		{"a rotation that failed runs again under the same token", rotateAgain},
		{"a function may take AWSPENDING off by itself", rotateClean},
		{"RotateSecret that is to rotate later runs testSecret alone", rotateLater},
		{"a schedule rotates", rotateBySchedule},
		{"CancelRotateSecret ends the schedule and leaves the labels", rotateCancelled},
		{"a value that is put abandons a rotation", rotateAbandoned},
	}
}

func rotateRuns(t *testing.T, e *emulator) error {
	id := e.rotated(t, "rotate-runs", "")
	out := cloudtest.Must(e.rotate(t.Context(), id))(t)
	if difference := e.eventually(t, func() error {
		if e.described(t, id).LastRotatedDate == nil {
			return errors.New("it was not rotated")
		}
		return errors.Join(e.wantCurrent(t, id, "2"), wantHolder(e.holder(t, id, "AWSPENDING"), *out.VersionId))
	}); difference != nil {
		return difference
	}
	d := e.described(t, id)
	differences := []error{wantSteps(e.steps(t, "rotate-runs"), id, *out.VersionId)}
	if !aws.ToBool(d.RotationEnabled) || d.NextRotationDate == nil || !d.NextRotationDate.After(*d.LastRotatedDate) {
		differences = append(differences, fmt.Errorf("described: enabled %v, last %v, next %v", d.RotationEnabled, d.LastRotatedDate, d.NextRotationDate))
	}
	return errors.Join(differences...)
}

// wantSteps is how steps differ from those of a whole rotation.
func wantSteps(steps []rotationStep, id, token string) error {
	if got := names(steps); got != wholeRotation {
		return fmt.Errorf("steps: %s", got)
	}
	var differences []error
	for _, s := range steps {
		want := rotationStep{Step: s.Step, SecretId: id, ClientRequestToken: token, Handler: "rotation", FunctionName: "let-in",
			InvokedFunctionArn: *functionARN("let-in"), RotationToken: s.RotationToken, Stages: s.Stages, Value: s.Value}
		if s.Step != "createSecret" {
			want.Value = "2"
		}
		if diff := cmp.Diff(want, s); diff != "" || s.RotationToken == "" {
			differences = append(differences, fmt.Errorf("%s: RotationToken %q, -want +got:\n%s", s.Step, s.RotationToken, diff))
		}
		if !slices.Equal(s.Stages[token], []string{"AWSPENDING"}) {
			differences = append(differences, fmt.Errorf("%s: labels %v", s.Step, s.Stages))
		}
	}
	if !strings.Contains(steps[0].Value, "ResourceNotFoundException") {
		differences = append(differences, fmt.Errorf("createSecret: the version has the value %q", steps[0].Value))
	}
	return errors.Join(differences...)
}

func wantHolder(got, want string) error {
	if got != want {
		return fmt.Errorf("the label is on %q, want %q", got, want)
	}
	return nil
}

func rotateLetIn(t *testing.T, e *emulator) error {
	id := e.rotated(t, "rotate-let-in", "")
	other := e.rotated(t, "another-let-in", "")
	by := func(function string) func(*secretsmanager.RotateSecretInput) {
		return func(in *secretsmanager.RotateSecretInput) { in.RotationLambdaARN = functionARN(function) }
	}
	_, noneErr := e.rotate(t.Context(), id, by("let-out"))
	_, accountErr := e.rotate(t.Context(), id, by("let-others"))
	_, secretErr := e.rotate(t.Context(), other)
	_, goneErr := e.rotate(t.Context(), id, by("let-gone"))
	return errors.Join(
		wantCode("without a permission", noneErr, "AccessDeniedException"),
		wantCode("for another account", accountErr, "AccessDeniedException"),
		wantCode("for other secrets", secretErr, "AccessDeniedException"),
		wantCode("no function", goneErr, "AccessDeniedException"),
		wantMessage(noneErr, "Secrets Manager cannot invoke the specified Lambda function. "+
			"Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com."),
		e.wantCurrent(t, id, "1"))
}

// wantMessage is what differs from an answer with a message that ends so.
func wantMessage(err error, message string) error {
	if err == nil || !strings.HasSuffix(err.Error(), message) {
		return fmt.Errorf("got %v, want %q", err, message)
	}
	return nil
}

func rotateTwice(t *testing.T, e *emulator) error {
	id := e.rotated(t, "rotate-twice", "")
	const token = "rotate-twice-0000000000000000000"
	for range 2 {
		out := cloudtest.Must(e.rotate(t.Context(), id, func(in *secretsmanager.RotateSecretInput) { in.ClientRequestToken = aws.String(token) }))(t)
		if *out.VersionId != token {
			return fmt.Errorf("version %s", *out.VersionId)
		}
		if difference := e.eventually(t, func() error { return e.wantCurrent(t, id, "2") }); difference != nil {
			return difference
		}
	}
	if got := names(e.steps(t, "rotate-twice")); got != wholeRotation {
		return fmt.Errorf("steps: %s", got)
	}
	return nil
}

func rotateFails(t *testing.T, e *emulator) error {
	id := e.rotated(t, "rotate-fails", "fail testSecret")
	out := cloudtest.Must(e.rotate(t.Context(), id))(t)
	attempt := "createSecret setSecret testSecret"
	if difference := e.eventually(t, func() error {
		if got := names(e.steps(t, "rotate-fails")); !strings.HasPrefix(got, attempt) {
			return fmt.Errorf("steps: %s", got)
		}
		return nil
	}); difference != nil {
		return difference
	}
	_, err := e.rotate(t.Context(), id)
	_, laterErr := e.rotate(t.Context(), id, later)
	return errors.Join(
		wantCode("RotateSecret meanwhile", err, "InvalidRequestException"),
		wantMessage(err, "A previous rotation isn't complete. That rotation will be reattempted."),
		wantCode("RotateSecret for later", laterErr, "InvalidRequestException"),
		wantHolder(e.holder(t, id, "AWSPENDING"), *out.VersionId),
		e.wantCurrent(t, id, "1"))
}

func rotateAgain(t *testing.T, e *emulator) error {
	id := e.rotated(t, "rotate-again", "fail testSecret once")
	out := cloudtest.Must(e.rotate(t.Context(), id))(t)
	// It makes the value twice, of the same current one: the token stands for one value.
	if difference := e.eventually(t, func() error { return e.wantCurrent(t, id, "2") }); difference != nil {
		return difference
	}
	steps := e.steps(t, "rotate-again")
	if got := names(steps); got != "createSecret setSecret testSecret "+wholeRotation {
		return fmt.Errorf("steps: %s", got)
	}
	for _, s := range steps {
		if s.ClientRequestToken != *out.VersionId {
			return fmt.Errorf("%s has the token %s", s.Step, s.ClientRequestToken)
		}
	}
	return nil
}

func rotateClean(t *testing.T, e *emulator) error {
	id := e.rotated(t, "rotate-clean", "clean")
	cloudtest.Must(e.rotate(t.Context(), id))(t)
	return e.eventually(t, func() error {
		if e.described(t, id).LastRotatedDate == nil {
			return errors.New("it was not rotated")
		}
		return errors.Join(e.wantCurrent(t, id, "2"), wantHolder(e.holder(t, id, "AWSPENDING"), ""))
	})
}

func rotateLater(t *testing.T, e *emulator) error {
	id := e.rotated(t, "rotate-later", "")
	cloudtest.Must(e.rotate(t.Context(), id, later))(t)
	if difference := e.eventually(t, func() error {
		if got := names(e.steps(t, "rotate-later")); got != "testSecret" {
			return fmt.Errorf("steps: %s", got)
		}
		return wantHolder(e.holder(t, id, "AWSPENDING"), "")
	}); difference != nil {
		return difference
	}
	seen := e.steps(t, "rotate-later")[0]
	if !strings.Contains(seen.Value, "ResourceNotFoundException") || !slices.Equal(seen.Stages[seen.ClientRequestToken], []string{"AWSPENDING"}) {
		return fmt.Errorf("testSecret: value %q, labels %v", seen.Value, seen.Stages)
	}
	d := e.described(t, id)
	if !aws.ToBool(d.RotationEnabled) || d.LastRotatedDate != nil || d.NextRotationDate == nil || len(d.VersionIdsToStages) != 1 {
		return fmt.Errorf("described: enabled %v, last %v, next %v, versions %v", d.RotationEnabled, d.LastRotatedDate, d.NextRotationDate, d.VersionIdsToStages)
	}
	return e.wantCurrent(t, id, "1")
}

func rotateBySchedule(t *testing.T, e *emulator) error {
	id := e.rotated(t, "rotate-schedule", "")
	cloudtest.Must(e.rotate(t.Context(), id, later, func(in *secretsmanager.RotateSecretInput) { in.RotationRules = inDays(1) }))(t)
	difference := e.eventually(t, func() error {
		if got := names(e.steps(t, "rotate-schedule")); !strings.HasPrefix(got, "testSecret "+wholeRotation+" "+wholeRotation) {
			return fmt.Errorf("steps: %s", got)
		}
		return nil
	})
	_, err := e.Secrets.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &id})
	return errors.Join(difference, err)
}

func rotateCancelled(t *testing.T, e *emulator) error {
	id := e.rotated(t, "rotate-cancelled", "fail setSecret")
	out := cloudtest.Must(e.rotate(t.Context(), id))(t)
	_, err := e.Secrets.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &id})
	if err != nil {
		return err
	}
	d := e.described(t, id)
	if aws.ToBool(d.RotationEnabled) || d.NextRotationDate != nil || aws.ToString(d.RotationLambdaARN) != *functionARN("let-in") {
		return fmt.Errorf("described: enabled %v, next %v, function %v", d.RotationEnabled, d.NextRotationDate, d.RotationLambdaARN)
	}
	_, againErr := e.rotate(t.Context(), id)
	pending := e.holder(t, id, "AWSPENDING")
	_, offErr := e.Secrets.UpdateSecretVersionStage(t.Context(), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &id, VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &pending})
	_, freeErr := e.rotate(t.Context(), id, later)
	return errors.Join(
		wantHolder(pending, *out.VersionId),
		wantCode("RotateSecret beside the label", againErr, "InvalidRequestException"),
		wantCode("the label taken off", offErr, ""),
		wantCode("RotateSecret without it", freeErr, ""))
}

func rotateAbandoned(t *testing.T, e *emulator) error {
	id := e.rotated(t, "rotate-abandoned", "fail testSecret")
	cloudtest.Must(e.rotate(t.Context(), id))(t)
	if difference := e.eventually(t, func() error {
		if names(e.steps(t, "rotate-abandoned")) == "" {
			return errors.New("no step")
		}
		return nil
	}); difference != nil {
		return difference
	}
	cloudtest.Must(e.Secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &id, SecretString: aws.String("by hand")}))(t)
	d := e.described(t, id)
	if d.LastRotatedDate == nil {
		return errors.New("it does not count as a rotation")
	}
	return errors.Join(wantHolder(e.holder(t, id, "AWSPENDING"), ""), e.wantCurrent(t, id, "by hand"))
}
