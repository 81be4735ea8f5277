package awsfake

import (
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// expire removes the secrets whose recovery window has passed. The caller holds the lock.
func (a *AWS) expire() {
	maps.DeleteFunc(a.secrets, func(_ string, s *secret) bool { return !s.gone.IsZero() && !time.Now().Before(s.gone) })
}

// lapse is expire by nobody's doing but that of time.
func (a *AWS) lapse() {
	was := len(a.secrets)
	if a.expire(); len(a.secrets) < was {
		a.note(Call{})
	}
}

// deleteSecret with force succeeds for what does not exist; it also ends the recovery window of one that waits.
func (a *AWS) deleteSecret(in *secretsmanager.DeleteSecretInput) (*secretsmanager.DeleteSecretOutput, error) {
	force, window := aws.ToBool(in.ForceDeleteWithoutRecovery), in.RecoveryWindowInDays
	switch {
	case window != nil && (*window < 7 || *window > 30):
		return nil, fail(400, "InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	case force && window != nil:
		return nil, fail(400, "InvalidParameterException",
			"You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	}
	s, err := a.secret(in.SecretId)
	if err != nil && force {
		name := aws.ToString(in.SecretId)
		return &secretsmanager.DeleteSecretOutput{Name: aws.String(name), ARN: aws.String(a.arn("secretsmanager", "secret:"+name)),
			DeletionDate: aws.Time(time.Now())}, nil
	}
	if err != nil {
		return nil, err
	}
	if !force {
		if s, err = a.liveSecret(in.SecretId); err != nil {
			return nil, err
		}
	}
	s.deleted = time.Now()
	days := 30
	if window != nil {
		days = int(*window)
	}
	s.gone = s.deleted.Add(time.Duration(days) * 24 * time.Hour)
	if force {
		s.forced, s.gone = true, s.deleted.Add(a.SecretDeletion)
	}
	out := &secretsmanager.DeleteSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name), DeletionDate: aws.Time(s.gone)}
	a.expire()
	return out, nil
}

// restoreSecret changes nothing on a secret that was not deleted.
func (a *AWS) restoreSecret(in *secretsmanager.RestoreSecretInput) (*secretsmanager.RestoreSecretOutput, error) {
	s, err := a.secret(in.SecretId)
	if err != nil {
		return nil, err
	}
	s.deleted, s.gone = time.Time{}, time.Time{}
	return &secretsmanager.RestoreSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}, nil
}
