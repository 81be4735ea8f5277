// Package targettest is a server that answers like AWS what the operator's program asks about stacks and
// secrets, for its unit tests. The embedded AWS has the whole of it.
package targettest

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Where the resources of a Cloud are.
const (
	Account = "123456789012"
	Region  = "eu-west-1"
)

// A Cloud is what there is. Change it between calls.
type Cloud struct {
	URL     string
	Stacks  map[string]*Stack // by name
	Secrets []*Secret
	// Denied are the actions that the caller has no right to, such as cloudformation:DescribeStacks.
	Denied []string
	// Called are the actions that were called.
	Called []string
}

// A Stack has resources and outputs.
type Stack struct {
	Status    string // CREATE_COMPLETE if ""
	Resources []Resource
	Outputs   []string
}

// A Resource is of Type Custom::BucketUser if that is "".
type Resource struct{ LogicalID, PhysicalID, Type, Status, Reason string }

// A Secret is found by its Name, or by its ARN.
type Secret struct {
	Name, Value string
	Tags        map[string]string
	Deleted     float64 // when, in seconds since 1970; 0 for never
}

// ARN is that of a secret.
func (s *Secret) ARN() string {
	return "arn:aws:secretsmanager:" + Region + ":" + Account + ":secret:" + s.Name + "-AbCdEf"
}

// StackID is that of the stack with the name.
func StackID(name string) string {
	return "arn:aws:cloudformation:" + Region + ":" + Account + ":stack/" + name + "/e95054ae-28ef-46f0-bd90-a11a39dbde71"
}

// New starts a Cloud, which ends with the test.
func New(t *testing.T) *Cloud {
	t.Helper()
	c := &Cloud{Stacks: map[string]*Stack{}}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// Config is for clients of the cloud.
func (c *Cloud) Config() aws.Config {
	return aws.Config{Region: Region, BaseEndpoint: &c.URL, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}
}

// Setenv has the program find the cloud in its environment.
func (c *Cloud) Setenv(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL": c.URL, "AWS_REGION": Region, "AWS_ACCESS_KEY_ID": "id",
		"AWS_SECRET_ACCESS_KEY": "secret", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": ""} {
		t.Setenv(name, value)
	}
}

// ServeHTTP answers one call.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action, answer := c.route(r)
	c.Called = append(c.Called, action)
	for _, denied := range c.Denied {
		if denied == action {
			answer = func(http.ResponseWriter, *http.Request) error {
				return refusal{"AccessDenied", "User: arn:aws:iam::" + Account + ":user/me is not authorized to perform: " + action}
			}
		}
	}
	err := answer(w, r)
	if err == nil {
		return
	}
	no, ok := err.(refusal)
	if !ok {
		no = refusal{"InternalFailure", err.Error()}
	}
	w.WriteHeader(http.StatusBadRequest)
	if strings.HasPrefix(action, "secretsmanager:") {
		fmt.Fprintf(w, `{"__type":%q,"Message":%q}`, no.code, no.message)
		return
	}
	fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`, no.code, html.EscapeString(no.message))
}

// A refusal is an error of a service.
type refusal struct{ code, message string }

func (r refusal) Error() string { return r.code + ": " + r.message }

// route tells the action of a call, and who answers it.
func (c *Cloud) route(r *http.Request) (string, func(http.ResponseWriter, *http.Request) error) {
	if call := r.Header.Get("X-Amz-Target"); call != "" {
		action := strings.TrimPrefix(call, "secretsmanager.")
		return "secretsmanager:" + action, map[string]func(http.ResponseWriter, *http.Request) error{
			"DescribeSecret": c.describeSecret, "GetSecretValue": c.getSecretValue, "ListSecrets": c.listSecrets,
		}[action]
	}
	switch action := r.FormValue("Action"); action {
	case "DescribeStacks":
		return "cloudformation:" + action, c.describeStacks
	case "ListStackResources":
		return "cloudformation:" + action, c.listStackResources
	default:
		return "sts:" + action, getCallerIdentity
	}
}

func getCallerIdentity(w http.ResponseWriter, _ *http.Request) error {
	_, err := fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>%s</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, Account)
	return err
}
