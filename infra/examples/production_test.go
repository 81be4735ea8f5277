//go:build e2e

package examples

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/pages"
	"bucketuser/infra/local"
)

const productionPage = "../production.md"

// TestRow39MakeDeployOfReadme deploys as README and the page about production say, with the function that can answer here,
// and with the rights of deploy.json.
func TestRow39MakeDeployOfReadme(t *testing.T) {
	t.Parallel()
	p := newPublic(t)
	root := settings(t)
	deployer := slices.Concat(root, deployerOf(t, "deployer"))
	p.shell(t, cloud.Root, printed(t, repositoryReadme, "make bootstrap"), root...)
	values := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(values, []byte(snippet(t, "yaml", "BucketUser:")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"make deploy\n", "make deploy STACK="} {
		p.shell(t, cloud.Root, printed(t, repositoryReadme, line), slices.Concat(deployer, []string{"VALUES=" + values})...)
	}
	checkout := copyOfRepository(t)
	for stack, command := range map[string]struct{ line, prefix string }{
		"BucketUser": {"make credentials   ", "clickhouse/"}, "Backups": {"make credentials STACK=Backups", "data/"}} {
		secret := cloudtest.Must(cloud.Outputs(t.Context(), stack))(t)["SecretArn"]
		use(t, secret, command.prefix)
		lines := p.shell(t, checkout, printed(t, repositoryReadme, command.line)+"; if [ -e disk.xml ]; then cat disk.xml; fi", root...)
		if id := user(t, secret).Fields["AWS_ACCESS_KEY_ID"]; !strings.Contains(lines, id) {
			t.Errorf("%s: not of %s: %s", command.line, stack, lines)
		}
	}
	for _, line := range []string{"make status\n", "bucketuser status\n"} {
		wantSaid(t, line, p.shell(t, checkout, withProgram+printed(t, repositoryReadme, line)+" 2>&1", root...), "healthy: ")
	}
	for _, line := range []string{"make rotate\n", "bucketuser rotate\n"} { // without a schedule
		wantSaid(t, line, p.shell(t, checkout, withProgram+"! "+printed(t, repositoryReadme, line)+" 2>&1", root...), "KeySerial")
	}
	if err := cloud.DeleteStack(t.Context(), "Backups"); err != nil {
		t.Fatal(err)
	}
	p.wantProduction(t, root, deployer)
	said := p.shell(t, cloud.Root, printed(t, repositoryReadme, "make destroy\n")+" 2>&1", deployer...)
	if !regexp.MustCompile(`destroying stack BucketUser of account .*\nbucket bucketuser-\S+: is empty\n`).MatchString(said) {
		t.Errorf("make destroy does not say what becomes of the data: %s", said)
	}
	if outputs, err := cloud.Outputs(t.Context(), "BucketUser"); err == nil {
		t.Errorf("make destroy has left the stack with outputs %v", outputs)
	}
	said = p.shell(t, cloud.Root, printed(t, repositoryReadme, "make destroy\n")+" 2>&1", deployer...)
	wantSaid(t, "make destroy", said, "there is no stack BucketUser in account "+local.Account+"")
}

// settings are those of a user, and of the cdk CLI, for who has no terminal.
func settings(t *testing.T) []string {
	t.Helper()
	home, context := t.TempDir(), map[string]string{}
	for _, argument := range cloud.Function.Context {
		if name, value, ok := strings.Cut(argument, "="); ok {
			context[name] = value
		}
	}
	settings := cloudtest.Must(json.Marshal(map[string]any{"context": context, "requireApproval": "never", "output": filepath.Join(home, "cdk.out")}))(t)
	if err := os.WriteFile(filepath.Join(home, ".cdk.json"), settings, 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"HOME=" + home, "CDK_VALIDATION=false", "VALUES=" + os.DevNull, "APPROVAL=never"} // there is nobody to ask
	for _, name := range []string{"GOPATH", "GOMODCACHE", "GOCACHE"} {
		env = append(env, name+"="+strings.TrimSpace(cloudtest.Run(t, ".", nil, "go", "env", name)))
	}
	return env
}

// deployerOf makes a user with the rights of deploy.json, without some of its statements, and returns their key. The page
// fills in one stack and one region; these are any.
func deployerOf(t *testing.T, name string, without ...string) []string {
	t.Helper()
	var policy struct {
		Version   string
		Statement []map[string]any
	}
	text := strings.NewReplacer("<account>", local.Account, "<region>", "*", "<stack>", "*", "<bucket>", "bucketuser-*").
		Replace(read(t, cloud.Root, "infra", "policies", "deploy.json"))
	if err := json.Unmarshal([]byte(text), &policy); err != nil {
		t.Fatal(err)
	}
	all := len(policy.Statement)
	policy.Statement = slices.DeleteFunc(policy.Statement, func(s map[string]any) bool { return slices.Contains(without, s["Sid"].(string)) })
	if len(policy.Statement) != all-len(without) {
		t.Fatalf("deploy.json lacks one of the statements %q", without)
	}
	document := string(cloudtest.Must(json.Marshal(policy))(t))
	key := cloudtest.Must(cloud.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}))(t)
	cloudtest.Must(cloud.IAM.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: &name, PolicyDocument: &document}))(t)
	t.Cleanup(func() { removeUser(t, name, key.AccessKeyID) })
	return as(key)
}

// removeUser takes away what deployerOf has made.
func removeUser(t *testing.T, name, key string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	_, noKey := cloud.IAM.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: &name, AccessKeyId: &key})
	_, noPolicy := cloud.IAM.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &name, PolicyName: &name})
	_, noUser := cloud.IAM.DeleteUser(ctx, &iam.DeleteUserInput{UserName: &name})
	if err := errors.Join(noKey, noPolicy, noUser); err != nil {
		t.Error(err)
	}
}

// wantProduction goes on with a stack that was deployed by the command line alone, and holds an object.
func (p *public) wantProduction(t *testing.T, root, deployer []string) {
	t.Helper()
	outputs := cloudtest.Must(cloud.Outputs(t.Context(), "BucketUser"))(t)
	bucket := aws.String(outputs["BucketName"])
	if err := user(t, outputs["SecretArn"]).Put(t.Context(), *bucket, "clickhouse/table"); err != nil {
		t.Fatal(err)
	}
	p.wantForgottenValuesKept(t, deployer)
	p.wantEachStatementNeeded(t, root)

	// With the values of the page, as its workflow has it, and then with another prefix.
	values := filepath.Join(t.TempDir(), "values.yaml")
	write := func(text string) {
		if err := os.WriteFile(values, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(blockOf(t, "yaml", "BucketUser:"))
	_, line, _ := strings.Cut(strings.TrimSpace(blockOf(t, "yaml", "name: deploy")), "- run: ")
	beside := cloudtest.Must(filepath.Rel(cloud.Root, values))(t) // from the clone, as ../values.yaml is
	said := p.shell(t, filepath.Dir(values), filled(t, line, "-C bucketuser", "-C "+cloud.Root, "../values.yaml", beside)+" 2>&1", deployer...)
	wantSaid(t, line, said, "what changes:\n  Tags: none -> ")
	write("BucketUser: {Prefix: other/, OnDelete: Retain, Tags: null}")
	said = p.shell(t, cloud.Root, printed(t, productionPage, "make deploy APPROVAL=never ACCEPT=")+" 2>&1", slices.Concat(deployer, []string{"VALUES=" + values})...)
	wantSaid(t, "ACCEPT", said, "  Prefix: clickhouse/ -> other/\n    the user loses access to 1 object or version under clickhouse/, which stay there\n", " -> none\n")
	if now := cloudtest.Must(cloud.Outputs(t.Context(), "BucketUser"))(t); now["Prefix"] != "other/" || now["BucketName"] != *bucket {
		t.Errorf("deployed %v", now)
	}
	cloudtest.Must(cloud.S3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: aws.String("clickhouse/table")}))(t)

	said = p.shell(t, cloud.Root, printed(t, productionPage, "make deploy-provider")+" 2>&1", slices.Concat(root, []string{"VALUES=" + values, "CDK_VALIDATION=true"})...)
	if strings.Contains(said, "W2509") || strings.Contains(said, "abnormally") {
		t.Errorf("make deploy-provider warns: %s", said)
	}
	if logged := p.shell(t, cloud.Root, printed(t, productionPage, "aws logs filter-log-events"), root...); !manyEvents.MatchString(logged) {
		t.Errorf("the log, one event a line: %s", logged)
	}
	p.shell(t, cloud.Root, printed(t, productionPage, "aws events put-rule"), root...)
	p.shell(t, cloud.Root, printed(t, productionPage, "aws events put-targets", "<topic-arn>", "arn:aws:sns:us-east-1:000000000000:topic"), root...)
}

// manyEvents are two events of the log, each in a line of its own.
var manyEvents = regexp.MustCompile(`(?m)^[^\n]*"msg":"received"[^\n]*\n(?s:.*)^[^\n]*"msg":"received"`)

// wantForgottenValuesKept deploys without the values that the stack has, which is refused.
func (p *public) wantForgottenValuesKept(t *testing.T, deployer []string) {
	t.Helper()
	said := p.shell(t, cloud.Root, "! "+printed(t, productionPage, "make deploy APPROVAL=never\n")+" 2>&1", deployer...)
	wantSaid(t, "make deploy", said,
		"deploying stack BucketUser to account "+local.Account+", region "+cloudtest.Region+" (as arn:aws:iam::"+local.Account+":user/deployer)\n",
		"  Prefix: clickhouse/ -> data/, its default: no value is given any more\n    the user loses access to 1 object or version under clickhouse/, which stay there\n",
		"  OnDelete: Retain -> DeleteIfEmpty, its default", `ACCEPT="Prefix OnDelete" says yes`, "\nBucketUser:\n", "\n  Prefix: clickhouse/\n")
}

// wantEachStatementNeeded deploys without statements of deploy.json: what they are for is missing then.
func (p *public) wantEachStatementNeeded(t *testing.T, root []string) {
	t.Helper()
	deploy := func(key []string, more ...string) string {
		return p.shell(t, cloud.Root, "! make deploy 2>&1", slices.Concat(root, key, more)...)
	}
	elsewhere := []string{"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1"}
	wantSaid(t, "elsewhere", deploy(deployerOf(t, "deployer-elsewhere"), elsewhere...), "not prepared for the CDK; run make bootstrap, once")
	wantSaid(t, "without looking", deploy(deployerOf(t, "deployer-blind", "Deployed", "Bootstrapped"), elsewhere...), "cannot be read", "cloudformation:DescribeStacks")
	wantSaid(t, "without the data and the roles", deploy(deployerOf(t, "deployer-idle", "Data", "RolesOfTheCdk"), "ACCEPT=Prefix OnDelete"),
		"could not be counted", "s3:ListBucketVersions", "could not be used to assume", "role/cdk-hnb659fds-deploy-role-")
}

// blockOf is the block of the page that starts with a line.
func blockOf(t *testing.T, language, start string) string {
	t.Helper()
	for _, block := range pages.Blocks(read(t, productionPage)) {
		if block.Language == language && strings.HasPrefix(block.Text, start) {
			return block.Text
		}
	}
	t.Fatalf("%s has no block %s", productionPage, start)
	return ""
}

func wantSaid(t *testing.T, what, said string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(said, text) {
			t.Errorf("%s does not say %q:\n%s", what, text, said)
		}
	}
}
