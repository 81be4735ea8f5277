// Command live runs the product through its life on an AWS account, with the caller's own credentials: deploy, use by
// ClickHouse, each property, rotation, replacement, adoption, purge, deletion. It says first what it will do and what that
// costs, names all that it makes bucketuser-live-<six characters>, removes all of it, also when it is interrupted, and
// shows that nothing is left. It prints what AWS alone can answer as a table in Markdown.
//
//	live             the acceptance
//	live -clean      removes what earlier runs have left
//
// It talks to whichever AWS the environment names: the account of the caller, or the embedded AWS on this machine.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"bucketuser/infra/local"
)

// interruptedStatus is the exit code after an interrupt, as shells have it for SIGINT.
const interruptedStatus = 130

var errInterrupted = errors.New("interrupted")

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		cancel(errInterrupted)
		<-signals
		fmt.Fprintln(os.Stderr, "\nlive: stopped; what is left is listed and removed by: make live CLEAN=1")
		os.Exit(interruptedStatus)
	}()
	err := run(ctx, os.Args[1:])
	switch {
	case err == nil:
	case errors.Is(err, errInterrupted):
		fmt.Fprintln(os.Stderr, "live:", err)
		os.Exit(interruptedStatus)
	default:
		fmt.Fprintln(os.Stderr, "live:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	name    string
	yes     string
	clean   bool
	objects int
	dir     string
}

func run(ctx context.Context, args []string) error {
	var o options
	flags := flag.NewFlagSet("live", flag.ContinueOnError)
	flags.StringVar(&o.name, "name", "", "name of the run, such as "+namePrefix+"x7k2p9; generated if empty")
	flags.StringVar(&o.yes, "yes", "", "yes: do not ask")
	flags.BoolVar(&o.clean, "clean", false, "remove what earlier runs have left, or the run of that name")
	flags.StringVar(&o.dir, "dir", "", "folder for what runs build and keep; .local/live of the repository if empty")
	flags.IntVar(&o.objects, "objects", 2000, "versions and delete markers that the purge deletes, about")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if len(flags.Args()) > 0 {
		return fmt.Errorf("%q: no such argument", flags.Arg(0))
	}
	if o.name != "" && !isName(o.name) {
		return fmt.Errorf("NAME=%s: must be %s and six lower-case letters or digits", o.name, namePrefix)
	}
	root, err := local.Root()
	if err != nil {
		return err
	}
	a, err := connect(ctx)
	if err != nil {
		return err
	}
	base := cmp.Or(o.dir, filepath.Join(root, ".local", "live"))
	if o.clean {
		return cleanUp(ctx, a, base, o)
	}
	return accept(ctx, a, root, base, o)
}
