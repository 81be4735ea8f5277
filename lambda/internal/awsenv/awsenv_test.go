package awsenv_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsenv"
)

// setenv gives the test an environment in which nothing else is said about AWS.
func setenv(t *testing.T, variables map[string]string) {
	t.Helper()
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // so that it is there again after the test
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, value := range variables {
		t.Setenv(name, value)
	}
}

// lambda is what Lambda sets for every function.
var lambda = map[string]string{
	"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
	"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
}

// with is what Lambda sets, and more or other variables. One with the value "-" is not set.
func with(variables ...string) map[string]string {
	all := map[string]string{}
	for name, value := range lambda {
		all[name] = value
	}
	for i := 0; i < len(variables); i += 2 {
		all[variables[i]] = variables[i+1]
		if variables[i+1] == "-" {
			delete(all, variables[i])
		}
	}
	return all
}

// hosts are those that the clients of the four services call.
type hosts struct{ S3, IAM, Secrets, Stacks string }

func everywhere(url string) hosts { return hosts{url, url, url, url} }

// ofIreland are the hosts without any further variable.
var ofIreland = hosts{
	"https://s3.eu-west-1.amazonaws.com", "https://iam.amazonaws.com",
	"https://secretsmanager.eu-west-1.amazonaws.com", "https://cloudformation.eu-west-1.amazonaws.com",
}

// Each variable has its effect on the four clients, and it is that of the SDK's own package.
func TestClientsCall(t *testing.T) {
	tests := map[string]struct {
		env  map[string]string
		want hosts
	}{
		"what Lambda sets":                 {with(), ofIreland},
		"the other variable of the region": {with("AWS_REGION", "-"), ofIreland},
		"another region before the other variable": {with("AWS_REGION", "cn-north-1"), hosts{
			"https://s3.cn-north-1.amazonaws.com.cn", "https://iam.cn-north-1.amazonaws.com.cn",
			"https://secretsmanager.cn-north-1.amazonaws.com.cn", "https://cloudformation.cn-north-1.amazonaws.com.cn",
		}},
		"an endpoint for all": {with("AWS_ENDPOINT_URL", "https://127.0.0.1:4566"), everywhere("https://127.0.0.1:4566")},
		"an endpoint for each": {
			with("AWS_ENDPOINT_URL_S3", "https://a", "AWS_ENDPOINT_URL_IAM", "https://b", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://c",
				"AWS_ENDPOINT_URL_CLOUDFORMATION", "https://d"),
			hosts{"https://a", "https://b", "https://c", "https://d"},
		},
		"an endpoint for all but one": {with("AWS_ENDPOINT_URL", "https://all", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "https://c"),
			hosts{"https://all", "https://all", "https://c", "https://all"}},
		"endpoints that are ignored": {
			with("AWS_ENDPOINT_URL", "https://all", "AWS_ENDPOINT_URL_S3", "https://a", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"), ofIreland},
		"endpoints that are not ignored": {
			with("AWS_ENDPOINT_URL", "https://all", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "false"), everywhere("https://all")},
		"FIPS": {with("AWS_REGION", "us-east-2", "AWS_USE_FIPS_ENDPOINT", "TRUE"), hosts{
			"https://s3-fips.us-east-2.amazonaws.com", "https://iam-fips.amazonaws.com",
			"https://secretsmanager-fips.us-east-2.amazonaws.com", "https://cloudformation-fips.us-east-2.amazonaws.com",
		}},
		"dual stack": {with("AWS_USE_DUALSTACK_ENDPOINT", "true"), hosts{
			"https://s3.dualstack.eu-west-1.amazonaws.com", "https://iam.global.api.aws",
			"https://secretsmanager.eu-west-1.amazonaws.com", "https://cloudformation.eu-west-1.api.aws", // the former has IPv6 under its usual name
		}},
		"neither": {with("AWS_USE_DUALSTACK_ENDPOINT", "false", "AWS_USE_FIPS_ENDPOINT", "false"), ofIreland},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			setenv(t, test.env)
			if diff := cmp.Diff(test.want, called(t, read(t))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(called(t, readAsTheSDK(t)), test.want); diff != "" {
				t.Errorf("the SDK's own package does otherwise (-SDK +want):\n%s", diff)
			}
		})
	}
}

func read(t *testing.T) aws.Config {
	t.Helper()
	environment, err := awsenv.Read()
	if err != nil {
		t.Fatal(err)
	}
	return environment.Config()
}

func readAsTheSDK(t *testing.T) aws.Config {
	t.Helper()
	t.Setenv("AWS_CONFIG_FILE", "/nowhere")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
	is, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return is
}

// called makes a call of each client and returns where it went.
func called(t *testing.T, config aws.Config) (got hosts) {
	t.Helper()
	ctx := t.Context()
	config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	to := func(url *string) aws.Config {
		config.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
			*url = r.URL.Scheme + "://" + r.URL.Host
			return nil, errors.New("not sent")
		})
		return config
	}
	_, _ = s3.NewFromConfig(to(&got.S3)).ListBuckets(ctx, nil) // fails, as nothing is sent; so do the others
	_, _ = iam.NewFromConfig(to(&got.IAM)).GetUser(ctx, nil)
	_, _ = secretsmanager.NewFromConfig(to(&got.Secrets)).ListSecrets(ctx, nil)
	_, _ = cloudformation.NewFromConfig(to(&got.Stacks)).DescribeStacks(ctx, nil)
	return got
}

// A doer is a client that sends nothing.
type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

func TestCredentials(t *testing.T) {
	setenv(t, lambda)
	got, err := read(t).Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.AccessKeyID != "ASIA" || got.SecretAccessKey != "secret" || got.SessionToken != "token" || got.CanExpire {
		t.Errorf("%+v", got)
	}
}

// CloudFormation can be answered only by a function that has started.
func TestWithoutCredentialsEveryCallFails(t *testing.T) {
	setenv(t, with("AWS_ACCESS_KEY_ID", "-"))
	if _, err := iam.NewFromConfig(read(t)).GetUser(context.WithoutCancel(t.Context()), nil); err == nil || !strings.Contains(err.Error(), "static credentials are empty") {
		t.Errorf("error %v", err)
	}
}

func TestChecksums(t *testing.T) {
	for value, want := range map[string]struct {
		request  aws.RequestChecksumCalculation
		response aws.ResponseChecksumValidation
	}{
		"":               {aws.RequestChecksumCalculationWhenSupported, aws.ResponseChecksumValidationWhenSupported},
		"when_supported": {aws.RequestChecksumCalculationWhenSupported, aws.ResponseChecksumValidationWhenSupported},
		"When_Required":  {aws.RequestChecksumCalculationWhenRequired, aws.ResponseChecksumValidationWhenRequired},
	} {
		for _, half := range []string{"AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION"} {
			t.Run(half+"="+value, func(t *testing.T) {
				setenv(t, with(half, value))
				for by, config := range map[string]aws.Config{"ours": read(t), "the SDK's": readAsTheSDK(t)} {
					isRequest := half == "AWS_REQUEST_CHECKSUM_CALCULATION"
					if isRequest && config.RequestChecksumCalculation != want.request || !isRequest && config.ResponseChecksumValidation != want.response {
						t.Errorf("%s: %v, %v", by, config.RequestChecksumCalculation, config.ResponseChecksumValidation)
					}
				}
			})
		}
	}
}

func TestAppID(t *testing.T) {
	setenv(t, with("AWS_SDK_UA_APP_ID", "mine"))
	if ours, theirs := read(t).AppID, readAsTheSDK(t).AppID; ours != "mine" || theirs != "mine" {
		t.Errorf("%q, the SDK has %q", ours, theirs)
	}
}

func TestWhatCannotBeUnderstoodIsNamed(t *testing.T) {
	for _, variable := range []string{
		"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
		"AWS_REQUEST_CHECKSUM_CALCULATION", "AWS_RESPONSE_CHECKSUM_VALIDATION",
	} {
		t.Run(variable, func(t *testing.T) {
			setenv(t, with(variable, "yes"))
			_, err := awsenv.Read()
			if err == nil || !strings.HasPrefix(err.Error(), variable+`: is "yes"; must be `) {
				t.Errorf("error %v", err)
			}
			if _, err := config.LoadDefaultConfig(t.Context()); err == nil {
				t.Error("the SDK's own package takes it")
			}
		})
	}
}
