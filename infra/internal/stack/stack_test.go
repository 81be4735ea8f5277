package stack

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"
)

// Fields of others may be no text. They do not hide those of the resource.
func TestSecretHasFieldsOfOthers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"SecretString":"{\"AWS_ACCESS_KEY_ID\":\"id\",\"port\":443,\"nothing\":null,\"theirs\":\"x\"}"}`))
	}))
	defer server.Close()
	fields, err := Secret(t.Context(), aws.Config{Region: "eu-west-1", BaseEndpoint: &server.URL,
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}, "arn")
	if diff := cmp.Diff(map[string]string{"AWS_ACCESS_KEY_ID": "id", "theirs": "x"}, fields); diff != "" || err != nil {
		t.Error(diff, err)
	}
}
