// Command demo shows the product on this machine: `demo up` starts the embedded
// AWS, deploys the resource with the cdk CLI, fetches the credentials from Secrets
// Manager, has ClickHouse use them, and rotates the key while ClickHouse works;
// `demo down` destroys the stack, shows that nothing is left, and stops the embedded
// AWS. With -force it ends whatever is there. `demo clean` does what make clean needs.
//
// Each may be interrupted or killed at any moment. What that leaves, the next one finds
// and goes on with: the process of the embedded AWS, and what the stack there is at.
// The embedded AWS keeps everything in memory, so what cannot go on is ended with it.
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
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mattn/go-isatty"

	"bucketuser/infra/local"
)

// stackName is the stack of infra/main.go.
const stackName = "BucketUser"

// interrupted is the exit status of a command that Ctrl-C has ended.
const interrupted = 130

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // the second Ctrl-C ends the process at once
	err := run(ctx, os.Args[1:], os.Stdout)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		os.Exit(interrupted) // it has said so
	default:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out *os.File) error {
	flags := flag.NewFlagSet("demo up|down|clean", flag.ContinueOnError)
	dir := flags.String("dir", ".local", "directory for the embedded AWS and what it writes")
	force := flags.Bool("force", false, "down: end the embedded AWS with all that it holds, whatever it does")
	if len(args) == 0 {
		flags.Usage()
		return errors.New("say up, down or clean")
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
	p := &progress{out: out, began: began(), terminal: isatty.IsTerminal(out.Fd())}
	defer p.count()()
	d := &demo{progress: p, root: root, dir: absolute, out: out}
	err = d.run(ctx, args[0], *force)
	p.end()
	if err != nil && ctx.Err() != nil {
		fmt.Fprintln(os.Stderr, d.afterwards(context.Cause(ctx)))
	}
	return err
}

// began is when make began, which may have compiled this program first.
func began() time.Time {
	if seconds, err := strconv.ParseInt(os.Getenv("BEGAN"), 10, 64); err == nil {
		return time.Unix(seconds, 0)
	}
	return time.Now()
}

type demo struct {
	*progress
	root  string
	dir   string
	tools local.Tools
	out   io.Writer

	function []string // arguments with which the cdk CLI deploys the function that was built
}

func (d *demo) run(ctx context.Context, command string, force bool) error {
	commands := map[string]struct {
		name string
		run  func(context.Context) error
	}{"up": {"make demo", d.up}, "down": {"make demo-down", d.down}, "clean": {"make clean", d.clean}}
	c, ok := commands[command]
	if !ok {
		return fmt.Errorf("%q is none of up, down and clean", command)
	}
	if force {
		c.name, c.run = "make demo-down FORCE=1", d.force
	}
	release, err := d.claim(ctx, c.name, force)
	if err != nil {
		return err
	}
	defer release()
	return c.run(ctx)
}

// claim has the directory for this command alone.
func (d *demo) claim(ctx context.Context, name string, force bool) (release func(), err error) {
	release, err = local.Claim(d.dir, name)
	var busy *local.Busy
	if !errors.As(err, &busy) {
		return release, err
	}
	if !force {
		return nil, fmt.Errorf("%w: wait until it has ended, or end it and what it has started with make demo-down FORCE=1", err)
	}
	d.step("ending %s, process %d", busy.Command, busy.ID)
	if err := busy.End(ctx); err != nil {
		return nil, err
	}
	return local.Claim(d.dir, name)
}

// afterwards says what an interrupted command has left, and what goes on from there. Whoever has sent SIGTERM may be
// about to end the embedded AWS.
func (d *demo) afterwards(why error) string {
	if strings.HasPrefix(why.Error(), syscall.SIGTERM.String()) {
		return "ended by another command, as make demo-down FORCE=1 does; make demo goes on from what that leaves"
	}
	cloud, err := local.Find(local.Tools{}, d.dir)
	if err != nil {
		return "interrupted: nothing is up; make demo goes on, and make demo-down has nothing to do"
	}
	return fmt.Sprintf("interrupted: the embedded AWS is up at %s; make demo goes on from here, make demo-down ends it", cloud.Endpoint)
}

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// shown is path as the user would type it.
func (d *demo) shown(name string) string {
	if relative, err := filepath.Rel(d.root, d.path(name)); err == nil && filepath.IsLocal(relative) {
		return relative
	}
	return d.path(name)
}
