package smfake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// function is a rotation function as AWS's template has it: https://github.com/aws-samples/aws-secrets-manager-rotation-lambdas.
type function struct {
	secrets *secretsmanager.Client
	events  []event
	fails   []int    // invocations, counted from 1
	testing []string // what testSecret found: a value, or "nothing"
}

type event struct{ Step, SecretId, ClientRequestToken, RotationToken string }

func (f *function) invoke(ctx context.Context, payload []byte) error {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return err
	}
	f.events = append(f.events, e)
	if slices.Contains(f.fails, len(f.events)) {
		return errors.New("failed")
	}
	switch strings.ToLower(strings.ReplaceAll(e.Step, "_", "")) {
	case "createsecret":
		return f.create(ctx, e)
	case "testsecret":
		value, err := f.value(ctx, e)
		f.testing = append(f.testing, value)
		return err
	case "finishsecret":
		return f.finish(ctx, e)
	}
	return nil
}

// value is that of the version of the token, or "nothing".
func (f *function) value(ctx context.Context, e event) (string, error) {
	out, err := f.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &e.SecretId, VersionId: &e.ClientRequestToken,
		VersionStage: aws.String("AWSPENDING")})
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return "nothing", nil
	}
	if err != nil {
		return "", err
	}
	return *out.SecretString, nil
}

func (f *function) create(ctx context.Context, e event) error {
	value, err := f.value(ctx, e)
	if err != nil || value != "nothing" {
		return err
	}
	in := &secretsmanager.PutSecretValueInput{SecretId: &e.SecretId, ClientRequestToken: &e.ClientRequestToken,
		SecretString: aws.String(fmt.Sprintf("value %d", len(f.events))), VersionStages: []string{"AWSPENDING"}}
	if e.RotationToken != "" {
		in.RotationToken = &e.RotationToken
	}
	_, err = f.secrets.PutSecretValue(ctx, in)
	return err
}

func (f *function) finish(ctx context.Context, e event) error {
	d, err := f.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &e.SecretId})
	if err != nil {
		return err
	}
	for id, stages := range d.VersionIdsToStages {
		if slices.Contains(stages, "AWSCURRENT") && id != e.ClientRequestToken {
			_, err = f.secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: &e.SecretId,
				VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &e.ClientRequestToken, RemoveFromVersionId: &id})
		}
	}
	return err
}

// steps are the events so far, each with a letter for its token.
func (f *function) steps() string {
	var tokens, out []string
	for _, e := range f.events {
		if !slices.Contains(tokens, e.ClientRequestToken) {
			tokens = append(tokens, e.ClientRequestToken)
		}
		out = append(out, fmt.Sprintf("%s %c", e.Step, 'a'+slices.Index(tokens, e.ClientRequestToken)))
	}
	return strings.Join(out, ", ")
}

// dates are those of the last and the next rotation.
func (f *function) dates(t *testing.T) (last, next time.Time) {
	t.Helper()
	d, err := f.secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	return aws.ToTime(d.LastRotatedDate), aws.ToTime(d.NextRotationDate)
}

// put writes a value by hand, which is current.
func (f *function) put(t *testing.T, value string) {
	t.Helper()
	_, err := f.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(name), SecretString: &value})
	equal(t, "put", err, nil)
}
