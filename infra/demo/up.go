package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"bucketuser/infra/internal/clickhouse"
	"bucketuser/infra/internal/stack"
	"bucketuser/infra/local"
)

const (
	deployLimit = 5 * time.Minute
	checkLimit  = 8 * time.Minute
)

// up is what `make demo` does. On a running demo it updates the stack in place, and whatever a command before has left
// it goes on from.
func (d *demo) up(ctx context.Context) (err error) {
	if d.tools, err = local.Install(ctx, d.root, local.ForDemo, d.progress); err != nil {
		return err
	}
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
	ctx, cancel := limited(ctx, "what ClickHouse does", checkLimit)
	defer cancel()
	d.step("ClickHouse uses the credentials, which are in Secrets Manager")
	checks, err := d.runChecks(ctx, cloud, secret)
	if err != nil {
		return err
	}
	rotation, secret, err := d.rotate(ctx, cloud, secret)
	if err != nil {
		return err
	}
	d.end()
	return d.printTable(cloud, append(checks, rotation...), secret)
}

// build builds function and CDK app.
func (d *demo) build(ctx context.Context) (err error) {
	if _, err := os.Stat(d.path("app")); err != nil {
		d.step("the first build takes a minute, and 950 MB of caches of Go and jsii")
	}
	d.step("building the function and the CDK app")
	if d.function, err = local.BuildFunction(ctx, d.root, d.path("function")); err != nil {
		return err
	}
	if err := local.ZipFunction(d.path("function")); err != nil {
		return err
	}
	build := local.Child(ctx, "go", "build", "-o", d.path("app"), "./infra")
	build.Dir = d.root
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("app: go build: %w\n%s", err, output)
	}
	return nil
}

// deploy runs cdk deploy with what was built, with more context as arguments. What it goes by is not what the CLI says
// but what the stack is.
func (d *demo) deploy(ctx context.Context, cloud *local.AWS, more ...string) error {
	ctx, cancel := limited(ctx, "cdk deploy", deployLimit)
	defer cancel()
	// A CLI that was killed a moment ago may seem to hold its lock there. No other demo runs here: see local.Claim.
	if err := os.RemoveAll(d.path("cdk.out")); err != nil {
		return err
	}
	arguments := append([]string{"deploy", stackName, "--require-approval", "never", "--app", d.path("app"),
		"--output", d.path("cdk.out"), "-c", "onDelete=Purge"}, d.function...)
	if err := cloud.CDK(ctx, local.CDKRun{Dir: d.root, Args: append(arguments, more...)}); err != nil {
		return err
	}
	if err := cloud.WriteContext(more); err != nil {
		return err
	}
	s, err := d.stacksOf(cloud)
	if err != nil {
		return err
	}
	return s.works(ctx)
}

// printTable prints every check that ran, and fails if one missed.
func (d *demo) printTable(cloud *local.AWS, checks []clickhouse.Check, secret map[string]string) error {
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
	fmt.Fprintf(d.out, "\n%d checks, %d missed, %.0f s.", len(checks), missed, time.Since(d.began).Seconds())
	if missed > 0 {
		fmt.Fprintln(d.out)
		return fmt.Errorf("%d of %d checks missed", missed, len(checks))
	}
	_, err := io.WriteString(d.out, " The stack stays up.\n\n"+d.whatNext(cloud, secret))
	return err
}

// whatNext has no line that is wider than 80 columns.
func (d *demo) whatNext(cloud *local.AWS, secret map[string]string) string {
	return fmt.Sprintf(`  S3           %s, on this machine
  bucket       %s, prefix %s
  credentials  make credentials, also with FORMAT=csv or FORMAT=json
  look around  . %s && cdk diff BucketUser
  clean up     make demo-down
`, cloud.Endpoint, secret["S3_BUCKET"], secret["S3_PREFIX"], d.shown("env.sh"))
}
