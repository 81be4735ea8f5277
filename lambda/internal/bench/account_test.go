package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A secret is described until it is deleted, so that a second delivery finds none.
func TestTheSecretGoes(t *testing.T) {
	server := httptest.NewServer(&account{secret: secretName, tags: secretTags()})
	defer server.Close()
	for _, c := range []struct {
		action string
		status int
		says   string
	}{{"DescribeSecret", 200, "bucketuser:bucket-origin"}, {"DeleteSecret", 200, "ARN"}, {"DescribeSecret", 400, "ResourceNotFoundException"}} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Amz-Target", "secretsmanager."+c.action)
		response, err := server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != c.status || !strings.Contains(string(text), c.says) {
			t.Errorf("%s: %d %s, %v", c.action, response.StatusCode, text, err)
		}
	}
}
