//go:build e2e

package examples

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/infra/local"
)

// The embedded AWS that all tests share, with the provider stack.
var (
	root      string
	tools     local.Tools
	libraries local.Examples
	function  []string // of the cdk CLI's arguments: the built function
	cloud     *local.AWS
	config    aws.Config // as root of the account
)

// The stack that the examples import from.
const providerStack = "BucketUserProvider"

func TestMain(m *testing.M) {
	status, err := run(context.Background(), m)
	if err != nil {
		log.Fatal("examples: ", err)
	}
	os.Exit(status)
}

func run(ctx context.Context, m *testing.M) (status int, err error) {
	if root, err = local.Root(); err != nil {
		return 0, err
	}
	if tools, err = local.Install(ctx, root, os.Stderr); err != nil {
		return 0, err
	}
	if libraries, err = local.InstallExamples(ctx, root, os.Stderr); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "bucketuser-examples-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if function, err = local.BuildFunction(ctx, root, filepath.Join(dir, "function")); err != nil {
		return 0, err
	}
	if cloud, err = local.Start(ctx, tools, local.Options{Dir: filepath.Join(dir, "aws"), Region: "eu-west-1"}); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, cloud.Stop(ctx)) }()
	if config, err = cloud.Config(); err != nil {
		return 0, err
	}
	if err := cloud.Bootstrap(ctx); err != nil {
		return 0, err
	}
	app := filepath.Join(dir, "app")
	build := exec.CommandContext(ctx, "go", "build", "-o", app, "./infra")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("app: %w\n%s", err, output)
	}
	provider := func(command, option string) error {
		args := []string{command, providerStack, option, "--app", app, "--output", filepath.Join(dir, "cdk.out"), "-c", "provider=true"}
		return cloud.CDK(ctx, local.CDKRun{Dir: dir, Env: quick, Args: append(args, function...)})
	}
	if err := provider("deploy", "--require-approval=never"); err != nil {
		return 0, err
	}
	if status = m.Run(); status != 0 {
		return status, nil
	}
	if err := provider("destroy", "--force"); err != nil {
		return 0, err
	}
	left, err := cloud.Inventory(ctx)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("left after all was destroyed: %q", left)
	}
	return 0, err
}

// quick leaves out CDK's validation of templates, which takes most of a synthesis.
var quick = []string{"CDK_VALIDATION=false"}
