package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// putBench writes a value under a token, with one label.
func (b *bench) put(ctx context.Context, token, value, label string) error {
	_, err := b.l.secrets.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{
		SecretId: &b.secret, ClientRequestToken: &token, SecretString: &value, VersionStages: []string{label}})
	return err
}

// stages are the labels of a version of the bench's secret.
func (b *bench) stages(ctx context.Context, version string) ([]string, error) {
	out, err := b.l.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &b.secret})
	if err != nil {
		return nil, err
	}
	return out.VersionIdsToStages[version], nil
}

func askTokenConflict(ctx context.Context, l *live, said *calls) (string, error) {
	if err := l.bench.put(ctx, token(2), "second", "AWSCURRENT"); err != nil {
		return "", err
	}
	return codeOf(l.bench.put(said.in(ctx), token(2), "another", "AWSCURRENT")), nil
}

// askRepeatedPut repeats what askTokenConflict has put, with another label.
func askRepeatedPut(ctx context.Context, l *live, said *calls) (string, error) {
	err := l.bench.put(said.in(ctx), token(2), "second", "probe")
	if err != nil {
		return codeOf(err), nil
	}
	stages, err := l.bench.stages(ctx, token(2))
	if slices.Contains(stages, "probe") {
		return "ok, and the label moves", err
	}
	return "ok, and no label moves", err
}

// askMovedLabel says that AWSCURRENT is where it was before.
func askMovedLabel(ctx context.Context, l *live, said *calls) (string, error) {
	if err := l.bench.put(ctx, token(3), "third", "probe3"); err != nil {
		return "", err
	}
	_, err := l.secrets.UpdateSecretVersionStage(said.in(ctx), &secretsmanager.UpdateSecretVersionStageInput{
		SecretId: &l.bench.secret, VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: aws.String(token(3)), RemoveFromVersionId: aws.String(token(1))})
	stages, look := l.bench.stages(ctx, token(2))
	return fmt.Sprintf("%s; the current version is where it was: %t", codeOf(err), slices.Contains(stages, "AWSCURRENT")), look
}

// askDeletedSecret is the last that is asked of the secret.
func askDeletedSecret(ctx context.Context, l *live, said *calls) (string, error) {
	_, err := l.secrets.DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: &l.bench.secret, ForceDeleteWithoutRecovery: aws.Bool(true)})
	if err != nil {
		return "", err
	}
	return until(ctx, said, func(ctx context.Context) error {
		_, err := l.secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &l.bench.secret, SecretString: aws.String("again")})
		return err
	}, "ok")
}
