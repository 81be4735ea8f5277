package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"text/tabwriter"

	"bucketuser/infra/internal/clickhouse"
	"bucketuser/infra/internal/stack"
	"bucketuser/infra/local"
)

// up is what `make demo` does. On a running demo it updates the stack in place.
func (d *demo) up(ctx context.Context) error {
	cloud, err := d.start(ctx)
	if err != nil {
		return err
	}
	if err := d.build(ctx); err != nil {
		return err
	}
	d.step("deploying the stack %s with cdk deploy", stackName)
	if err := d.deploy(ctx, cloud); err != nil {
		return err
	}
	config, err := cloud.Config()
	if err != nil {
		return err
	}
	secret, err := stack.Credentials(ctx, config, stackName)
	if err != nil {
		return err
	}
	d.step("fetched the credentials of %s from Secrets Manager", secret["S3_USER_ARN"])

	d.step("ClickHouse uses them")
	checks, err := d.runChecks(ctx, cloud, secret)
	if err != nil {
		return err
	}
	rotation, secret, err := d.rotate(ctx, cloud, secret)
	if err != nil {
		return err
	}
	return d.printTable(append(checks, rotation...), secret)
}

// start starts the embedded AWS, or finds the one that runs.
func (d demo) start(ctx context.Context) (*local.AWS, error) {
	if cloud, err := local.Attach(ctx, d.tools, d.dir); err == nil {
		d.step("the embedded AWS runs at %s", cloud.Endpoint)
		return cloud, cloud.WriteEnv(d.path("env.sh"))
	}
	cloud, err := local.Start(ctx, d.tools, local.Options{Dir: d.dir, Detached: true})
	if err != nil {
		return nil, err
	}
	d.step("started the embedded AWS at %s, with TLS and IAM enforced", cloud.Endpoint)
	if err := cloud.Bootstrap(ctx); err != nil {
		return nil, err
	}
	d.step("bootstrapped it for the CDK")
	return cloud, cloud.WriteEnv(d.path("env.sh"))
}

// build builds function and CDK app, which takes a minute with an empty build cache.
func (d *demo) build(ctx context.Context) (err error) {
	d.step("building the function and the CDK app")
	if d.function, err = local.BuildFunction(ctx, d.root, d.path("function")); err != nil {
		return err
	}
	if err := local.ZipFunction(d.path("function")); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", d.path("app"), "./infra")
	build.Dir = d.root
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("app: go build: %w\n%s", err, output)
	}
	return nil
}

// deploy runs cdk deploy with what was built, with more context as arguments.
func (d demo) deploy(ctx context.Context, cloud *local.AWS, more ...string) error {
	var arn bytes.Buffer
	arguments := append([]string{"deploy", stackName, "--require-approval", "never", "--app", d.path("app"),
		"--output", d.path("cdk.out"), "-c", "onDelete=Purge"}, d.function...)
	err := cloud.CDK(ctx, local.CDKRun{Dir: d.root, Out: &arn, Args: append(arguments, more...)})
	if err != nil {
		return err
	}
	d.step("deployed %s", strings.TrimSpace(arn.String()))
	return nil
}

// printTable prints every check that ran, and fails if one missed.
func (d demo) printTable(checks []clickhouse.Check, secret map[string]string) error {
	missed := 0
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w)
	for _, c := range checks {
		mark := "ok"
		if !c.OK {
			mark = "MISSED: " + c.Detail
			missed++
		}
		fmt.Fprintf(w, "  %s\t%s\n", c.Name, mark)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\n%d checks, %d missed, %.0f s.", len(checks), missed, d.seconds())
	if missed > 0 {
		fmt.Fprintln(d.out)
		return fmt.Errorf("%d of %d checks missed", missed, len(checks))
	}
	fmt.Fprintf(d.out, ` The stack stays up.

  Url          %s
  credentials  make credentials, also with FORMAT=csv or FORMAT=json
  look around  . %s, then any AWS client or cdk
  clean up     make demo-down
`, secret["S3_URL"], d.shown("env.sh"))
	return nil
}
