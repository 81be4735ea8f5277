package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"bucketuser/infra/internal/target/targettest"
	"bucketuser/lambda/spec"
)

// ran runs the program, and returns its exit status and what it prints.
func ran(t *testing.T, args ...string) (status int, out, notes string) {
	t.Helper()
	var o, n bytes.Buffer
	status = run(t.Context(), args, &o, &n)
	return status, o.String(), n.String()
}

const generated = "bucketuser/Data-tkl7loenlbij"

// deployed is a cloud with the resource Data in the stack BucketUser.
func deployed(t *testing.T) *targettest.Cloud {
	t.Helper()
	c := targettest.New(t)
	c.Setenv(t)
	physical := "Data-v1-tkl7loenlbij"
	c.Stacks["BucketUser"] = &targettest.Stack{Resources: []targettest.Resource{{LogicalID: "Data", PhysicalID: physical}}}
	c.Secrets = []*targettest.Secret{{Name: generated, Value: `{"AWS_ACCESS_KEY_ID":"AKIA1","AWS_SECRET_ACCESS_KEY":"s3cr3t","port":443}`,
		Tags: map[string]string{spec.TagOwner: physical, spec.TagStackID: targettest.StackID("BucketUser"), spec.TagLogicalID: "Data"}}}
	return c
}

// Each way to name the resource gives its credentials, and standard error says where they are from.
func TestCredentials(t *testing.T) {
	c := deployed(t)
	for _, args := range [][]string{
		{}, {"BucketUser"}, {"--stack", "BucketUser"}, {"--stack", targettest.StackID("BucketUser")}, {"--resource", "Data"},
		{"--secret", generated}, {"--secret", c.Secrets[0].ARN()},
	} {
		status, out, notes := ran(t, append([]string{"credentials"}, args...)...)
		if status != 0 || out != "AWS_ACCESS_KEY_ID=AKIA1\nAWS_SECRET_ACCESS_KEY=s3cr3t\n" {
			t.Errorf("%q: %d: %s%s", args, status, out, notes)
		}
		if want := "bucketuser: resource Data, stack BucketUser, account 123456789012, region eu-west-1, at " + c.URL + "\n"; notes != want {
			t.Errorf("%q: %q, want %q", args, notes, want)
		}
	}
}

// What has the URLs of AWS is of no use at another endpoint, and says so there.
func TestURLsOfAnotherEndpoint(t *testing.T) {
	c := deployed(t)
	c.Secrets[0].Value = `{"AWS_ACCESS_KEY_ID":"AKIA1","AWS_SECRET_ACCESS_KEY":"s3cr3t","S3_BUCKET":"mine","S3_PREFIX":"data/","S3_URL":"https://mine.s3.eu-west-1.amazonaws.com/data/"}`
	for format, isSaid := range map[string]bool{"env": true, "csv": false} {
		_, _, notes := ran(t, "credentials", "--format", format)
		if strings.Contains(notes, "its URLs are AWS's; here use "+c.URL+"/mine/data/\n") != isSaid {
			t.Errorf("%s: %s", format, notes)
		}
	}
}

// A stack that is not at rest is said beside its credentials, which may be about to change.
func TestStackIsNotAtRest(t *testing.T) {
	for status, want := range map[string]string{"UPDATE_ROLLBACK_FAILED": "the stack is in UPDATE_ROLLBACK_FAILED; bucketuser status tells whether the key works",
		"UPDATE_IN_PROGRESS": "the stack is in UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE": ""} {
		deployed(t).Stacks["BucketUser"].Status = status
		code, out, notes := ran(t, "credentials")
		if isSaid := strings.Contains(notes, "the stack is in"); code != 0 || out == "" || !strings.Contains(notes, want) || isSaid != (want != "") {
			t.Errorf("%s: %d: %s", status, code, notes)
		}
	}
}

// The exit status tells what is wrong with the resource from what could not be told.
func TestExitStatus(t *testing.T) {
	for name, test := range map[string]struct {
		args   []string
		change func(*targettest.Cloud)
		status int
		want   string
	}{
		"a command":         {[]string{"credentails"}, nil, 2, "Did you mean this?\n\tcredentials"},
		"a flag":            {[]string{"credentials", "--formt", "csv"}, nil, 2, "unknown flag: --formt"},
		"a format":          {[]string{"credentials", "--format", "cvs"}, nil, 2, `format "cvs": did you mean csv?`},
		"two stacks":        {[]string{"credentials", "A", "B"}, nil, 2, "one stack at a time"},
		"a stack twice":     {[]string{"credentials", "A", "--stack", "A"}, nil, 2, "named twice"},
		"stack and secret":  {[]string{"credentials", "--stack", "A", "--secret", "B"}, nil, 2, "--secret names the resource already"},
		"no such stack":     {[]string{"credentials", "A"}, nil, 2, "no stack A in region eu-west-1 of account 123456789012"},
		"no region":         {[]string{"credentials"}, func(*targettest.Cloud) { t.Setenv("AWS_REGION", "") }, 2, "no region: set AWS_REGION"},
		"no such profile":   {[]string{"credentials"}, func(*targettest.Cloud) { t.Setenv("AWS_PROFILE", "mine") }, 2, "profile mine: is neither in"},
		"nobody there":      {[]string{"credentials"}, func(*targettest.Cloud) { t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1") }, 2, "CloudFormation cannot be reached: dial tcp 127.0.0.1:1: connect: connection refused"},
		"no right":          {[]string{"credentials"}, func(c *targettest.Cloud) { c.Denied = []string{"secretsmanager:GetSecretValue"} }, 2, "needs the right secretsmanager:GetSecretValue"},
		"secret is gone":    {[]string{"credentials"}, func(c *targettest.Cloud) { c.Secrets = nil }, 1, "its secret is gone"},
		"secret is deleted": {[]string{"credentials"}, func(c *targettest.Cloud) { c.Secrets[0].Deleted = 1.8e9 }, 1, "is marked for deletion, and cannot be read; aws secretsmanager restore-secret --secret-id arn:aws:"},
		"secret is broken":  {[]string{"credentials"}, func(c *targettest.Cloud) { c.Secrets[0].Value = "s3cr3t" }, 1, "holds no credentials"},
	} {
		c := deployed(t)
		if test.change != nil {
			test.change(c)
		}
		status, out, notes := ran(t, test.args...)
		if status != test.status || out != "" || !strings.Contains(notes, test.want) || strings.Contains(notes, "s3cr3t") {
			t.Errorf("%s: %d: %s%s", name, status, out, notes)
		}
	}
}

// Ctrl-C ends it with a word.
func TestInterrupted(t *testing.T) {
	deployed(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, notes bytes.Buffer
	if status := run(ctx, []string{"credentials"}, &out, &notes); status != 2 || notes.String() != "bucketuser: interrupted\n" {
		t.Errorf("%d: %s", status, notes.String())
	}
}

// notLinked are what the program does without: it is for people who have none of it.
var notLinked = []string{"github.com/aws/jsii-runtime-go", "github.com/aws/aws-cdk-go", "bucketuser/infra/local", "bucketuser/infra/bucketuser", "testing", "net/http/httptest"}

func TestLinksLittle(t *testing.T) {
	output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for decoder := json.NewDecoder(bytes.NewReader(output)); decoder.More(); all++ {
		var p struct{ ImportPath string }
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(notLinked, func(not string) bool { return strings.HasPrefix(p.ImportPath+"/", not+"/") }) {
			t.Errorf("the program has %s in it", p.ImportPath)
		}
	}
	if all < 100 {
		t.Errorf("%d packages", all)
	}
}
