package awsfake

import (
	"bytes"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	stageCurrent  = "AWSCURRENT"
	stagePrevious = "AWSPREVIOUS"
)

// secretVersion is a value under its client request token, which is the version id. Without labels it is deprecated:
// DescribeSecret does not list it, and it can be read by its id, for a day at least (Secrets Manager User Guide, Quotas).
// That AWS drops such versions in the end is not simulated.
type secretVersion struct {
	id     string
	text   *string
	binary []byte
	stages []string

	created time.Time
	kmsKeys []string // each of which decrypts it
}

func (v *secretVersion) same(text *string, binary []byte) bool {
	return aws.ToString(v.text) == aws.ToString(text) && (v.text == nil) == (text == nil) && bytes.Equal(v.binary, binary)
}

// isEmpty tells whether a version has no value yet: Secrets Manager makes it before it calls createSecret.
func (v *secretVersion) isEmpty() bool { return v.text == nil && v.binary == nil }

func (s *secret) version(id string) *secretVersion {
	for _, v := range s.versions {
		if v.id == id {
			return v
		}
	}
	return nil
}

func (s *secret) staged(stage string) *secretVersion {
	for _, v := range s.versions {
		if slices.Contains(v.stages, stage) {
			return v
		}
	}
	return nil
}

// put adds a version, or gives one its value, and moves stages to it. The version that loses AWSCURRENT becomes AWSPREVIOUS.
func (s *secret) put(id string, text *string, binary []byte, stages []string) {
	v := s.version(id) // one without a value, or none
	if v == nil {
		v = &secretVersion{id: id, created: time.Now()}
		s.versions = append(s.versions, v)
	}
	v.binary, v.kmsKeys = bytes.Clone(binary), []string{kmsKey(s.kmsKey)}
	if text != nil {
		v.text = aws.String(*text)
	}
	s.moveAll(stages, v)
}

func (s *secret) moveAll(stages []string, to *secretVersion) {
	for _, stage := range stages {
		s.move(stage, to)
	}
}

func (s *secret) move(stage string, to *secretVersion) {
	from := s.staged(stage)
	if from == to {
		return
	}
	if from != nil {
		from.lose(stage)
		if stage == stageCurrent {
			s.move(stagePrevious, from)
		}
	}
	to.stages = append(to.stages, stage)
	slices.Sort(to.stages)
}

// checkToken is the length that Secrets Manager asks of a client request token.
func checkToken(token string) error {
	if len(token) < 32 || len(token) > 64 {
		return fail(400, "InvalidParameterException", "ClientRequestToken must be 32-64 characters long.")
	}
	return nil
}

// maxSecretValue is the length in bytes of the longest value: Secrets Manager User Guide, Quotas.
const maxSecretValue = 65536

func checkLength(text *string, binary []byte) error {
	if max(len(aws.ToString(text)), len(binary)) > maxSecretValue {
		return fail(400, "ValidationException", "1 validation error detected: Value at 'secretString' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", maxSecretValue)
	}
	return nil
}

func tokenInUse(token string, s *secret) *Error {
	return fail(400, "ResourceExistsException",
		"You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", token, s.arn)
}

func (a *AWS) getSecretValue(in *secretsmanager.GetSecretValueInput) (*secretsmanager.GetSecretValueOutput, error) {
	s, err := a.liveSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	stage, id := aws.ToString(in.VersionStage), aws.ToString(in.VersionId)
	if stage == "" {
		stage = stageCurrent
	}
	v, what := s.staged(stage), "staging label: "+stage
	if id != "" {
		v, what = s.version(id), "VersionId: "+id
		if v != nil && in.VersionStage != nil && !slices.Contains(v.stages, stage) {
			return nil, fail(400, "InvalidRequestException",
				"You provided a VersionStage that is not associated to the provided VersionId.")
		}
	}
	if v == nil || v.isEmpty() {
		return nil, fail(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret value for %s", what)
	}
	if !a.canDecrypt(v) {
		return nil, decryptionFailure()
	}
	out := &secretsmanager.GetSecretValueOutput{
		ARN:           aws.String(s.arn),
		Name:          aws.String(s.name),
		VersionId:     aws.String(v.id),
		VersionStages: slices.Clone(v.stages),
		SecretBinary:  bytes.Clone(v.binary),
		CreatedDate:   aws.Time(v.created),
	}
	if v.text != nil {
		out.SecretString = aws.String(*v.text)
	}
	return out, nil
}

// putSecretValue is the compare-and-set that the commit relies on: a token stands for one value for ever.
func (a *AWS) putSecretValue(in *secretsmanager.PutSecretValueInput) (*secretsmanager.PutSecretValueOutput, error) {
	token := aws.ToString(in.ClientRequestToken)
	if err := checkToken(token); err != nil {
		return nil, err
	}
	if err := checkLength(in.SecretString, in.SecretBinary); err != nil {
		return nil, err
	}
	s, err := a.liveSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	if in.SecretString == nil && in.SecretBinary == nil {
		return nil, fail(400, "InvalidRequestException", "You must provide either SecretString or SecretBinary.")
	}
	v := s.version(token)
	switch isNew := v == nil || v.isEmpty(); {
	case isNew:
		v, err = a.putNew(s, in)
	case !v.same(in.SecretString, in.SecretBinary):
		err = tokenInUse(token, s)
	case a.RepeatedPutMoves:
		s.moveAll(in.VersionStages, v)
	}
	if err != nil {
		return nil, err
	}
	return &secretsmanager.PutSecretValueOutput{
		ARN:           aws.String(s.arn),
		Name:          aws.String(s.name),
		VersionId:     aws.String(v.id),
		VersionStages: slices.Clone(v.stages),
	}, nil
}

// putNew gives a value to a version that is not there, or has none.
func (a *AWS) putNew(s *secret, in *secretsmanager.PutSecretValueInput) (*secretVersion, error) {
	if err := a.checkEncryption(s); err != nil {
		return nil, err
	}
	stages := slices.Clone(in.VersionStages)
	if len(stages) == 0 {
		stages = []string{stageCurrent}
	}
	if len(s.versions) == 0 && !slices.Contains(stages, stageCurrent) {
		stages = append(stages, stageCurrent) // the first version is always current
	}
	if err := s.roomForStages(stages); err != nil {
		return nil, err
	}
	s.put(*in.ClientRequestToken, in.SecretString, in.SecretBinary, stages)
	v, by := s.version(*in.ClientRequestToken), changedValue
	if slices.Contains(stages, stageCurrent) {
		by = changedCurrent
		s.rotation.schedule() // a value that is put counts as a rotation: API Reference, RotationRulesType
	}
	a.abandon(s, v, by)
	return v, nil
}

func (a *AWS) updateSecret(in *secretsmanager.UpdateSecretInput) (*secretsmanager.UpdateSecretOutput, error) {
	s, err := a.liveSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	was := s.kmsKey
	if in.KmsKeyId != nil {
		if err := a.setKmsKey(s, *in.KmsKeyId); err != nil {
			return nil, err
		}
	}
	out := &secretsmanager.UpdateSecretOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}
	if in.SecretString != nil || in.SecretBinary != nil {
		put, err := a.putSecretValue(&secretsmanager.PutSecretValueInput{
			SecretId:           in.SecretId,
			ClientRequestToken: in.ClientRequestToken,
			SecretString:       in.SecretString,
			SecretBinary:       in.SecretBinary,
		})
		if err != nil {
			s.kmsKey = was
			return nil, err
		}
		out.VersionId = put.VersionId
	}
	if in.Description != nil {
		s.description = *in.Description
	}
	return out, nil
}
