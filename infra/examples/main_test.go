//go:build e2e

package examples

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// The embedded AWS that all tests share, with the provider stack.
var (
	cloud *cloudtest.Cloud
)

// The stack that the examples import from.
const providerStack = "BucketUserProvider"

func TestMain(m *testing.M) {
	o := cloudtest.Options{Name: "examples", Needs: local.ForExampleTests, App: "./infra"}
	os.Exit(cloudtest.Main(context.Background(), o, func(ctx context.Context, c *cloudtest.Cloud) (int, error) {
		cloud = c
		return run(ctx, m)
	}))
}

// run runs the tests between the deployment of the provider stack and its end, after
// which nothing may be left.
func run(ctx context.Context, m *testing.M) (status int, err error) {
	provider := func(command, option string) error {
		args := []string{command, providerStack, option, "--app", cloud.App, "--output", filepath.Join(cloud.Dir(), "cdk.out"), "-c", "provider=true"}
		return cloud.CDK(ctx, local.CDKRun{Dir: cloud.Dir(), Args: append(args, cloud.Function.Context...)})
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
