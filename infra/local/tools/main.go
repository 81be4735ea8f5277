// Command tools runs the pinned command line tools, and installs those that the
// subcommand needs if they are not there yet.
//
//	tools cdk ARGUMENT…   the cdk CLI, with the caller's own AWS credentials
//	tools bootstrap …     cdk bootstrap, for the account and the region of those credentials
//	tools deploy OPTION…  what make deploy does: see parseDeployment; destroy likewise
//	tools synth OPTION…   the template alone, into .local/synth, for while somebody works on it
//	tools operator …      the program bucketuser, with the environment of the demo if that is up
//	tools template        cfn-lint on the templates that the app synthesizes, and the released one
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"

	"bucketuser/infra/internal/caller"
	"bucketuser/infra/local"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	err := run(ctx, os.Args[1:])
	if exit, ok := err.(*exec.ExitError); ok { // it has said why
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tools:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("say bootstrap, cdk, deploy, destroy, operator, synth or template")
	}
	root, err := local.Root()
	if err != nil {
		return err
	}
	forget, err := temporary(root)
	if err != nil {
		return err
	}
	defer forget()
	switch args[0] {
	case "bootstrap":
		return bootstrap(ctx, root, args[1:])
	case "deploy":
		return deploy(ctx, root, args)
	case "destroy":
		return destroy(ctx, root, args)
	case "operator":
		return operate(ctx, root, args)
	case "synth":
		return synth(ctx, root, args)
	case "cdk":
		tools, err := local.Install(ctx, root, local.ForDeploy, os.Stderr)
		if err != nil {
			return err
		}
		return command(ctx, root, tools.CDK, args[1:]...)
	case "template":
		tools, err := local.Install(ctx, root, local.ForTemplate, os.Stderr)
		if err != nil {
			return err
		}
		return lintTemplate(ctx, root, tools)
	default:
		return fmt.Errorf("%q is none of bootstrap, cdk, deploy, destroy, operator, synth and template", args[0])
	}
}

// temporary has all that this program starts use a folder for temporary files that goes with it: an app that is
// interrupted leaves some megabytes.
func temporary(root string) (forget func(), err error) {
	parent := filepath.Join(root, ".local")
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(parent, "tmp-")
	if err != nil {
		return nil, err
	}
	return func() { os.RemoveAll(dir) }, os.Setenv("TMPDIR", dir)
}

// bootstrap prepares account and region for the CDK. The arguments are options of cdk bootstrap.
func bootstrap(ctx context.Context, root string, args []string) error {
	d := deployment{command: "bootstrap", words: args}
	_, who, err := d.caller(ctx, root)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "preparing %s for the CDK\n", who)
	tools, err := local.Install(ctx, root, local.ForDeploy, os.Stderr)
	if err != nil {
		return err
	}
	// Without an app, which would only be synthesized to learn account and region.
	return cdk(ctx, root, tools, who, append([]string{"bootstrap", "--app", "", "aws://" + who.Account + "/" + who.Region}, args...)...)
}

// cdk runs the cdk CLI in the terminal, in the region that was said.
func cdk(ctx context.Context, root string, tools local.Tools, who caller.Caller, args ...string) error {
	cmd := prepare(ctx, root, tools.CDK, args...)
	cmd.Env = append(cmd.Env, "AWS_REGION="+who.Region)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd.Run()
}

// isTerminal reports whether somebody can be asked.
func isTerminal() bool {
	return isatty.IsTerminal(os.Stdin.Fd()) && isatty.IsTerminal(os.Stdout.Fd())
}

// command runs a program in the terminal.
func command(ctx context.Context, dir, program string, args ...string) error {
	cmd := prepare(ctx, dir, program, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

func prepare(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=18,20", "NODE_NO_WARNINGS=1", "CDK_DISABLE_CLI_TELEMETRY=true")
	return cmd
}
