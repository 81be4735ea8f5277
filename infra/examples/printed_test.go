//go:build e2e

package examples

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/infra/internal/cloudtest"
)

// What people are told to run is run as it stands in the text: what is in angle brackets is
// filled in, and nothing else is changed but the folders that a test says.

// console are the blocks in which lines after "$ " are run.
var console = regexp.MustCompile("(?s)```console\n(.*?)```")

// aside is a command with arguments in a sentence.
var aside = regexp.MustCompile("`((?:make|aws|go|npx|cdk) [^`…]* [^`…]*)`")

// asides are the commands in the sentences of a text.
func asides(text string) []string {
	var all []string
	for _, match := range aside.FindAllStringSubmatch(console.ReplaceAllString(text, ""), -1) {
		all = append(all, strings.ReplaceAll(match[1], "\n", " "))
	}
	return all
}

// commands are the lines of a text that people are told to run, whole: a command goes on
// after a line that ends in "\" or "|".
func commands(text string) []string {
	var all []string
	for _, block := range console.FindAllStringSubmatch(text, -1) {
		goesOn := false
		for line := range strings.Lines(block[1]) {
			line = strings.TrimSpace(line)
			command, isNew := strings.CutPrefix(line, "$ ")
			switch {
			case isNew:
				all = append(all, command)
			case goesOn:
				all[len(all)-1] += "\n" + line
			default:
				continue // what the command prints
			}
			goesOn = strings.HasSuffix(line, `\`) || strings.HasSuffix(line, "|")
		}
	}
	return all
}

// printed is the one command of a file that starts with these words, filled in: pairs of what
// is replaced and by what. Both sides of each pair must stand there.
func printed(t *testing.T, file, start string, fill ...string) string {
	t.Helper()
	var found []string
	text := read(t, filepath.FromSlash(file))
	for _, command := range append(commands(text), asides(text)...) {
		if strings.HasPrefix(command+"\n", start) && !slices.Contains(found, command) {
			found = append(found, command)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s: %d commands start with %q", file, len(found), start)
	}
	return filled(t, found[0], fill...)
}

func filled(t *testing.T, text string, fill ...string) string {
	t.Helper()
	for i := 0; i < len(fill); i += 2 {
		if !strings.Contains(text, fill[i]) {
			t.Fatalf("%q is not in %q", fill[i], text)
		}
		text = strings.ReplaceAll(text, fill[i], fill[i+1])
	}
	return text
}

// shell runs a command in a folder, as somebody who reads it would, and returns what it
// prints.
func (p *public) shell(t *testing.T, dir, command string, more ...string) string {
	t.Helper()
	return cloudtest.Run(t, dir, p.env(more...), "bash", "-o", "pipefail", "-euc", command)
}

const repositoryReadme = "../../README.md"

// awkward is a prefix with all that a shell, a file of variables, SQL and XML could take for
// more than text, in YAML.
const awkward = `Prefix: "it's \"a\" (small) #1 & <x> \\ ; ~ ` + "`id`" + ` | %2F/"`

// awkwardStack is a template with names to match, and the output of the construct's app.
const awkwardStack = `Resources:
  Data:
    Type: Custom::BucketUser
    Properties:
      ServiceToken: '{{resolve:ssm:/bucketuser/BucketUserProvider/ServiceToken}}'
      OnDelete: Purge
      RotateAfterDays: 30
      BucketName: bucketuser-s3--0
      UserName: "_+=,.@-x"
      SecretName: bucketuser/a_+=.@-/b
      Tags: [{Key: "it is: a/tag=+-@ \u00e9", Value: " "}]
      ` + awkward + `
Outputs:
  SecretArn: {Value: !GetAtt Data.SecretArn}
`

// TestRow39ReadmeBackupStatement has ClickHouse run the statement that README prints, and
// look at the disk and the files by the URLs of the secret as they are.
func TestRow39ReadmeBackupStatement(t *testing.T) {
	t.Parallel()
	const name = "StorageAwkward"
	p := newPublic(t)
	secret := deploy(t, name, awkwardStack)["SecretArn"]
	u, text := user(t, secret), read(t, repositoryReadme)

	statement := regexp.MustCompile("`(S3\\('<S3_BACKUP_URL>.*?\\))`").FindStringSubmatch(text)
	if statement == nil {
		t.Fatal("README has no statement for a backup")
	}
	target := filled(t, statement[1], "<S3_BACKUP_URL>", u.Fields["S3_BACKUP_URL"], "<name>", "nightly",
		"<key>", u.Fields["AWS_ACCESS_KEY_ID"], "<secret>", u.Fields["AWS_SECRET_ACCESS_KEY"])
	got := cloudtest.Run(t, ".", p.env(), cloud.Tools.ClickHouse, filepath.Join("testdata", "backup.py"), target)
	if strings.TrimSpace(got) != "45" {
		t.Errorf("restored %s", got)
	}
	keys := cloudtest.Must(keysOf(t.Context(), u.Bucket()))(t)
	if key := u.Fields["S3_BACKUP_PREFIX"] + "nightly/.backup"; !strings.Contains(strings.Join(keys, "\n"), key) {
		t.Errorf("%q is not among %q", key, keys)
	}

	t.Run("credentials", func(t *testing.T) { wantCredentials(t, p, name, secret, u) })
	t.Run("rotation", func(t *testing.T) { wantRotation(t, p, secret, u) })
	destroy(t, name)
}

// wantRotation rotates as README says: some seconds later the secret has another key, and both work.
func wantRotation(t *testing.T, p *public, secret string, before *cloudtest.User) {
	t.Helper()
	p.shell(t, ".", printed(t, repositoryReadme, "aws secretsmanager rotate-secret", "<SecretArn>", secret))
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); user(t, secret).Fields["AWS_ACCESS_KEY_ID"] == before.Fields["AWS_ACCESS_KEY_ID"]; <-tick.C {
		if time.Now().After(end) {
			t.Fatal("the secret has the key that it had")
		}
	}
	for _, u := range []*cloudtest.User{before, user(t, secret)} {
		if err := u.Put(t.Context(), u.Bucket(), u.Fields["S3_PREFIX"]+"table"); err != nil {
			t.Errorf("key %s: %v", u.Fields["AWS_ACCESS_KEY_ID"], err)
		}
	}
}

// wantCredentials runs what README says about the credentials of a stack.
func wantCredentials(t *testing.T, p *public, name, secret string, u *cloudtest.User) {
	t.Helper()
	checkout := copyOfRepository(t)
	for _, command := range []string{
		printed(t, repositoryReadme, "aws secretsmanager get-secret-value", "<SecretArn>", secret),
		printed(t, repositoryReadme, "make credentials FORMAT=json", "STACK=Backups", "STACK="+name),
	} {
		var fields map[string]string
		if err := json.Unmarshal([]byte(p.shell(t, checkout, command)), &fields); err != nil || !maps.Equal(fields, u.Fields) {
			t.Errorf("%s: %v", command, err)
		}
	}
	csv := p.shell(t, checkout, printed(t, repositoryReadme, "make credentials FORMAT=csv  "), "STACK="+name)
	if want := "Access key ID,Secret access key\n" + u.Fields["AWS_ACCESS_KEY_ID"] + "," + u.Fields["AWS_SECRET_ACCESS_KEY"] + "\n"; csv != want {
		t.Errorf("csv: %q", csv)
	}

	// A shell has the lines as variables, and the aws CLI takes them.
	lines := p.shell(t, checkout, printed(t, repositoryReadme, "make credentials   "), "STACK="+name)
	if err := os.WriteFile(filepath.Join(checkout, "s3.env"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for entry := range strings.SplitSeq(p.shell(t, checkout, "set -a; . ./s3.env; env -0"), "\x00") {
		if variable, value, _ := strings.Cut(entry, "="); u.Fields[variable] != "" {
			got[variable] = value
		}
	}
	if !maps.Equal(got, u.Fields) {
		t.Errorf("a shell reads %q, the secret has %q", got, u.Fields)
	}
	listed := p.shell(t, checkout, `set -a; . ./s3.env; echo content > file
		aws s3 cp --quiet file "s3://$S3_BUCKET/$S3_PREFIX"; aws s3 ls "s3://$S3_BUCKET/$S3_PREFIX"; aws s3 rm --quiet "s3://$S3_BUCKET/${S3_PREFIX}file"`)
	if !strings.Contains(listed, " file\n") {
		t.Errorf("aws s3 ls: %s", listed)
	}
}

// copyOfRepository is the repository in a folder without a demo, which make credentials
// would ask.
func copyOfRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cloudtest.Run(t, cloud.Root, nil, "bash", "-euc", `git ls-files -z --cached --others --exclude-standard -- Makefile go.mod go.sum infra lambda |
		xargs -0 cp --parents -t "$0"`, dir)
	return dir
}

// TestRow39MakeDeployOfReadme deploys as README says, with the function that can answer here.
func TestRow39MakeDeployOfReadme(t *testing.T) {
	t.Parallel()
	p, home := newPublic(t), t.TempDir()
	context := map[string]string{}
	for _, argument := range cloud.Function.Context {
		if name, value, ok := strings.Cut(argument, "="); ok {
			context[name] = value
		}
	}
	// The user's own settings for the cdk CLI.
	settings := cloudtest.Must(json.Marshal(map[string]any{"context": context, "requireApproval": "never", "output": filepath.Join(home, "cdk.out")}))(t)
	if err := os.WriteFile(filepath.Join(home, ".cdk.json"), settings, 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"HOME=" + home, "CDK_VALIDATION=false", "APPROVAL=never"} // there is nobody to ask
	for _, name := range []string{"GOPATH", "GOMODCACHE", "GOCACHE"} {
		env = append(env, name+"="+strings.TrimSpace(cloudtest.Run(t, ".", nil, "go", "env", name)))
	}
	for _, line := range []string{"make bootstrap", "make deploy CONTEXT=", "make deploy STACK="} {
		p.shell(t, cloud.Root, printed(t, repositoryReadme, line), env...)
	}
	checkout := copyOfRepository(t)
	for stack, command := range map[string]struct{ line, prefix string }{
		"BucketUser": {"make credentials\n", "clickhouse/"}, "Backups": {"make credentials FORMAT=json", "data/"}} {
		secret := cloudtest.Must(cloud.Outputs(t.Context(), stack))(t)["SecretArn"]
		use(t, secret, command.prefix)
		lines := p.shell(t, checkout, printed(t, repositoryReadme, command.line), env...)
		if id := user(t, secret).Fields["AWS_ACCESS_KEY_ID"]; !strings.Contains(lines, id) {
			t.Errorf("%s: not of %s: %s", command.line, stack, lines)
		}
		if err := cloud.DeleteStack(t.Context(), stack); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRow39ModuleLineOfReadme puts the construct into an app beside this repository: the
// example, as if it did not know it yet.
func TestRow39ModuleLineOfReadme(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	app := filepath.Join(dir, "app")
	for _, step := range []error{os.Symlink(cloud.Root, filepath.Join(dir, "bucketuser")), os.CopyFS(app, os.DirFS("cdk-go"))} {
		if step != nil {
			t.Fatal(step)
		}
	}
	cloudtest.Run(t, app, nil, "go", "mod", "edit", "-droprequire", "bucketuser", "-dropreplace", "bucketuser")
	cloudtest.Run(t, app, nil, "bash", "-euc", printed(t, repositoryReadme, "go mod edit"))
	cloudtest.Run(t, app, nil, "go", "vet", ".")
}

// TestRow39ReleaseLinesOfReadme makes the provider stack from a release with the aws CLI, in
// an account of its own, where no provider of that name is. The function of a release answers
// nobody here.
func TestRow39ReleaseLinesOfReadme(t *testing.T) {
	t.Parallel()
	p, dir := newPublic(t), t.TempDir()
	cloudtest.Run(t, cloud.Root, append(os.Environ(), "CDK_VALIDATION=false", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=18,20"),
		"go", "run", "./infra/release", "-version", "1.2.3", "-out", dir) // as make release VERSION=1.2.3
	env := as(aws.Credentials{AccessKeyID: cloudtest.OtherAccount, SecretAccessKey: "test"})
	p.shell(t, dir, "aws s3 mb s3://code-of-the-release", env...)
	for _, line := range []string{
		printed(t, repositoryReadme, "sha256sum"),
		printed(t, repositoryReadme, "aws s3 cp", "<code-bucket>", "code-of-the-release"),
		printed(t, repositoryReadme, "aws cloudformation deploy", "<code-bucket>", "code-of-the-release"),
	} {
		p.shell(t, dir, line, env...)
	}
	token := p.shell(t, dir, "aws ssm get-parameter --name /bucketuser/BucketUserProvider/ServiceToken --query Parameter.Value --output text", env...)
	if !strings.HasPrefix(token, "arn:aws:lambda:"+cloudtest.Region+":"+cloudtest.OtherAccount+":function:") {
		t.Errorf("service token %s", token)
	}
	if stacks := p.shell(t, dir, printed(t, repositoryReadme, "aws cloudformation list-stacks"), env...); !strings.Contains(stacks, ":stack/BucketUserProvider/") {
		t.Errorf("stacks: %s", stacks)
	}
	p.shell(t, dir, `aws cloudformation delete-stack --stack-name BucketUserProvider
		aws cloudformation wait stack-delete-complete --stack-name BucketUserProvider
		aws s3 rb --force s3://code-of-the-release`, env...)
}

// TestRow39ExampleLinesRunAsPrinted deploys the templates of the examples with the aws CLI,
// those of one name one after the other.
func TestRow39ExampleLinesRunAsPrinted(t *testing.T) {
	p := newPublic(t)
	for stack, folders := range map[string][]string{
		"ClickHouseStorage": {"cloudformation", "dynamic-reference"},
		"ClickHouseTask":    {"ecs"},
	} {
		t.Run(stack, func(t *testing.T) {
			t.Parallel()
			for _, folder := range folders {
				p.deployAsPrinted(t, folder, stack)
				destroy(t, stack)
			}
		})
	}
}

// deployAsPrinted runs the commands of an example, uses the credentials, and looks at the events of the stack as README
// does after the function.
func (p *public) deployAsPrinted(t *testing.T, folder, stack string) {
	t.Helper()
	for _, command := range commands(read(t, folder, "README.md")) {
		p.shell(t, folder, command)
	}
	outputs := cloudtest.Must(cloud.Outputs(t.Context(), stack))(t)
	secret, ok := outputs["Secret"]
	if !ok {
		secret = outputs["DiskSecret"]
	}
	use(t, secret, "clickhouse/")
	events := p.shell(t, folder, printed(t, repositoryReadme, "aws cloudformation describe-stack-events --stack-name <stranded-stack>", "<stranded-stack>", stack))
	if !strings.Contains(events, ":function:") {
		t.Errorf("the events of %s do not show the function of the provider: %s", stack, events)
	}
}

// ran says by which test each command is run that people are told to run.
var ran = map[string][]struct{ start, test string }{
	"README.md": {
		{"make demo-down", "TestDemo"}, {"make demo", "TestDemo"}, // the command that make runs
		{"make deploy-provider", "TestMakeDeployProvider"}, // the CLI's command, with patterns of its own
		{"make bootstrap", "TestRow39MakeDeployOfReadme"}, {"make deploy ", "TestRow39MakeDeployOfReadme"},
		{"make credentials", "TestRow39ReadmeBackupStatement"}, {"aws secretsmanager ", "TestRow39ReadmeBackupStatement"},
		{"go mod edit", "TestRow39ModuleLineOfReadme"},
		{"make release", "TestRow39ReleaseLinesOfReadme"}, // the command that make runs
		{"sha256sum", "TestRow39ReleaseLinesOfReadme"}, {"aws s3 cp", "TestRow39ReleaseLinesOfReadme"},
		{"aws cloudformation deploy", "TestRow39ReleaseLinesOfReadme"},
		{"aws cloudformation describe-stack-events --stack-name <stranded-stack>", "TestRow39ExampleLinesRunAsPrinted"},
		{"aws cloudformation describe-stack-events --stack-name <stack>", "TestRow39DeletionThatFailsSaysWhatToRun"},
		{"aws cloudformation list-stacks", "TestRow39ReleaseLinesOfReadme"},
		{"aws s3api ", "TestRow39BeyondAnHourOfReadme"},
		// The same calls, by the SDK.
		{"aws cloudformation delete-stack --stack-name BucketUserProvider --retain-resources", "TestRow28AProviderMadeAgainServesItsStacks"},
		{"aws iam delete-policy ", "TestRow28AProviderMadeAgainServesItsStacks"},
	},
	"lambda/README.md":                           {{"go test ", "TestReadmeCommandsRun"}},
	"infra/examples/cloudformation/README.md":    {{"aws cloudformation ", "TestRow39ExampleLinesRunAsPrinted"}},
	"infra/examples/dynamic-reference/README.md": {{"aws cloudformation ", "TestRow39ExampleLinesRunAsPrinted"}},
	"infra/examples/ecs/README.md":               {{"aws cloudformation ", "TestRow39ExampleLinesRunAsPrinted"}},
	"infra/examples/clickhouse-server/README.md": {{"aws secretsmanager ", "TestClickHouseServer"}},
	// The cdk CLI is the same version, from the toolset. npx would ask the registry for it.
	"infra/examples/cdk-go/README.md":         {{"npx aws-cdk", "TestCDKGo"}},
	"infra/examples/cdk-typescript/README.md": {{"npx cdk ", "TestCDKTypeScript"}, {"npm run build", "TestCDKTypeScript"}},
	"infra/examples/cdk-python/README.md":     {{"npx aws-cdk", "TestCDKPython"}},
}

// cannotRun says why a command is not run.
var cannotRun = map[string]string{
	"npm ci":          "the toolset runs it, with the options that leave scripts and messages out",
	"python3 -m venv": "the toolset makes the environment",
	"pip install":     "the toolset runs it",
	"systemd-run":     "needs systemd; TestRow29ClickHouseBackupOfAnObjectDisk runs backup.sh with a stand-in for clickhouse-backup, TestClickHouseServer reads the file",
	"kubectl apply":   "needs a cluster; TestExternalSecrets validates the file",
	"terraform init":  "Terraform is not to be had by the registries",
	"terraform apply": "the same; TestTerraform evaluates the file",
	"go run golang.org/x/vuln/cmd/govulncheck": "asks vuln.go.dev, which cannot be reached here",
	"aws iam put-user-permissions-boundary":    "the name of a command, of which an error text says the rest",
	"aws iam delete-policy-version":            "the name of a command, for a policy that was changed; the tests change none",
}

// TestRow39EveryCommandIsRun wants a test, or a reason, for each command that README and the
// examples print. The page of the function is for developers: its blocks count.
func TestRow39EveryCommandIsRun(t *testing.T) {
	tests := cloudtest.Run(t, cloud.Root, nil, "git", "grep", "--untracked", "-hE", `^func Test`, "--", "*_test.go")
	texts := map[string][]string{"lambda/README.md": commands(read(t, cloud.Root, "lambda", "README.md"))}
	for _, file := range append(cloudtest.Must(filepath.Glob("*/README.md"))(t), repositoryReadme) {
		text, name := read(t, file), filepath.ToSlash(filepath.Join("infra", "examples", file))
		texts[name] = append(commands(text), asides(text)...)
	}
	for file, all := range texts {
		for _, command := range all {
			if test := testOf(file, command); test == "" {
				t.Errorf("%s: nothing runs %q", file, command)
			} else if test != cannot && !strings.Contains(tests, "func "+test+"(") {
				t.Errorf("%s: no %s runs %q", file, test, command)
			}
		}
	}
	for _, of := range []string{"./infra/", "./lambda/"} {
		cloudtest.Run(t, cloud.Root, nil, "bash", "-euc", printed(t, repositoryReadme, "go doc "+of))
	}
}

const cannot = "cannot be run"

// testOf is the test that runs a command, cannot, or "".
func testOf(file, command string) string {
	for _, row := range append(ran[file], struct{ start, test string }{"go doc ", "TestRow39EveryCommandIsRun"}) {
		if strings.HasPrefix(command+" ", row.start) {
			return row.test
		}
	}
	for start := range cannotRun {
		if strings.HasPrefix(command, start) {
			return cannot
		}
	}
	return ""
}
