package awsrules

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// rotate asks for a rotation every 30 days by the account's function. Changes are made before it is sent.
func (e *env) rotate(t T, name string, changes ...func(*secretsmanager.RotateSecretInput)) error {
	in := &secretsmanager.RotateSecretInput{SecretId: &name, RotateImmediately: aws.Bool(false), RotationLambdaARN: &e.RotationFunction,
		RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}}
	for _, change := range changes {
		change(in)
	}
	_, err := e.secrets.RotateSecret(t.Context(), in)
	return err
}

// rotationRules are about the configuration of rotation, and about keys. Those that need a function are of accounts that have one.
func rotationRules() []Rule {
	const recorded = "recorded by localstack, test_secretsmanager.snapshot.json "
	return []Rule{
		{Name: "a secret that was never rotated does not say how", Source: recorded + "(test_rotate_secret_invalid_lambda_arn)",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "value")
				d := e.describe(t, name)
				Equal(t, "nothing", d.RotationEnabled == nil && d.RotationLambdaARN == nil && d.RotationRules == nil && d.NextRotationDate == nil, true)
			}},
		{Name: "RotateSecret needs a function", Source: "getmoto/moto PR #3912 (the answer of AWS)",
			play: func(t T, e *env) {
				name, _ := e.secret(t, "value")
				_, err := e.secrets.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: &name})
				Want(t, err, 400, "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
			}},
		{Name: "RotateSecret takes 1 to 1000 days", Source: "Secrets Manager API Reference, RotationRulesType", Function: true,
			play: func(t T, e *env) {
				name, _ := e.secret(t, "value")
				for _, days := range []int64{0, 1001} {
					Want(t, e.rotate(t, name, func(in *secretsmanager.RotateSecretInput) { in.RotationRules.AutomaticallyAfterDays = &days }),
						400, "InvalidParameterException")
				}
				Equal(t, "not on", e.describe(t, name).RotationEnabled == nil, true)
			}},
		{Name: "rotation is turned on, changed and off", Source: "Secrets Manager API Reference, DescribeSecret; " + recorded +
			"(test_rotate_secret_with_lambda_success)", Function: true,
			play: func(t T, e *env) {
				name, _ := e.secret(t, "value")
				Equal(t, "on", e.rotate(t, name), nil)
				d := e.describe(t, name)
				Equal(t, "is on", aws.ToBool(d.RotationEnabled) && d.NextRotationDate != nil && *d.RotationLambdaARN == e.RotationFunction, true)
				Equal(t, "days", *d.RotationRules.AutomaticallyAfterDays, 30)
				e.untilTested(t, name)
				Equal(t, "changed", e.rotate(t, name, func(in *secretsmanager.RotateSecretInput) {
					in.RotationLambdaARN, in.RotationRules.AutomaticallyAfterDays = nil, aws.Int64(7)
				}), nil)
				e.untilTested(t, name)
				Must[*secretsmanager.CancelRotateSecretOutput](t)(e.secrets.CancelRotateSecret(t.Context(),
					&secretsmanager.CancelRotateSecretInput{SecretId: &name}))
				d = e.describe(t, name)
				Equal(t, "is off", d.RotationEnabled != nil && !*d.RotationEnabled && d.NextRotationDate == nil && d.LastRotatedDate == nil, true)
				Equal(t, "days stay", *d.RotationRules.AutomaticallyAfterDays, 7)
			}},
		{Name: "a left AWSPENDING blocks RotateSecret", Source: "Secrets Manager API Reference, RotateSecret; terraform-provider-aws, " +
			"internal/service/secretsmanager/secret_rotation_test.go (words)", Function: true,
			play: func(t T, e *env) {
				name, _ := e.secret(t, "")
				Must[*secretsmanager.PutSecretValueOutput](t)(e.putValue(t, name, "first", token(1)))
				Must[*secretsmanager.PutSecretValueOutput](t)(e.putStaged(t, name, "second", token(2), "AWSPENDING"))
				Want(t, e.rotate(t, name), 400, "InvalidRequestException",
					"A previous rotation isn't complete. That rotation will be reattempted.")
				Equal(t, "not on", aws.ToBool(e.describe(t, name).RotationEnabled), false)
				Equal(t, "taken off", e.moveStage(t, name, "AWSPENDING", token(2), ""), nil)
				Equal(t, "attached to the current one", e.moveStage(t, name, "AWSPENDING", "", token(1)), nil)
				Equal(t, "on", e.rotate(t, name), nil)
			}},
		{Name: "a secret marked deleted is not rotated", Source: "Secrets Manager API Reference, RotateSecret and CancelRotateSecret, Errors", Function: true,
			play: func(t T, e *env) {
				name, _ := e.secret(t, "value")
				Equal(t, "delete", e.removeSecret(t.Context(), name, 7), nil)
				Want(t, e.rotate(t, name), 400, "InvalidRequestException")
				_, err := e.secrets.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &name})
				Want(t, err, 400, "InvalidRequestException")
			}},
		{Name: "a key that was never used has no date", Source: "IAM API Reference, AccessKeyLastUsed",
			play: func(t T, e *env) {
				name := e.user(t)
				k, _ := e.key(t, name)
				out := Must[*iam.GetAccessKeyLastUsedOutput](t)(e.iam.GetAccessKeyLastUsed(t.Context(),
					&iam.GetAccessKeyLastUsedInput{AccessKeyId: k.AccessKeyId}))
				Equal(t, "user", *out.UserName, name)
				Equal(t, "service", *out.AccessKeyLastUsed.ServiceName, "N/A")
				Equal(t, "no date", out.AccessKeyLastUsed.LastUsedDate == nil, true)
			}},
	}
}

// untilTested waits until AWSPENDING is on no version, or on the current one: a new configuration is tested beside.
func (e *env) untilTested(t T, name string) {
	t.Helper()
	e.eventually(t, func() error {
		for id, stages := range e.describe(t, name).VersionIdsToStages {
			if slices.Contains(stages, "AWSPENDING") && !slices.Contains(stages, "AWSCURRENT") {
				return fmt.Errorf("AWSPENDING is still on %s", id)
			}
		}
		return nil
	})
}
