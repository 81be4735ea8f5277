// Package cloudtest is the embedded AWS for the tests of infra. [Main] starts it for
// the tests of one package, with the function built and on demand with a CDK app, and
// ends it after them. A [Cloud] has the clients of the account's root. [Cloud.As],
// [Cloud.User] and Other give [Clients] of somebody else.
//
//	func TestMain(m *testing.M) {
//		o := cloudtest.Options{Name: "examples", Needs: local.ForExampleTests, App: "./infra"}
//		os.Exit(cloudtest.Main(ctx, o, func(_ context.Context, c *cloudtest.Cloud) (int, error) {
//			cloud = c
//			return m.Run(), nil
//		}))
//	}
//
// The package knows the account, and how to put the function into it. It refuses to
// know what a resource makes, what its user may do and what a policy should say: the
// tests say so themselves. It refuses to know the emulator too: package local corrects
// that. Tests inside of package local cannot import this one, since it imports local.
// Those that drive the emulator are in package local_test.
package cloudtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/infra/local"
)

const (
	// Region is that of all clients. It is not us-east-1, the one region in which S3
	// makes a bucket without being told where.
	Region = "eu-west-1"
	// OtherAccount is an account that has nothing to do with [local.Account].
	OtherAccount = "999999999999"
)

// Options say what [Main] starts. Name and Needs are required.
type Options struct {
	// Name is one word for the tests, in error messages and in the name of their
	// directory.
	Name string
	// Needs says which tools are installed: those of the command that runs the tests.
	Needs local.Command
	// App is the package of a CDK app, such as ./infra, which is built. The account is
	// bootstrapped for it. Without one, neither is done.
	App string
	// Stock leaves the emulator as it is published, without the corrections. Main may run
	// within the tests of another Main; each has an embedded AWS of its own.
	Stock bool
	// Rotation says when the embedded AWS rotates secrets.
	Rotation local.Rotation
}

// Cloud is an embedded AWS that runs for the time of a package's tests.
type Cloud struct {
	*local.AWS
	*Clients // of the root of [local.Account], which no policy limits

	// Other are the clients of the root of [OtherAccount].
	Other *Clients

	Root     string // the repository's directory
	Tools    local.Tools
	Function Function
	App      string // the executable of Options.App
}

// Function is the product's function, built for this machine.
type Function struct {
	Dir          string   // of the executable bootstrap
	Architecture string   // in CloudFormation's words: x86_64 or arm64
	Context      []string // arguments with which the cdk CLI deploys it with any app
}

// Main installs the pinned tools if they are not there yet, builds and starts what o
// says, runs the tests and stops the embedded AWS. It returns the status to exit with:
// that of tests, or 1 for an error of any of this, which it prints to standard error.
// What it starts ends with this process, however that ends. What it builds lies in a
// temporary directory, which Main removes.
func Main(ctx context.Context, o Options, tests func(context.Context, *Cloud) (status int, err error)) int {
	status, err := run(ctx, o, tests)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s tests: %v\n", o.Name, err)
		return 1
	}
	return status
}

func run(ctx context.Context, o Options, tests func(context.Context, *Cloud) (int, error)) (status int, err error) {
	dir, err := os.MkdirTemp("", "bucketuser-"+o.Name+"-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	c, err := build(ctx, o, dir)
	if err != nil {
		return 0, err
	}
	start := local.Options{Dir: filepath.Join(dir, "aws"), Region: Region, Stock: o.Stock, Rotation: o.Rotation}
	if c.AWS, err = local.Start(ctx, c.Tools, start); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, c.Stop(ctx)) }()
	if c.Clients, err = c.As(RootCredentials(), nil); err != nil {
		return 0, err
	}
	// Any id of 12 digits is a key of that account's root.
	if c.Other, err = c.As(aws.Credentials{AccessKeyID: OtherAccount, SecretAccessKey: local.RootKey}, nil); err != nil {
		return 0, err
	}
	if o.App != "" {
		if err := c.Bootstrap(ctx); err != nil {
			return 0, err
		}
	}
	return tests(ctx, c)
}

// CDK is [local.AWS.CDK] without CDK's own validation of templates, which takes most of
// a synthesis. cfn-lint reads the templates elsewhere.
func (c *Cloud) CDK(ctx context.Context, run local.CDKRun) error {
	run.Env = append(slices.Clip(run.Env), "CDK_VALIDATION=false")
	return c.AWS.CDK(ctx, run)
}

// build makes what the embedded AWS is started with.
func build(ctx context.Context, o Options, dir string) (*Cloud, error) {
	root, err := local.Root()
	if err != nil {
		return nil, err
	}
	tools, err := local.Install(ctx, root, o.Needs, os.Stderr)
	if err != nil {
		return nil, err
	}
	c := &Cloud{Root: root, Tools: tools, Function: Function{Dir: filepath.Join(dir, "function")}}
	if c.Function.Context, err = local.BuildFunction(ctx, root, c.Function.Dir); err != nil {
		return nil, err
	}
	for _, argument := range c.Function.Context {
		if architecture, ok := strings.CutPrefix(argument, "bucketuser:architecture="); ok {
			c.Function.Architecture = architecture
		}
	}
	if o.App == "" {
		return c, nil
	}
	c.App = filepath.Join(dir, "app")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", c.App, o.App)
	cmd.Dir = root
	if output, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("app %s: go build: %w\n%s", o.App, err, output)
	}
	return c, nil
}
