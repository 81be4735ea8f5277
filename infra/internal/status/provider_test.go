package status

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// The function is that of the properties. Who lacks the right to ask is told so, and no more.
func TestProvider(t *testing.T) {
	for name, test := range map[string]struct {
		token      any
		httpStatus int
		code       string
		exit       int
		want       string // of the finding
	}{
		"there":          {handler, 200, "", 0, "function BucketUserProvider-ProviderFunction1 is there"},
		"gone":           {handler, 404, "ResourceNotFoundException", 1, "function BucketUserProvider-ProviderFunction1 is gone: stack Storage can neither be updated nor deleted"},
		"no right":       {handler, 403, "AccessDeniedException", 0, "needs lambda:GetFunctionConfiguration: no"},
		"broken":         {handler, 400, "ServiceException", 2, "ServiceException: no"},
		"no properties":  {nil, 0, "", 0, ""},
		"not a function": {"arn:aws:sns:eu-west-1:123456789012:topic", 0, "", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := looker{lambda: answering(t, test.httpStatus, test.code)}
			f := healthy(nil)
			f.token, f.served = "", answer[string]{}
			l.lookAtFunction(t.Context(), &f, map[string]any{"ServiceToken": test.token})
			r := judge(f)
			is := whatOf(r, "provider")
			if r.ExitCode != test.exit || (is == "") != (test.want == "") || !strings.Contains(is, test.want) {
				t.Errorf("exit %d: %q, want %d: %q", r.ExitCode, is, test.exit, test.want)
			}
		})
	}
}

// answering is a client of Lambda that knows one function, and gets one answer.
func answering(t *testing.T, status int, code string) *lambda.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.Path, "function:BucketUserProvider-ProviderFunction1") || status == 0 {
			t.Errorf("asks for %s", r.URL.Path)
		}
		w.Header().Set("X-Amzn-ErrorType", code)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"Message": "no"}`))
	}))
	t.Cleanup(server.Close)
	return lambda.New(lambda.Options{Region: "eu-west-1", BaseEndpoint: &server.URL, Retryer: aws.NopRetryer{}})
}

// whatOf is what a check says.
func whatOf(r Report, check string) (what string) {
	for _, found := range r.Checks {
		if found.Check == check {
			what += found.What
		}
	}
	return what
}
