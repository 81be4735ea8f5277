package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"bucketuser/infra/local"
)

// down is what `make demo-down` does. It fails, and leaves the embedded AWS up to
// be looked at, if anything of the stack is left.
func (d demo) down(ctx context.Context) error {
	cloud, err := local.Attach(ctx, d.tools, d.dir)
	if err != nil {
		return err
	}
	d.step("destroying the stack %s with cdk destroy", stackName)
	err = cloud.CDK(ctx, local.CDKRun{
		Dir: d.root,
		Args: []string{"destroy", stackName, "--force", "--app", d.path("app"), "--output", d.path("cdk.out"),
			"-c", "code=" + d.path("function")},
	})
	if err != nil {
		return err
	}
	left, err := cloud.Inventory(ctx)
	if err != nil {
		return err
	}
	if len(left) > 0 {
		return fmt.Errorf("these are left:\n  %s", strings.Join(left, "\n  "))
	}
	d.step("nothing is left: no stack, function, log group, role, policy, user, access key, bucket or secret")
	if err := cloud.Stop(ctx); err != nil {
		return err
	}
	if err := os.Remove(d.path("env.sh")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	d.step("stopped the embedded AWS")
	return nil
}
