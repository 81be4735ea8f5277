//go:build e2e

package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// rotationStep is what testdata/rotate saw of one step.
type rotationStep struct {
	Step, SecretId, ClientRequestToken, RotationToken string
	Handler, FunctionName, InvokedFunctionArn         string

	Stages map[string][]string
	Value  string
}

var buildRotate = built("rotate")

// rotating deploys testdata/rotate, once, as three functions: one that Secrets Manager
// may invoke for secrets whose names start with r, one that it may not, and one
// that another account may.
func (e *emulator) rotating(t *testing.T) {
	t.Helper()
	e.rotator.Do(func() { e.deploys(t, "rotate", "rotations", deployable(t, buildRotate), rotateTemplate()) })
}

func rotateTemplate() *string {
	resources := map[string]any{
		"Role": map[string]any{"Type": "AWS::IAM::Role", "Properties": map[string]any{
			"AssumeRolePolicyDocument": map[string]any{"Statement": []statement{{
				"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": map[string]any{"Service": "lambda.amazonaws.com"},
			}}},
			"Policies": []any{map[string]any{"PolicyName": "all", "PolicyDocument": map[string]any{
				"Statement": []statement{allow("*", "secretsmanager:*", "s3:ListBucket", "s3:PutObject")},
			}}},
		}},
	}
	for _, name := range []string{"let-in", "let-out", "let-others"} {
		resources[logical(name)] = map[string]any{"Type": "AWS::Lambda::Function", "Properties": map[string]any{
			"FunctionName": name, "Runtime": "provided.al2023", "Handler": "rotation", "Timeout": 10,
			"Role": map[string]any{"Fn::GetAtt": []string{"Role", "Arn"}},
			"Code": map[string]any{"S3Bucket": "rotations", "S3Key": "code.zip"},
		}}
	}
	permission := func(name, account string) {
		resources[logical(name)+"Permission"] = map[string]any{"Type": "AWS::Lambda::Permission", "Properties": map[string]any{
			"Action": "lambda:InvokeFunction", "Principal": "secretsmanager.amazonaws.com",
			"FunctionName": map[string]any{"Ref": logical(name)}, "SourceAccount": account,
			"SourceArn": "arn:aws:secretsmanager:" + cloudtest.Region + ":" + local.Account + ":secret:r*",
		}}
	}
	permission("let-in", local.Account)
	permission("let-others", cloudtest.OtherAccount)
	return template(resources, map[string]any{})
}

// logical is a name as a logical id.
func logical(name string) string { return strings.ReplaceAll(name, "-", "") }

func functionARN(name string) *string {
	return aws.String("arn:aws:lambda:" + cloudtest.Region + ":" + local.Account + ":function:" + name)
}

// rotated makes a secret with the value 1, and says to testdata/rotate what it should do.
func (e *emulator) rotated(t *testing.T, name, told string) string {
	t.Helper()
	e.rotating(t)
	return *cloudtest.Must(e.Secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: &name, SecretString: aws.String("1"), Description: &told,
	}))(t).ARN
}

// rotate starts a rotation by the function that may be invoked, and a schedule of many days.
func (e *emulator) rotate(ctx context.Context, id string, more ...func(*secretsmanager.RotateSecretInput)) (*secretsmanager.RotateSecretOutput, error) {
	in := &secretsmanager.RotateSecretInput{SecretId: &id, RotationLambdaARN: functionARN("let-in"), RotationRules: inDays(1000)}
	for _, f := range more {
		f(in)
	}
	return e.Secrets.RotateSecret(ctx, in)
}

func inDays(days int64) *smtypes.RotationRulesType {
	return &smtypes.RotationRulesType{AutomaticallyAfterDays: &days}
}

func later(in *secretsmanager.RotateSecretInput) { in.RotateImmediately = aws.Bool(false) }

func (e *emulator) described(t *testing.T, id string) *secretsmanager.DescribeSecretOutput {
	t.Helper()
	return cloudtest.Must(e.Secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &id}))(t)
}

// value is that of a label, or why there is none.
func (e *emulator) value(ctx context.Context, id, label string) (string, error) {
	out, err := e.Secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &id, VersionStage: &label})
	if err != nil {
		return "", err
	}
	return *out.SecretString, nil
}

// holder is the version that bears a label, or empty.
func (e *emulator) holder(t *testing.T, id, label string) string {
	t.Helper()
	for version, labels := range e.described(t, id).VersionIdsToStages {
		if slices.Contains(labels, label) {
			return version
		}
	}
	return ""
}

// steps are what the function saw of a secret's steps, the first first.
func (e *emulator) steps(t *testing.T, name string) []rotationStep {
	t.Helper()
	var keys []string
	for _, step := range []string{"createSecret", "setSecret", "testSecret", "finishSecret"} {
		out := cloudtest.Must(e.S3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{
			Bucket: aws.String("rotations"), Prefix: aws.String(name + "/" + step + "/")}))(t)
		for _, object := range out.Contents {
			keys = append(keys, *object.Key)
		}
	}
	return e.readSteps(t, keys)
}

func (e *emulator) readSteps(t *testing.T, keys []string) []rotationStep {
	t.Helper()
	var all []rotationStep
	for _, key := range sortedByTime(keys) {
		out := cloudtest.Must(e.S3.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("rotations"), Key: &key}))(t)
		var seen rotationStep
		if err := errors.Join(json.NewDecoder(out.Body).Decode(&seen), out.Body.Close()); err != nil {
			t.Fatal(err)
		}
		all = append(all, seen)
	}
	return all
}

// sortedByTime sorts keys by the time that their last element is.
func sortedByTime(keys []string) []string {
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(path.Base(a), path.Base(b)) })
	return keys
}

// names are those of steps, in a row.
func names(steps []rotationStep) string {
	var all []string
	for _, s := range steps {
		all = append(all, s.Step)
	}
	return strings.Join(all, " ")
}

const wholeRotation = "createSecret setSecret testSecret finishSecret"

// eventually repeats a check until it finds no difference, for as long as a rotation may
// take. Nothing comes where the emulator is stock.
func (e *emulator) eventually(t *testing.T, check func() error) error {
	t.Helper()
	patience := 20 * time.Second
	if e == stock {
		patience = time.Second
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		difference := check()
		if difference == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return difference
		}
	}
}

// wantCurrent is what differs from a value that is current.
func (e *emulator) wantCurrent(t *testing.T, id, want string) error {
	t.Helper()
	got, err := e.value(t.Context(), id, "AWSCURRENT")
	if err != nil || got != want {
		return fmt.Errorf("current: got %q (%v), want %q", got, err, want)
	}
	return nil
}
