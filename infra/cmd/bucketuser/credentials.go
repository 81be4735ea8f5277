package main

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/spf13/cobra"

	"bucketuser/infra/internal/formats"
	"bucketuser/infra/internal/target"
)

// credentials hands out what the secret of a resource holds.
func (o *operator) credentials() *cobra.Command {
	format := "env"
	command := &cobra.Command{
		Use:   "credentials [STACK]",
		Short: "Print the credentials of a resource",
		Args:  o.atMostOneStack,
		RunE: func(command *cobra.Command, _ []string) error {
			f, err := formats.Named(format)
			if err != nil {
				return err
			}
			config, found, err := o.find(command)
			if err != nil {
				return err
			}
			value, err := valueOf(command.Context(), config, found)
			if err != nil {
				return err
			}
			text, err := f.Text(value)
			if err != nil {
				return wrongError{fmt.Errorf("secret %s: %w", found.SecretName, err)}
			}
			_, err = o.out.Write(text)
			return err
		},
	}
	command.Flags().StringVar(&format, "format", format, "one of "+formats.Names())
	return command
}

// valueOf is what the secret of a resource holds.
func valueOf(ctx context.Context, config aws.Config, found target.Target) (string, error) {
	if !found.Deleted.IsZero() {
		return "", wrongError{fmt.Errorf("secret %s: is being deleted, since %s; it cannot be read", found.SecretName, found.Deleted.Format("2006-01-02 15:04 MST"))}
	}
	out, err := secretsmanager.NewFromConfig(config).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &found.SecretARN})
	if err != nil {
		return "", target.Explain(fmt.Errorf("secret %s: %w", found.SecretName, err))
	}
	return aws.ToString(out.SecretString), nil
}
