package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"bucketuser/infra/internal/formats"
	"bucketuser/infra/internal/target"
	"bucketuser/lambda/spec"
)

// credentials hands out what the secret of a resource holds.
func (o *operator) credentials() *cobra.Command {
	var format, file string
	command := &cobra.Command{
		Use:   "credentials [STACK]",
		Short: "Print the credentials of a resource, or write them to a file",
		Example: `  bucketuser credentials --format aws-profile >> ~/.aws/credentials
  bucketuser credentials Storage --resource Disk --format clickhouse-xml --output disk.xml
  bucketuser credentials --secret clickhouse/s3 --format json | jq -r .S3_URL`,
		Args: o.atMostOneStack,
		RunE: func(command *cobra.Command, _ []string) error { return o.handOut(command, format, file) },
	}
	flags := command.Flags()
	flags.StringVar(&format, "format", "env", "one of "+strings.Join(formats.Names(), ", "))
	flags.StringVar(&file, "output", "", "file to write, with mode 0600; nothing is printed then")
	_ = command.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats.Names(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return command
}

// handOut prints the credentials, or writes them to a file.
func (o *operator) handOut(command *cobra.Command, format, file string) error {
	f, err := formats.Named(format)
	if err != nil {
		return err
	}
	if file, err = place(file); err != nil {
		return err
	}
	config, found, err := o.find(command)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(found.StackStatus, "_COMPLETE") && found.StackStatus != "" {
		o.say("the stack is in " + found.StackStatus + "; bucketuser status tells whether the key works")
	}
	r, err := resource(command.Context(), config, found, f)
	if err != nil {
		return err
	}
	text, err := f.Text(r)
	if err != nil {
		return err
	}
	o.say(f.Note(r))
	if found.Endpoint != "" && bytes.Contains(text, []byte(".amazonaws.com/")) {
		o.say("its URLs are AWS's; here use " + found.Endpoint + "/" + r.Fields[spec.FieldBucket] + "/" + r.Fields[spec.FieldPrefix])
	}
	if file == "" {
		return o.print(text, f.NeedsValue)
	}
	if err := replace(file, text, func(earlier []byte) error { return f.Spare(r, earlier) }); err != nil {
		return err
	}
	o.say("wrote " + file + ", which you alone may read")
	return nil
}

// print prints what may be secret.
func (o *operator) print(text []byte, isSecret bool) error {
	if isSecret && isTerminal(o.out) {
		o.say("what follows is secret; --output FILE keeps it off the screen")
	}
	_, err := o.out.Write(text)
	return err
}

// resource is what the format may write of what was found.
func resource(ctx context.Context, config aws.Config, found target.Target, f formats.Format) (formats.Resource, error) {
	r := formats.Resource{Name: formats.NameOf(found.StackName(), found.LogicalID, found.SecretName), SecretName: found.SecretName, Region: found.Region}
	if !f.NeedsValue {
		return r, nil
	}
	value, err := valueOf(ctx, config, found)
	if err != nil {
		return r, err
	}
	if err := f.Read(&r, value); err != nil {
		return r, wrongError{fmt.Errorf("secret %s: %w", found.SecretName, err)}
	}
	return r, nil
}

// valueOf is what the secret of a resource holds.
func valueOf(ctx context.Context, config aws.Config, found target.Target) (string, error) {
	if !found.Deleted.IsZero() {
		return "", wrongError{fmt.Errorf("secret %s: is marked for deletion, and cannot be read; aws secretsmanager restore-secret --secret-id %s brings it back", found.SecretName, found.SecretARN)}
	}
	out, err := secretsmanager.NewFromConfig(config).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &found.SecretARN})
	if err != nil {
		return "", target.Explain(fmt.Errorf("secret %s: %w", found.SecretName, err))
	}
	return aws.ToString(out.SecretString), nil
}

func isTerminal(out any) bool {
	file, ok := out.(*os.File)
	return ok && isatty.IsTerminal(file.Fd())
}
