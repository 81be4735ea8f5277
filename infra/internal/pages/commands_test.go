package pages

import (
	"os/exec"
	"strings"
	"testing"
)

// A row names the test that runs a command, or all commands that begin with what stands before "…". A block that is no
// command begins with its language.
type row struct{ start, test string }

// ran says by which test each command and each block is run that people are told to run.
var ran = map[string][]row{
	Readme: {
		{"make demo", "TestDemo"}, {"make demo-down", "TestDemo"}, // the command that make runs
		{"make deploy-provider", "TestMakeDeployProvider"}, // the CLI's command, with patterns of its own
		{"make bootstrap", "TestRow39MakeDeployOfReadme"}, {"make deploy", "TestRow39MakeDeployOfReadme"},
		{"```yaml BucketUser:", "TestRow39MakeDeployOfReadme"}, {"make deploy STACK=Backups", "TestRow39MakeDeployOfReadme"},
		{"make destroy", "TestRow39MakeDeployOfReadme"},
		{"make credentials", "TestRow39ReadmeBackupStatement"}, {"make credentials STACK=Backups …", "TestRow39ReadmeBackupStatement"},
		{"bucketuser credentials Backups …", "TestRow39ReadmeBackupStatement"},
		{"aws secretsmanager get-secret-value …", "TestRow39ReadmeBackupStatement"},
		{"make status", "TestRow39MakeDeployOfReadme"}, {"bucketuser status", "TestRow39MakeDeployOfReadme"},
		{"make rotate", "TestRow39ReadmeBackupStatement"}, {"bucketuser rotate", "TestRow39MakeDeployOfReadme"},
		{"go mod edit …", "TestRow39GoLinesOfReadme"}, {"go mod tidy", "TestRow39GoLinesOfReadme"},
		{"```go import …", "TestRow39GoLinesOfReadme"},
		{"```yaml Resources:", "TestRow39YamlOfReadme"}, {"```yaml KeySerial: 1", "TestRow39YamlOfReadme"},
		{"```mermaid …", "TestPicturesAreDrawn"},
	},
	InFull: {
		{"make demo", "TestDemo"}, {"make demo-down", "TestDemo"}, {"make demo-down FORCE=1", "TestDemo"}, {"make bootstrap", "TestRow39MakeDeployOfReadme"},
		{"make deploy", "TestRow39MakeDeployOfReadme"}, {"make deploy-provider", "TestMakeDeployProvider"},
		{"make deploy-provider PARAMETERS=…", "TestMakeDeployProvider"}, {"make deploy-provider PROVIDER=…", "TestMakeDeployProvider"},
		{"make credentials", "TestRow39ReadmeBackupStatement"}, {"make credentials FORMAT=csv", "TestRow39ReadmeBackupStatement"},
		{"bucketuser credentials Storage …", "TestRow39ReadmeBackupStatement"},
		{"bucketuser credentials --secret …", "TestRow39ReadmeBackupStatement"},
		{"bucketuser status Storage …", "TestRow39ReadmeBackupStatement"}, {"bucketuser rotate Storage …", "TestRow39ReadmeBackupStatement"},
		{"bucketuser status", "TestRow39MakeDeployOfReadme"}, {"bucketuser rotate", "TestRow39MakeDeployOfReadme"},
		{"make status", "TestRow39MakeDeployOfReadme"}, {"make rotate", "TestRow39ReadmeBackupStatement"},
		{"git clone …", "TestRow39GoLinesOfReadme"}, {"go mod edit …", "TestRow39GoLinesOfReadme"}, {"go mod tidy", "TestRow39GoLinesOfReadme"},
		{". ../bucketuser/.local/env.sh", "TestRow39GoLinesOfReadme"}, {"cdk deploy", "TestRow39GoLinesOfReadme"},
		{"cdk deploy -c bucketuser:code=…", "TestContextReplacesTheFunction"}, {"cdk deploy -c bucketuser:architecture=…", "TestContextReplacesTheFunction"}, // the keys
		{"make release VERSION=1.2.3", "TestRow39ReleaseLinesOfReadme"}, // the command that make runs
		{"sha256sum …", "TestRow39ReleaseLinesOfReadme"}, {"aws s3 …", "TestRow39ReleaseLinesOfReadme"},
		{"aws cloudformation deploy --stack-name BucketUserProvider …", "TestRow39ReleaseLinesOfReadme"},
		{"```yaml Resources:", "TestProviderStack"},
		{"aws cloudformation describe-stack-events --stack-name <stranded-stack> …", "TestRow39ExampleLinesRunAsPrinted"},
		{"aws cloudformation describe-stack-events --stack-name <stack> …", "TestRow39DeletionThatFailsSaysWhatToRun"},
		{"aws cloudformation delete-stack --stack-name <stack>", "TestRow39FailedCreationIsDeletedFirst"},
		{"make destroy", "TestRow39MakeDeployOfReadme"}, {"aws cloudformation list-stacks", "TestRow39ReleaseLinesOfReadme"},
		{"aws secretsmanager rotate-secret …", "TestRow39ReadmeBackupStatement"},
		{"aws s3api …", "TestRow39BeyondAnHourOfReadme"}, {"```json {", "TestRow39BeyondAnHourOfReadme"},
		{"make live", "TestLive"}, {"make live LIVE=yes", "TestLive"}, {"make live CLEAN=1", "TestLive"}, // the program that make runs
		// The same calls, by the SDK.
		{"aws cloudformation delete-stack --stack-name BucketUserProvider --retain-resources …", "TestRow28AProviderMadeAgainServesItsStacks"},
		{"aws iam delete-policy", "TestRow28AProviderMadeAgainServesItsStacks"},
	},
	"lambda/README.md":        {{"go test …", "TestReadmeCommandsRun"}},
	".github/SECURITY.md":     {{"make demo", "TestDemo"}},
	".github/CONTRIBUTING.md": {{"make release…", "TestRow39ReleaseLinesOfReadme"}, {"make live…", "TestLive"}},
	"infra/versions.md": {
		{"aws s3 cp …", "TestRow39ReleaseLinesOfReadme"}, {"aws cloudformation deploy …", "TestRow39ReleaseLinesOfReadme"},
		{"sha256sum …", "TestRow39ReleaseLinesOfReadme"}, {"make deploy…", "TestRow39MakeDeployOfReadme"}, {"make deploy-provider", "TestMakeDeployProvider"},
		{"aws secretsmanager cancel-rotate-secret …", "TestStacksOfEarlierVersionsAreServed"},      // by the SDK
		{"go test -C lambda/internal/provision -run …", "TestEarlierVersionsAreThoseOfTheHistory"}, // the same, for each version
	},
	"infra/examples/cloudformation/README.md":    {{"aws cloudformation …", "TestRow39ExampleLinesRunAsPrinted"}},
	"infra/examples/dynamic-reference/README.md": {{"aws cloudformation …", "TestRow39ExampleLinesRunAsPrinted"}},
	"infra/examples/ecs/README.md":               {{"aws cloudformation …", "TestRow39ExampleLinesRunAsPrinted"}},
	"infra/examples/clickhouse-server/README.md": {{"aws secretsmanager get-secret-value …", "TestClickHouseServer"}},
	"infra/production.md": {
		{"make bootstrap", "TestRow39MakeDeployOfReadme"}, {"make bootstrap CONTEXT=…", "TestBootstrapPolicy"}, // the CLI's command
		{"make deploy…", "TestRow39MakeDeployOfReadme"}, {"make destroy", "TestRow39MakeDeployOfReadme"},
		{"make deploy-provider", "TestRow39MakeDeployOfReadme"}, {"make destroy-provider", "TestAProviderThatUsersNeed"},
		{"make credentials", "TestRow39ReadmeBackupStatement"}, {"make status", "TestRow39MakeDeployOfReadme"},
		{"```yaml BucketUser:", "TestRow39MakeDeployOfReadme"}, {"```yaml name: deploy", "TestWorkflowOfProduction"}, {"```json {", "TestWorkflowOfProduction"},
		{"aws logs filter-log-events …", "TestRow39MakeDeployOfReadme"}, {"aws events …", "TestRow39MakeDeployOfReadme"},
	},
	// The cdk CLI is the same version, from the toolset. npx would ask the registry for it.
	"infra/examples/cdk-go/README.md":         {{"make demo", "TestDemo"}, {"npx aws-cdk@…", "TestCDKGo"}, {"make bootstrap", "TestRow39MakeDeployOfReadme"}},
	"infra/examples/cdk-typescript/README.md": {{"make bootstrap", "TestRow39MakeDeployOfReadme"}, {"npx cdk …", "TestCDKTypeScript"}, {"npm run build", "TestCDKTypeScript"}},
	"infra/examples/cdk-python/README.md":     {{"make bootstrap", "TestRow39MakeDeployOfReadme"}, {"npx aws-cdk@…", "TestCDKPython"}},
}

// cannotRun says why a command is not run.
var cannotRun = map[string]string{
	"npm ci":            "the toolset runs it, with the options that leave scripts and messages out",
	"python3 -m venv …": "the toolset makes the environment",
	"pip install …":     "the toolset runs it",
	"systemd-run …":     "needs systemd; TestRow29ClickHouseBackupOfAnObjectDisk runs backup.sh with a stand-in for clickhouse-backup, TestClickHouseServer reads the file",
	"kubectl apply …":   "needs a cluster; TestExternalSecrets validates the file",
	"terraform init":    "Terraform is not to be had by the registries",
	"terraform apply":   "the same; TestTerraform evaluates the file",
	"go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...": "asks vuln.go.dev, which cannot be reached here",
	"go mod vendor":                         "what is said not to work, in a text that another test has",
	"aws iam put-user-permissions-boundary": "the name of a command, of which an error text says the rest",
	"aws iam delete-policy-version":         "the name of a command, for a policy that was changed; the tests change none",
	"go run .":                              "the name of a command, of an app of others; TestBadValuesDoNotStopTheApp does what it does",
	"cdk diff":                              "the name of a command", "git fetch --unshallow": "asks a server", "git log": "the name of a command",
	"bucketuser status": "the name of a command", "bucketuser status --format json": "the same",
	// What make test runs, and what takes too long for it.
	"make test": "what runs this", "make check": "a part of it", "make privilege": "the same", "make examples": "the same",
	"make template": "the same", "make crash": "the same", "make e2e": "the same", "make lint": "the same",
	"make golden": "writes files", "make clean": "removes what the tests need", "make crash-all": "takes 20 minutes", "make bench": "takes 40 minutes",
	"make synth": "make template runs the same with more", "make help": "lists the commands",
	"export AWS_PROFILE=<profile> …": "the settings of whoever deploys",
	"aws sso login":                  "asks somebody to sign in", "aws logs tail": "needs version 2 of the aws CLI, which no registry has",
	"bucketuser status BucketUser": "the name of a command", "make rotate": "the name of a command, which needs a schedule",
}

// isForDevelopers says of which pages only the blocks count: their sentences name commands that nobody runs from there.
var isForDevelopers = map[string]bool{"lambda/README.md": true, "infra/CHANGELOG.md": true, "lambda/internal/bench/results.md": true}

// TestRow39EveryCommandIsRun wants a test, or a reason, for each command and each block of the pages.
func TestRow39EveryCommandIsRun(t *testing.T) {
	tests := output(t, "git", "grep", "--untracked", "-hE", `^func Test`, "--", "*_test.go")
	for file, text := range all(t) {
		for _, said := range toRun(file, text) {
			test, reason := testOf(file, said), reasonOf(said)
			switch {
			case test == "" && reason == "":
				t.Errorf("%s: nothing runs %q", file, said)
			case test != "" && !strings.Contains(tests, "func "+test+"("):
				t.Errorf("%s: no %s runs %q", file, test, said)
			}
			if strings.HasPrefix(said, "go doc ") {
				output(t, "bash", "-euc", said)
			}
		}
	}
}

// toRun is what a page tells people to run: its commands and the first lines of its other blocks.
func toRun(file, text string) []string {
	all := Commands(text)
	if !isForDevelopers[file] {
		all = append(all, Asides(text)...)
	}
	for _, block := range Blocks(text) {
		if block.Language != "" && block.Language != "console" {
			first, _, _ := strings.Cut(strings.TrimSpace(block.Text), "\n")
			all = append(all, "```"+block.Language+" "+first)
		}
	}
	return all
}

// testOf is the test that runs a command or a block, or "".
func testOf(file, said string) string {
	for _, row := range append(ran[file], row{"go doc …", "TestRow39EveryCommandIsRun"}) {
		if isOf(said, row.start) {
			return row.test
		}
	}
	return ""
}

func reasonOf(said string) string {
	for start, reason := range cannotRun {
		if isOf(said, start) {
			return reason
		}
	}
	return ""
}

// isOf tells whether a row or a reason means a command: the whole of it, or what it begins with before "…".
func isOf(said, start string) bool {
	if beginning, goesOn := strings.CutSuffix(start, "…"); goesOn {
		return strings.HasPrefix(said, beginning)
	}
	said, _, _ = strings.Cut(said, "  ") // a remark
	return said == start
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = root
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, output)
	}
	return string(output)
}
