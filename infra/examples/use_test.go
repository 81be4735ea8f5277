//go:build e2e

package examples

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/pages"
)

// What README has people write is used as it stands.

// snippet is the one block of README in a language whose first line begins so.
func snippet(t *testing.T, language, start string) string {
	t.Helper()
	var found []string
	for _, block := range pages.Blocks(read(t, repositoryReadme)) {
		if block.Language == language && strings.HasPrefix(strings.TrimSpace(block.Text), start) {
			found = append(found, block.Text)
		}
	}
	if len(found) != 1 {
		t.Fatalf("README has %d blocks of %s that begin with %q", len(found), language, start)
	}
	return found[0]
}

// goAround is what somebody has around the lines of README.
const goAround = `package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"
)

IMPORT

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("OwnApp"), nil)
	taskRole := awsiam.NewRole(stack, jsii.String("Task"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("ecs-tasks.amazonaws.com"), nil)})

LINES
	awscdk.NewCfnOutput(stack, jsii.String("SecretArn"), &awscdk.CfnOutputProps{Value: data.SecretArn()})
	app.Synth(nil)
}
`

// TestRow39GoLinesOfReadme writes an app with README's lines, gets the module for it as the pages say, and deploys it. The clone
// has what is not committed yet, too.
func TestRow39GoLinesOfReadme(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	app, clone := filepath.Join(dir, "app"), filepath.Join(dir, "bucketuser")
	if err := os.Mkdir(app, 0o755); err != nil {
		t.Fatal(err)
	}
	imported, lines, _ := strings.Cut(snippet(t, "go", "import "), "\n")
	for name, text := range map[string]string{
		"main.go":  strings.NewReplacer("IMPORT", imported, "LINES", lines).Replace(goAround),
		"cdk.json": `{"app": "go run .", "requireApproval": "never"}`, // there is nobody to ask
	} {
		if err := os.WriteFile(filepath.Join(app, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cloudtest.Run(t, app, nil, "go", "mod", "init", "app")
	cloudtest.Run(t, app, nil, "bash", "-euc", printed(t, inFull, "git clone", "<repository>", cloud.Root))
	copyRepository(t, clone)
	cloudtest.Run(t, app, nil, "bash", "-euc", printed(t, repositoryReadme, "go mod edit"))
	cloudtest.Run(t, app, nil, "bash", "-euc", printed(t, repositoryReadme, "go mod tidy"))

	// What the demo leaves in its folder, of the AWS of the tests.
	demo := filepath.Join(clone, ".local")
	if err := errors.Join(os.Mkdir(demo, 0o755), cloud.WriteEnv(filepath.Join(demo, "env.sh")),
		os.Symlink(cloud.Function.Dir, filepath.Join(cloud.Dir(), "function"))); err != nil {
		t.Fatal(err)
	}
	cloudtest.Run(t, app, nil, "bash", "-euc", printed(t, inFull, ". ../bucketuser")+"\n"+printed(t, inFull, "cdk deploy\n"))
	use(t, cloudtest.Must(cloud.Outputs(t.Context(), "OwnApp"))(t)["SecretArn"], "clickhouse/")
	destroy(t, "OwnApp")
}

// TestRow39YamlOfReadme deploys README's lines of YAML, and then those for a key that has leaked.
func TestRow39YamlOfReadme(t *testing.T) {
	t.Parallel()
	const name = "StorageReadme"
	template := snippet(t, "yaml", "Resources:")
	secret := deploy(t, name, template)["SecretArn"]
	use(t, secret, "clickhouse/")
	leaked := user(t, secret)
	<-time.After(time.Second) // a key that is not older than the update, in whole seconds, counts as one that was made beside it

	deploy(t, name, edit(t, template, "Prefix: clickhouse/\n", "Prefix: clickhouse/\n"+snippet(t, "yaml", "KeySerial:")))
	use(t, secret, "clickhouse/")
	cloudtest.WantCode(t, leaked.Put(t.Context(), leaked.Bucket(), "clickhouse/table"), "InvalidAccessKeyId")
	destroy(t, name)
}
