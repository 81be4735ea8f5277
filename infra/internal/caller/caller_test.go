package caller

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// environment is AWS's own environment, with nothing in it but what is given.
func environment(t *testing.T, given map[string]string) {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for name, value := range given {
		t.Setenv(name, value)
	}
}

// answering answers every call with a status and a body.
func answering(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

const somebody = `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account><Arn>arn:aws:iam::123456789012:user/me</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>`

func refusal(code string) string {
	return "<ErrorResponse><Error><Code>" + code + "</Code><Message>no</Message></Error></ErrorResponse>"
}

func TestWhoAndWhere(t *testing.T) {
	endpoint := answering(t, http.StatusOK, somebody)
	environment(t, map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": endpoint})
	c, who, err := Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := "the embedded AWS at " + endpoint + ", account 123456789012, region eu-west-1 (as arn:aws:iam::123456789012:user/me)"; who.String() != want || c.Region != "eu-west-1" {
		t.Errorf("%s, want %s", who, want)
	}
	who.Endpoint = ""
	if want := "account 123456789012, region eu-west-1 (as arn:aws:iam::123456789012:user/me)"; who.String() != want {
		t.Errorf("%s, want %s", who, want)
	}
	who.Endpoint = "https://aws.example.com"
	if want := "https://aws.example.com, which is not AWS, account 123456789012"; !strings.HasPrefix(who.String(), want) {
		t.Errorf("%s, want %s", who, want)
	}
}

// Each error is one line that says what to do, and never where the SDK has looked in vain.
func TestWhatToDo(t *testing.T) {
	key := map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "eu-west-1"}
	at := func(endpoint string) map[string]string {
		env := maps.Clone(key)
		env["AWS_ENDPOINT_URL"] = endpoint
		return env
	}
	for name, test := range map[string]struct {
		env  map[string]string
		want string
	}{
		"nothing":         {map[string]string{"AWS_REGION": "eu-west-1"}, "no credentials for AWS: set AWS_PROFILE"},
		"no region":       {map[string]string{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, "no region: set AWS_REGION"},
		"no such profile": {map[string]string{"AWS_PROFILE": "mine"}, "profile mine: is neither in"},
		"no sign-in":      {map[string]string{"AWS_PROFILE": "sso"}, "the session of IAM Identity Center is over: run aws sso login"},
		"expired":         {at(answering(t, http.StatusForbidden, refusal("ExpiredToken"))), "AWS refuses the credentials: ExpiredToken"},
		"unknown":         {at(answering(t, http.StatusForbidden, refusal("InvalidClientTokenId"))), "AWS refuses the credentials: InvalidClientTokenId"},
		"unreachable":     {at("http://127.0.0.1:9"), "STS cannot be reached: dial tcp 127.0.0.1:9"},
	} {
		t.Run(name, func(t *testing.T) {
			environment(t, test.env)
			file := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(file, []byte("[profile sso]\nregion = eu-west-1\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n"+
				"[sso-session s]\nsso_region = eu-west-1\nsso_start_url = https://example.com\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_CONFIG_FILE", file)
			_, _, err := Find(t.Context())
			if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "IMDS") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want %s", err, test.want)
			}
		})
	}
}
