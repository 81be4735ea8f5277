package awsfake_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

// rotationToken is the n-th token that the rules use.
func rotationToken(n int) string { return fmt.Sprintf("rules-kms-token-%020d", n) }

// putStaged puts a value under labels, with the n-th token.
func putStaged(t *testing.T, c clients, n int, value string, stages ...string) error {
	_, err := c.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("s"), SecretString: &value,
		ClientRequestToken: aws.String(rotationToken(n)), VersionStages: stages})
	return err
}

// moveStage moves a label between the versions of two tokens; 0 is none.
func moveStage(t *testing.T, c clients, stage string, from, to int) error {
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: aws.String("s"), VersionStage: &stage}
	if from > 0 {
		in.RemoveFromVersionId = aws.String(rotationToken(from))
	}
	if to > 0 {
		in.MoveToVersionId = aws.String(rotationToken(to))
	}
	_, err := c.secrets.UpdateSecretVersionStage(t.Context(), in)
	return err
}

func rotateSecret(t *testing.T, fake *awsfake.AWS, c clients, now bool) error {
	_, err := c.secrets.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: aws.String("s"), RotateImmediately: &now,
		ClientRequestToken: aws.String(rotationToken(9)), RotationLambdaARN: aws.String(fake.FunctionARN("rotation")),
		RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}})
	return err
}

// stagesOf are the labels of the versions of the secret, oldest first, with commas within a version.
func stagesOf(fake *awsfake.AWS) string {
	var out []string
	for _, v := range fake.Snapshot().Secrets["s"].Versions {
		out = append(out, strings.Join(v.Stages, ","))
	}
	return strings.Join(out, " ")
}

// isRotated tells whether DescribeSecret says that rotation is on.
func isRotated(t *testing.T, c clients) bool {
	t.Helper()
	return aws.ToBool(awsrules.Must[*secretsmanager.DescribeSecretOutput](t)(c.secrets.DescribeSecret(t.Context(),
		&secretsmanager.DescribeSecretInput{SecretId: aws.String("s")})).RotationEnabled)
}

// rotationRules (L17) are about rotations that are under way, about what may be either way, and about rights and uses of keys.
func rotationRules() []fakeRule {
	return slices.Concat(pendingRules(), eitherRules(), []fakeRule{
		{"L17: a function that may not be invoked yet has RotateSecret refused", "recorded by localstack, test_secretsmanager.snapshot.json " +
			"(test_rotate_secret_invalid_lambda_arn); aws-cdk #26481: for a while",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddSecret("s", "value", nil)
				fake.LateFunction = time.Now().Add(time.Minute)
				awsrules.Want(t, rotateSecret(t, fake, c, false), 400, "AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function. "+
					"Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com.")
				awsrules.Equal(t, "on", isRotated(t, c), false)
				pass(time.Minute)
				awsrules.Equal(t, "later", rotateSecret(t, fake, c, false), nil)
				awsrules.Equal(t, "on", isRotated(t, c), true)
			}},
		{"L2: RotateSecret needs a right on the function as well", "Secrets Manager API Reference, RotateSecret: lambda:InvokeFunction",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddSecret("s", "value", nil)
				fake.DelayRights("provider", time.Minute, "lambda:InvokeFunction")
				awsrules.Want(t, rotateSecret(t, fake, c, false), 400, "AccessDeniedException", "User: arn:aws:sts::"+account+
					":assumed-role/provider/provider-1 is not authorized to perform: lambda:InvokeFunction on resource: "+fake.FunctionARN("rotation")+
					" because no identity-based policy allows the lambda:InvokeFunction action")
				_, err := c.secrets.CancelRotateSecret(t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: aws.String("s")})
				awsrules.Equal(t, "off needs none", err, nil)
			}},
		{"a key has the time of its last use, when IAM has heard of it", "IAM API Reference, AccessKeyLastUsed",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddUser("alice", "/team/", nil)
				id, _ := fake.AddKey("alice")
				at := time.Now().Add(-time.Hour)
				fake.SetKeyUsed(id, at)
				out := awsrules.Must[*iam.GetAccessKeyLastUsedOutput](t)(c.iam.GetAccessKeyLastUsed(t.Context(),
					&iam.GetAccessKeyLastUsedInput{AccessKeyId: &id}))
				awsrules.Equal(t, "used", aws.ToTime(out.AccessKeyLastUsed.LastUsedDate).Equal(at), true)
				awsrules.Equal(t, "service", *out.AccessKeyLastUsed.ServiceName, "s3")
			}},
		{"L3: the last use of a key is asked of its user", "Service Authorization Reference, IAM, GetAccessKeyLastUsed; inferred for a key that nobody has",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				for path, allowed := range map[string]bool{"/team/": true, "/": false} {
					fake.AddUser("alice", path, nil)
					id, _ := fake.AddKey("alice")
					fake.UserPath = "/team/"
					_, err := c.iam.GetAccessKeyLastUsed(t.Context(), &iam.GetAccessKeyLastUsedInput{AccessKeyId: &id})
					if awsrules.Equal(t, path, err == nil, allowed); !allowed {
						awsrules.Want(t, err, 403, "AccessDenied")
					}
				}
				for _, path := range []string{"/team/", ""} {
					fake.UserPath = path
					_, err := c.iam.GetAccessKeyLastUsed(t.Context(), &iam.GetAccessKeyLastUsedInput{AccessKeyId: aws.String("AKIAIOSFODNN7EXAMPLE")})
					awsrules.Want(t, err, 403, "AccessDenied")
				}
			}},
	})
}

// pendingRules are about a rotation that is under way.
func pendingRules() []fakeRule {
	read := func(t *testing.T, c clients, id, stage *string) error {
		_, err := c.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("s"), VersionId: id, VersionStage: stage})
		return err
	}
	return []fakeRule{
		{"a rotation begins with a version that has no value", "aws-secrets-manager-rotation-lambdas, SecretsManagerRotationTemplate, create_secret",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddSecret("s", "value", nil)
				awsrules.Equal(t, "rotated", rotateSecret(t, fake, c, true), nil)
				awsrules.Equal(t, "labels", stagesOf(fake), "AWSCURRENT AWSPENDING")
				id, stage := aws.String(rotationToken(9)), aws.String("AWSPENDING")
				awsrules.Want(t, read(t, c, id, nil), 400, "ResourceNotFoundException")
				awsrules.Want(t, read(t, c, nil, stage), 400, "ResourceNotFoundException",
					"Secrets Manager can't find the specified secret value for staging label: AWSPENDING")
				awsrules.Want(t, read(t, c, id, stage), 400, "ResourceNotFoundException")
				awsrules.Equal(t, "put", putStaged(t, c, 9, "next", "AWSPENDING"), nil)
				awsrules.Equal(t, "read", read(t, c, id, stage), nil)
				awsrules.Equal(t, "again", putStaged(t, c, 9, "next", "AWSPENDING"), nil)
				awsrules.Want(t, putStaged(t, c, 9, "another", "AWSPENDING"), 400, "ResourceExistsException")
				awsrules.Equal(t, "labels", stagesOf(fake), "AWSCURRENT AWSPENDING")
			}},
		{"RotateSecret is idempotent by its token", "Secrets Manager API Reference, RotateSecret, ClientRequestToken",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddSecret("s", "value", nil)
				for range 2 {
					awsrules.Equal(t, "rotated", rotateSecret(t, fake, c, true), nil)
				}
				awsrules.Equal(t, "labels", stagesOf(fake), "AWSCURRENT AWSPENDING")
				_, err := c.secrets.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{SecretId: aws.String("s")})
				awsrules.Want(t, err, 400, "InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted.")
			}},
		{"CancelRotateSecret leaves the labels as they are", "Secrets Manager API Reference, CancelRotateSecret",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddSecret("s", "value", nil)
				awsrules.Equal(t, "rotated", rotateSecret(t, fake, c, true), nil)
				out := awsrules.Must[*secretsmanager.CancelRotateSecretOutput](t)(c.secrets.CancelRotateSecret(t.Context(),
					&secretsmanager.CancelRotateSecretInput{SecretId: aws.String("s")}))
				awsrules.Equal(t, "version", *out.VersionId, rotationToken(9))
				awsrules.Equal(t, "labels", stagesOf(fake), "AWSCURRENT AWSPENDING")
				awsrules.Equal(t, "on", isRotated(t, c), false)
				awsrules.Want(t, rotateSecret(t, fake, c, false), 400, "InvalidRequestException",
					"A previous rotation isn't complete. That rotation will be reattempted.")
			}},
		{"another KMS key is for three labels alone", "Secrets Manager API Reference, UpdateSecret, KmsKeyId",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddSecret("s", "value", nil)
				awsrules.Equal(t, "put", putStaged(t, c, 1, "pending", "AWSPENDING"), nil)
				awsrules.Equal(t, "put", putStaged(t, c, 2, "mine", "mine"), nil)
				awsrules.Equal(t, "another key", setKmsKey(t, c, "alias/mine"), nil)
				fake.SetKmsKeyUsable("", false)
				awsrules.Equal(t, "pending", read(t, c, nil, aws.String("AWSPENDING")), nil)
				awsrules.Want(t, read(t, c, nil, aws.String("mine")), 400, "DecryptionFailure")
			}},
	}
}

// eitherRules are about what can be either way: each is played in each.
func eitherRules() []fakeRule {
	return []fakeRule{
		{"L17: a new value abandons a rotation", "Secrets Manager User Guide, Log events with CloudTrail, RotationAbandoned: of which labels is not said; " +
			"terraform-provider-aws, secret_rotation_test.go, for a value that is current",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				for how, want := range map[awsfake.Abandonment]string{
					awsfake.NotAbandoned:     "staged AWSPENDING, moved AWSPENDING, current AWSPENDING",
					awsfake.AbandonedByValue: "staged AWSPENDING, moved AWSPENDING, current ",
					awsfake.AbandonedByAny:   "staged , moved , current ",
				} {
					var got []string
					for _, what := range []string{"staged", "moved", "current"} {
						got = append(got, what+" "+afterChange(t, fake, c, how, what))
					}
					awsrules.Equal(t, string(how), strings.Join(got, ", "), want)
				}
				fake.AddSecret("s", "", nil) // that nobody rotates: the label is somebody's own
				awsrules.Equal(t, "put", putStaged(t, c, 1, "first", "AWSPENDING"), nil)
				awsrules.Equal(t, "put", putStaged(t, c, 2, "second"), nil)
				awsrules.Equal(t, "labels", stagesOf(fake), "AWSPENDING,AWSPREVIOUS AWSCURRENT")
			}},
		{"L17: AWSPENDING comes off by the move of AWSCURRENT, or stays", "Secrets Manager User Guide, Lambda rotation functions; " +
			"aws-secrets-manager-rotation-lambdas #168",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				for ends, want := range map[bool]string{true: "AWSPREVIOUS AWSCURRENT", false: "AWSPREVIOUS AWSCURRENT,AWSPENDING"} {
					fake.MoveEndsPending = ends
					fake.AddSecret("s", "", nil)
					awsrules.Equal(t, "put", putStaged(t, c, 1, "first"), nil)
					awsrules.Equal(t, "put", putStaged(t, c, 2, "second", "AWSPENDING"), nil)
					awsrules.Equal(t, "moved", moveStage(t, c, "AWSCURRENT", 1, 2), nil)
					awsrules.Equal(t, "labels", stagesOf(fake), want)
				}
			}},
		{"L17: a refused move has one of two codes", "Secrets Manager API Reference, UpdateSecretVersionStage, Errors: which of them is not said",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddSecret("s", "", nil)
				awsrules.Equal(t, "put", putStaged(t, c, 1, "first"), nil)
				awsrules.Equal(t, "put", putStaged(t, c, 2, "second", "mine"), nil)
				for request, code := range map[bool]string{false: "InvalidParameterException", true: "InvalidRequestException"} {
					fake.StagesInvalidRequest = request
					awsrules.Want(t, moveStage(t, c, "AWSCURRENT", 2, 2), 400, code)
					awsrules.Want(t, moveStage(t, c, "AWSCURRENT", 0, 0), 400, code)
				}
			}},
		{"L17: a repeated PutSecretValue moves no labels, or moves them", "Secrets Manager API Reference, PutSecretValue: it does nothing; " +
			"nobody has recorded it for labels",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				for moves, want := range map[bool]string{false: "AWSCURRENT  mine", true: "AWSCURRENT mine "} {
					fake.RepeatedPutMoves = moves
					fake.AddSecret("s", "", nil)
					for _, n := range []int{1, 2, 3, 2} {
						awsrules.Equal(t, "put", putStaged(t, c, n, fmt.Sprint(n), "mine"), nil)
						awsrules.Equal(t, "taken off", moveIf(t, c, n == 1), nil)
					}
					awsrules.Equal(t, "labels", stagesOf(fake), want)
				}
			}},
	}
}

// moveIf takes the label mine off the first version, if that is asked for.
func moveIf(t *testing.T, c clients, asked bool) error {
	if !asked {
		return nil
	}
	return moveStage(t, c, "mine", 1, 0)
}

// afterChange is the label of a pending version after a value was put under a label of its own, after AWSCURRENT moved to that, or
// after one was put that is current.
func afterChange(t *testing.T, fake *awsfake.AWS, c clients, how awsfake.Abandonment, what string) string {
	t.Helper()
	fake.Abandonment = awsfake.NotAbandoned
	fake.AddSecret("s", "", nil)
	awsrules.Equal(t, "put", putStaged(t, c, 1, "first"), nil)
	awsrules.Equal(t, "put", putStaged(t, c, 2, "second", "mine"), nil)
	awsrules.Equal(t, "rotated", rotateSecret(t, fake, c, true), nil)
	fake.Abandonment = how
	awsrules.Equal(t, "the rotation's own value", putStaged(t, c, 9, "pending", "AWSPENDING"), nil)
	change := map[string]func() error{
		"staged":  func() error { return putStaged(t, c, 3, "third", "mine") },
		"moved":   func() error { return moveStage(t, c, "AWSCURRENT", 1, 2) },
		"current": func() error { return putStaged(t, c, 3, "third") },
	}[what]
	awsrules.Equal(t, what, change(), nil)
	return strings.Join(fake.Snapshot().Secrets["s"].Versions[2].Stages, ",")
}
