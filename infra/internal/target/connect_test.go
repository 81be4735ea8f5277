package target_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bucketuser/infra/internal/target"
	"bucketuser/infra/internal/target/targettest"
)

const profiles = `[profile sso]
sso_session = company
sso_account_id = 123456789012
sso_role_name = Operator
[sso-session company]
sso_region = eu-west-1
sso_start_url = https://company.awsapps.com/start
[profile process]
credential_process = /bin/false
[profile role]
role_arn = arn:aws:iam::123456789012:role/operator
source_profile = keys
[profile factors]
role_arn = arn:aws:iam::123456789012:role/operator
source_profile = keys
mfa_serial = arn:aws:iam::123456789012:mfa/me
[profile keys]
aws_access_key_id = id
aws_secret_access_key = secret
[profile here]
aws_access_key_id = id
aws_secret_access_key = secret
region = eu-central-1
`

// What is missing to reach AWS is said with what to do about it. The last of the places that the SDK asks for credentials,
// the metadata service of an instance, is not.
func TestConnect(t *testing.T) {
	c := targettest.New(t)
	c.Denied = []string{"sts:AssumeRole"}
	nothing := httptest.NewServer(http.NotFoundHandler())
	defer nothing.Close()
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte(profiles), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		profile, region, metadata string
		want                      string // the error, or else the region
	}{
		{"", "eu-west-1", "false", "no credentials for AWS: set AWS_PROFILE to a profile of ~/.aws/config, after aws sso login"},
		{"", "eu-west-1", "true", "no credentials for AWS: set AWS_PROFILE to a profile of ~/.aws/config, after aws sso login"},
		{"sso", "eu-west-1", "true", "the session of IAM Identity Center is over: run aws sso login --profile sso"},
		{"process", "eu-west-1", "true", "no credentials for AWS: process provider error: error in credential_process: exit status 1; set AWS_PROFILE"},
		{"role", "eu-west-1", "true", "no credentials for AWS: needs the right sts:AssumeRole: User: arn:aws:iam::123456789012:user/me"},
		{"factors", "eu-west-1", "true", "no credentials for AWS: no MFA code was given; set AWS_PROFILE"},
		{"mine", "eu-west-1", "true", "profile mine: is neither in ~/.aws/config nor in ~/.aws/credentials"},
		{"keys", "", "true", "no region: set AWS_REGION, or region in the profile that AWS_PROFILE names"},
		{"keys", "eu-west-1", "true", "eu-west-1"},
		{"here", "", "true", "eu-central-1"},
	} {
		c.Setenv(t)
		for name, value := range map[string]string{"AWS_CONFIG_FILE": config, "AWS_PROFILE": test.profile, "AWS_ENDPOINT_URL_STS": c.URL, "AWS_REGION": test.region, "AWS_ACCESS_KEY_ID": "",
			"AWS_SECRET_ACCESS_KEY": "", "AWS_EC2_METADATA_DISABLED": test.metadata, "AWS_EC2_METADATA_SERVICE_ENDPOINT": nothing.URL, "HOME": t.TempDir()} {
			t.Setenv(name, value)
		}
		got, err := target.Query{Stack: "BucketUser"}.Connect(t.Context())
		if err == nil && got.Region != test.want || err != nil && (!strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "IMDS")) {
			t.Errorf("%+v: region %q: %v", test, got.Region, err)
		}
	}
}

// An ARN decides on the region, whatever the environment says.
func TestConnectByARN(t *testing.T) {
	targettest.New(t).Setenv(t)
	for _, region := range []string{"us-east-2", ""} {
		t.Setenv("AWS_REGION", region)
		for _, query := range []target.Query{{Stack: targettest.StackID("A")}, {Secret: (&targettest.Secret{Name: "A"}).ARN()}} {
			if got, err := query.Connect(t.Context()); err != nil || got.Region != targettest.Region {
				t.Errorf("%+v: %q %v", query, got.Region, err)
			}
		}
	}
}
