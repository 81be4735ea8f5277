package target

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/smithy-go/logging"

	"bucketuser/lambda/spec"
)

const howToLogIn = "set AWS_PROFILE to a profile of ~/.aws/config, after aws sso login if it is one of IAM Identity Center, " +
	"or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

// Connect reads AWS's own environment and files. An ARN in the query decides on the region. It fails
// if there are no credentials, or no region.
func (q Query) Connect(ctx context.Context) (aws.Config, error) {
	loaded, err := config.LoadDefaultConfig(ctx,
		config.WithLogger(logging.Nop{}), // it would report on a metadata service that nobody asked for
		config.WithAssumeRoleCredentialOptions(func(o *stscreds.AssumeRoleOptions) { o.TokenProvider = askForToken }))
	var missing config.SharedConfigProfileNotExistError
	if errors.As(err, &missing) {
		return aws.Config{}, fmt.Errorf("profile %s: is neither in ~/.aws/config nor in ~/.aws/credentials", missing.Profile)
	}
	if err != nil {
		return aws.Config{}, fmt.Errorf("settings for AWS: %w", err)
	}
	if region := q.region(); region != "" {
		loaded.Region = region
	}
	if loaded.Region == "" {
		return aws.Config{}, errors.New("no region: set AWS_REGION, or region in the profile that AWS_PROFILE names")
	}
	if _, err := loaded.Credentials.Retrieve(ctx); err != nil {
		return aws.Config{}, noCredentials(err)
	}
	return loaded, nil
}

// region is that of an ARN in the query, or "".
func (q Query) region() string {
	for _, name := range []string{q.Stack, q.Secret} {
		if a, err := arn.Parse(name); err == nil {
			return a.Region
		}
	}
	return ""
}

// noCredentials says how to give some. The last of the places that the SDK has looked in is the metadata
// service of an EC2 instance, which says nothing to anybody elsewhere.
func noCredentials(err error) error {
	var noSession *ssocreds.InvalidTokenError
	told := func(err error) string {
		return strings.TrimPrefix(err.Error(), "failed to refresh cached credentials, ")
	}
	text := told(err)
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &noSession), strings.Contains(text, "SSO"):
		return errors.New("the session of IAM Identity Center is over: run aws sso login" + ofProfile())
	case strings.Contains(text, "IMDS"), strings.Contains(text, "static credentials are empty"):
		return errors.New("no credentials for AWS: " + howToLogIn)
	}
	if why, ok := Explain(err).(explained); ok {
		return fmt.Errorf("no credentials for AWS: %s", told(why))
	}
	return fmt.Errorf("no credentials for AWS: %s; %s", text, howToLogIn)
}

// ofProfile is the option of the aws CLI for the profile that is in use.
func ofProfile() string {
	if name := os.Getenv("AWS_PROFILE"); name != "" {
		return " --profile " + name
	}
	return ""
}

// askForToken asks for the code of a second factor, for a profile that needs one. Standard output is for
// what the program prints.
func askForToken() (string, error) {
	fmt.Fprint(os.Stderr, "MFA code: ")
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n') // what ends it is no matter
	code := strings.TrimSpace(line)
	if code == "" {
		return "", errors.New("no MFA code was given")
	}
	return code, nil
}

// StackName is the name in the stack's id, or "" if no stack is known.
func (t Target) StackName() string { return spec.StackName(t.StackID) }

// Account is the account that the resource is in, by the ARNs of what was found, or "".
func (t Target) Account() string {
	for _, name := range []string{t.SecretARN, t.StackID} {
		if a, err := arn.Parse(name); err == nil {
			return a.AccountID
		}
	}
	return ""
}

// String says where the resource is, for whoever has more than one place.
func (t Target) String() string {
	var parts []string
	if t.LogicalID != "" {
		parts = append(parts, "resource "+t.LogicalID)
	}
	if t.StackID != "" {
		parts = append(parts, "stack "+t.StackName())
	}
	if t.LogicalID == "" {
		parts = append(parts, "secret "+t.SecretName)
	}
	parts = append(parts, "account "+t.Account(), "region "+t.Region)
	if t.Endpoint != "" {
		parts = append(parts, "at "+t.Endpoint)
	}
	return strings.Join(parts, ", ")
}
