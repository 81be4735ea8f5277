package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// repair takes the bucket policy away, as people's hands do. The operator's program says so, and a change of Trigger
// brings it back.
func (l *live) repair(ctx context.Context) error {
	bucket := aws.String(l.consumer.bucket())
	if _, err := l.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: bucket}); err != nil {
		return err
	}
	if err := l.wantStatus(ctx, 1, "policy"); err != nil {
		return err
	}
	if err := l.change(ctx, map[string]any{"Trigger": "repair"}); err != nil {
		return err
	}
	return allowed(ctx, "a write after the repair", func() error { return l.consumer.put(ctx, "extra/again") })
}

// rotateBySerial makes a new key, beside which the one before works. Both may write below data/ again.
func (l *live) rotateBySerial(ctx context.Context) error {
	if err := l.change(ctx, map[string]any{"KeySerial": 1, "Access": nil, "Prefix": nil}); err != nil {
		return err
	}
	if err := l.follow(ctx); err != nil {
		return err
	}
	return l.bothWork(ctx)
}

func (l *live) bothWork(ctx context.Context) error {
	return errors.Join(
		allowed(ctx, "a write with the new key", func() error { return l.consumer.put(ctx, "data/new") }),
		allowed(ctx, "a write with the key before", func() error { return l.before.put(ctx, "data/before") }))
}

// rotateUnproven makes a key that is not proven. The log says so.
func (l *live) rotateUnproven(ctx context.Context) error {
	if err := l.change(ctx, map[string]any{"KeySerial": 2, "VerifyCredentials": false}); err != nil {
		return err
	}
	if err := l.follow(ctx); err != nil {
		return err
	}
	return await(ctx, lagLimit, func() error {
		lines, err := l.logged(ctx, `"does not prove the new key"`)
		if err == nil && len(lines) == 0 {
			err = errors.New("the log does not say that the new key was not proven")
		}
		return err
	})
}

// deletePrevious answers a leak: no key but the newest is left.
func (l *live) deletePrevious(ctx context.Context) error {
	leaked := []*consumer{l.before, l.consumer}
	for serial := 3; ; serial++ {
		// A key of the very second of the update would count as one that was made beside it.
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		err := l.change(ctx, map[string]any{"KeySerial": serial, "PreviousKey": "Delete", "VerifyCredentials": nil})
		if err != nil {
			return err
		}
		if err := l.follow(ctx); err != nil {
			return err
		}
		isAlone, err := l.hasOneKey(ctx)
		if err != nil {
			return err
		}
		if isAlone || serial == lastSerial {
			break
		}
		l.say("the previous key is still there; asking once more, as the function's log advises then")
		leaked = append(leaked, l.consumer)
	}
	var err error
	for _, old := range leaked {
		err = errors.Join(err, refused(ctx, "a write with the key "+old.key(), "InvalidAccessKeyId", func() error { return old.put(ctx, "data/leaked") }))
	}
	return errors.Join(err, allowed(ctx, "a write with the new key", func() error { return l.consumer.put(ctx, "data/new") }))
}

// lastSerial ends the attempts: where CloudFormation does not answer in time, the function leaves the previous key.
const lastSerial = 6

// hasOneKey tells whether the user has no key beside that of the secret.
func (l *live) hasOneKey(ctx context.Context) (bool, error) {
	keys, err := l.iam.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String(l.outputs["UserName"])})
	if err != nil {
		return false, err
	}
	return len(keys.AccessKeyMetadata) == 1, nil
}

// turnScheduleOn asks what AWSPENDING holds meanwhile.
func (l *live) turnScheduleOn(ctx context.Context) error {
	err := l.whilePending(ctx, func() error { return l.change(ctx, map[string]any{"RotateAfterDays": days}) })
	if err != nil {
		return err
	}
	secret, err := l.describe(ctx)
	if err != nil {
		return err
	}
	if !aws.ToBool(secret.RotationEnabled) || aws.ToInt64(secret.RotationRules.AutomaticallyAfterDays) != days {
		return fmt.Errorf("secret %s: is not rotated every %d days", l.outputs["SecretArn"], days)
	}
	return nil
}

// days is that of RotateAfterDays: longer than any run.
const days = 1000

// rotationLimit is how long a rotation may take: Secrets Manager begins it when it likes.
const rotationLimit = 15 * time.Minute

// rotateBySchedule has Secrets Manager do now what the schedule does, as the operator's program has it.
func (l *live) rotateBySchedule(ctx context.Context) error {
	if err := l.operate(ctx, "rotate", 0, ""); err != nil {
		return err
	}
	if err := await(ctx, lagLimit, func() error { return l.follow(ctx) }); err != nil {
		return err
	}
	if err := errors.Join(l.bothWork(ctx), l.healthy(ctx)); err != nil {
		return err
	}
	return l.askWhereAWSPENDINGIs(ctx)
}

// rotate calls RotateSecret as soon as the rotation before has let go of AWSPENDING.
func (l *live) rotate(ctx context.Context, secretARN string) error {
	return await(ctx, rotationLimit, func() error {
		_, err := l.secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: &secretARN})
		return err
	})
}

func (l *live) turnScheduleOff(ctx context.Context) error {
	if err := l.change(ctx, map[string]any{"RotateAfterDays": nil}); err != nil {
		return err
	}
	secret, err := l.describe(ctx)
	if err == nil && aws.ToBool(secret.RotationEnabled) {
		err = fmt.Errorf("secret %s: is still rotated", l.outputs["SecretArn"])
	}
	return err
}
