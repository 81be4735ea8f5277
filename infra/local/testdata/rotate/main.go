// Command rotate is a rotation function for the tests of the embedded AWS: it
// stores each event that it gets, and makes of each value the next one: n+1.
//
// The description of the secret tells it what to do otherwise:
//
//	fail <step>                the step fails, each time
//	fail <step> once           the step fails the first time
//	clean                      finishSecret takes AWSPENDING off
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// event is what Secrets Manager sends.
type event struct {
	Step, SecretId, ClientRequestToken, RotationToken string
}

// observation is what the function sees of one step.
type observation struct {
	event
	Handler, FunctionName, InvokedFunctionArn string

	Stages map[string][]string // as DescribeSecret shows them
	Value  string              // of the token's version, or the error that reads it
}

func main() {
	lambda.Start(handle)
}

func handle(ctx context.Context, e event) error {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return err
	}
	r := rotation{event: e, secrets: secretsmanager.NewFromConfig(cfg), store: s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })}
	if r.secret, err = r.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &e.SecretId}); err != nil {
		return err
	}
	if err := errors.Join(r.observe(ctx), r.fail(ctx)); err != nil {
		return err
	}
	switch e.Step {
	case "createSecret":
		return r.create(ctx)
	case "finishSecret":
		return r.finish(ctx)
	}
	return nil
}

// rotation is one invocation for a secret.
type rotation struct {
	event
	secret  *secretsmanager.DescribeSecretOutput
	secrets *secretsmanager.Client
	store   *s3.Client
}

func (r rotation) told() string { return aws.ToString(r.secret.Description) }

// folder holds the observations of one step.
func (r rotation) folder() string { return *r.secret.Name + "/" + r.Step + "/" }

func (r rotation) observe(ctx context.Context) error {
	seen := observation{event: r.event, Handler: os.Getenv("_HANDLER"), FunctionName: lambdacontext.FunctionName, Stages: r.secret.VersionIdsToStages}
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		seen.InvokedFunctionArn = invocation.InvokedFunctionArn
	}
	value, err := r.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &r.SecretId, VersionId: &r.ClientRequestToken})
	if err != nil {
		seen.Value = err.Error()
	} else {
		seen.Value = *value.SecretString
	}
	body, err := json.Marshal(seen)
	if err != nil {
		return err
	}
	_, err = r.store.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("rotations"),
		Key: aws.String(r.folder() + fmt.Sprint(time.Now().UnixNano())), Body: bytes.NewReader(body)})
	return err
}

// fail is an error where that is told.
func (r rotation) fail(ctx context.Context) error {
	out, err := r.store.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String("rotations"), Prefix: aws.String(r.folder())})
	if err != nil {
		return err
	}
	told := r.told()
	if told == "fail "+r.Step || told == "fail "+r.Step+" once" && len(out.Contents) == 1 {
		return errors.New("as told")
	}
	return nil
}

func (r rotation) create(ctx context.Context) error {
	current, err := r.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &r.SecretId})
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(*current.SecretString)
	if err != nil {
		return err
	}
	_, err = r.secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &r.SecretId, ClientRequestToken: &r.ClientRequestToken,
		SecretString: aws.String(strconv.Itoa(n + 1)), VersionStages: []string{"AWSPENDING"}})
	return err
}

func (r rotation) finish(ctx context.Context) error {
	current, err := r.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &r.SecretId})
	if err != nil {
		return err
	}
	_, err = r.secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: &r.SecretId,
		VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &r.ClientRequestToken, RemoveFromVersionId: current.VersionId})
	if err != nil || r.told() != "clean" {
		return err
	}
	_, err = r.secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: &r.SecretId,
		VersionStage: aws.String("AWSPENDING"), RemoveFromVersionId: &r.ClientRequestToken})
	return err
}
