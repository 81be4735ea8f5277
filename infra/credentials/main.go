// Command credentials prints the credentials of a deployed stack, from the secret
// that its output SecretArn names. It asks the embedded AWS if the demo is up, and
// else AWS, with the caller's own credentials.
package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"bucketuser/infra/internal/stack"
	"bucketuser/infra/local"
	"bucketuser/lambda/spec"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "credentials:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("credentials", flag.ContinueOnError)
	name := flags.String("stack", "BucketUser", "name of the stack")
	format := flags.String("format", "env", "env, csv (the file of the console) or json")
	dir := flags.String("dir", ".local", "directory of the demo's embedded AWS, asked if it is up")
	if err := flags.Parse(args); err != nil {
		return err
	}
	write, ok := formats[*format]
	if !ok {
		return fmt.Errorf("format %q: must be env, csv or json", *format)
	}
	awsConfig, where, err := connect(ctx, *dir)
	if err != nil {
		return err
	}
	fields, err := stack.Credentials(ctx, awsConfig, *name)
	if err != nil {
		return fmt.Errorf("%s: %w", where, err)
	}
	return write(out, fields)
}

// connect says where the stack is looked for. It installs nothing, and fails if
// there is neither a demo nor a credential for AWS.
func connect(ctx context.Context, dir string) (aws.Config, string, error) {
	if cloud, err := local.Attach(ctx, local.Tools{}, dir); err == nil {
		c, err := cloud.Config()
		return c, "embedded AWS", err
	}
	c, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return c, "", err
	}
	if _, err := c.Credentials.Retrieve(ctx); err != nil {
		return c, "", fmt.Errorf("no demo is up (make demo), and there are no credentials for AWS (AWS_PROFILE, for example): %w", err)
	}
	return c, "AWS, since no demo is up", nil
}

var formats = map[string]func(io.Writer, map[string]string) error{
	"env":  printEnv,
	"csv":  printCSV,
	"json": printJSON,
}

// plain values need no quotes, in a shell as in the env files of containers.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=-]*$`)

func printEnv(out io.Writer, fields map[string]string) error {
	for _, field := range spec.SecretFields {
		value, isThere := fields[field.Name]
		if !isThere {
			continue
		}
		if !plain.MatchString(value) {
			value = "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
		}
		if _, err := fmt.Fprintf(out, "%s=%s\n", field.Name, value); err != nil {
			return err
		}
	}
	return nil
}

// printCSV prints the file that the console offers for download after "Create
// access key".
func printCSV(out io.Writer, fields map[string]string) error {
	w := csv.NewWriter(out)
	return w.WriteAll([][]string{
		{"Access key ID", "Secret access key"},
		{fields[spec.FieldAccessKeyID], fields[spec.FieldSecretAccessKey]},
	})
}

func printJSON(out io.Writer, fields map[string]string) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(fields)
}
