// Command demo shows the product on this machine: `demo up` starts the embedded
// AWS, deploys the resource with the cdk CLI, fetches the credentials from Secrets
// Manager, has ClickHouse use them, and rotates the key while ClickHouse works;
// `demo down` destroys the stack, shows that nothing is left, and stops the embedded
// AWS.
//
// It uses nothing of the user's own AWS account.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"bucketuser/infra/local"
)

// stackName is the stack of infra/main.go.
const stackName = "BucketUser"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("demo up|down", flag.ContinueOnError)
	dir := flags.String("dir", ".local", "directory for the embedded AWS and what it writes")
	if len(args) == 0 {
		flags.Usage()
		return errors.New("say up or down")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	root, err := local.Root()
	if err != nil {
		return err
	}
	absolute, err := filepath.Abs(*dir) // the cdk CLI runs in root
	if err != nil {
		return err
	}
	d := demo{root: root, dir: absolute, out: out}
	switch args[0] {
	case "up":
		if err := d.install(ctx, local.ForDemo); err != nil {
			return err
		}
		return d.up(ctx)
	case "down":
		if _, err := local.Attach(ctx, local.Tools{}, d.dir); err != nil {
			return fmt.Errorf("%w; nothing to clean up", err)
		}
		if err := d.install(ctx, local.ForDemoDown); err != nil {
			return err
		}
		return d.down(ctx)
	default:
		return fmt.Errorf("%q is neither up nor down", args[0])
	}
}

// install installs what the command needs, and then starts the clock of its steps.
func (d *demo) install(ctx context.Context, command local.Command) (err error) {
	d.tools, err = local.Install(ctx, d.root, command, d.out)
	d.started = time.Now()
	return err
}

type demo struct {
	root    string
	dir     string
	tools   local.Tools
	out     io.Writer
	started time.Time

	function []string // arguments with which the cdk CLI deploys the function that was built
}

// step prints a line of progress with the seconds since the start.
func (d demo) step(format string, args ...any) {
	fmt.Fprintf(d.out, "%4.0fs  %s\n", d.seconds(), fmt.Sprintf(format, args...))
}

func (d demo) seconds() float64 { return time.Since(d.started).Seconds() }

func (d demo) path(name string) string { return filepath.Join(d.dir, name) }

// shown is path as the user would type it.
func (d demo) shown(name string) string {
	if relative, err := filepath.Rel(d.root, d.path(name)); err == nil && filepath.IsLocal(relative) {
		return relative
	}
	return d.path(name)
}
