package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// A destruction that will fail is refused, since it leaves a stack that takes no other OnDelete.
func TestDestructionThatWillFail(t *testing.T) {
	const object, refused, noted = "<Version><Key>data/a</Key><Size>1</Size></Version>", "nothing was destroyed", "takes no deployment: empty"
	for name, test := range map[string]struct {
		onDelete, status, line, holds string
		want, said                    string // error and what is printed, "" for none of these sentences
	}{
		"data":          {"DeleteIfEmpty", "UPDATE_COMPLETE", "destroy -stack A", object, refused, ""},
		"data, unasked": {"DeleteIfEmpty", "UPDATE_COMPLETE", "destroy -stack A -approval never", object, refused, ""},
		"data, forced":  {"DeleteIfEmpty", "UPDATE_COMPLETE", "destroy -stack A -- --force", object, "", noted},
		"empty":         {"DeleteIfEmpty", "UPDATE_COMPLETE", "destroy -stack A", "", "", ""},
		"uncounted":     {"DeleteIfEmpty", "UPDATE_COMPLETE", "destroy -stack A", "denied", "", noted},
		"purged":        {"Purge", "UPDATE_COMPLETE", "destroy -stack A", object, "", ""},
		"kept":          {"Retain", "UPDATE_COMPLETE", "destroy -stack A", object, "", ""},
		"failed before": {"DeleteIfEmpty", "DELETE_FAILED", "destroy -stack A", object, "", "--retain-resources BucketUser"},
	} {
		a := holding(t, test.holds)
		d, err := parsed(test.line)
		if err != nil {
			t.Fatal(name, err)
		}
		has := deployedStack{name: "A", status: test.status, outputs: map[string]string{"BucketName": "b", "Prefix": "data/"}}
		if has.template, err = parseTemplate([]byte(strings.Replace(ours, `"Prefix"`, fmt.Sprintf(`"OnDelete": %q, "Prefix"`, test.onDelete), 1))); err != nil {
			t.Fatal(name, err)
		}
		var out strings.Builder
		err = a.fate(t.Context(), d, &has, &out)
		want := []string{refused}
		if test.want == "" {
			want = nil
		}
		wantTexts(t, name, err, want)
		if isNoted := strings.Contains(out.String(), noted); isNoted != (test.said == noted) || !strings.Contains(out.String(), test.said) || !strings.HasPrefix(out.String(), "bucket b: ") {
			t.Errorf("%s: %s", name, &out)
		}
	}
}

// holding is an account whose bucket holds versions, as S3 writes them, or may not be looked at.
func holding(t *testing.T, versions string) account {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if versions == "denied" {
			w.WriteHeader(http.StatusForbidden)
		}
		fmt.Fprintf(w, "<ListVersionsResult><IsTruncated>false</IsTruncated>%s</ListVersionsResult>", versions)
	}))
	t.Cleanup(server.Close)
	return newAccount(aws.Config{Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")})
}
