package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/mattn/go-isatty"

	"bucketuser/infra/local"
)

// A live run is the acceptance of the product in one account.
type live struct {
	*account
	name    string // begins the name of all that it makes
	root    string // of the repository
	dir     string // for what the run builds and keeps
	tools   local.Tools
	out     io.Writer
	objects int

	isTerminal bool
	started    time.Time
	lock       *os.File // held by the run and by the cdk CLI that it starts

	app      string   // executable of the CDK app
	operator string   // executable of the operator's program
	function []string // what the cdk CLI needs to deploy another function than the release; nil on AWS

	properties map[string]any    // of the set, as they were deployed last
	outputs    map[string]string // of its stack
	changed    map[string]bool   // properties that have had more than one value
	logGroup   string
	before     *consumer // with the key before the last rotation
	consumer   *consumer

	bench   *bench
	broken  map[string]string // outputs of the stack whose rotation fails
	mu      sync.Mutex
	answers map[string]answer
}

// accept runs the acceptance, removes whatever it has made, and reports.
func accept(ctx context.Context, a *account, root, base string, o options) error {
	l := &live{account: a, name: o.name, root: root, out: os.Stdout, objects: o.objects, isTerminal: isatty.IsTerminal(os.Stdout.Fd()), started: time.Now(),
		changed: map[string]bool{}, answers: map[string]answer{}}
	if l.name == "" {
		l.name = newName()
	}
	if err := l.checkNothingIsThere(ctx, o.name); err != nil {
		return err
	}
	if err := l.checkBootstrap(ctx); err != nil {
		return err
	}
	l.announce()
	if err := confirm(o.yes); err != nil {
		return err
	}
	l.started = time.Now()
	l.dir = filepath.Join(base, l.name)
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return err
	}
	unlock, err := l.hold(ctx, base)
	if err != nil {
		return err
	}
	defer unlock()
	failed := l.runSteps(ctx)
	if errors.Is(failed, errInterrupted) {
		fmt.Fprintln(l.out)
		l.say("interrupted: removing what there is; once more stops at once")
	}
	cleaned := l.leaveNothing(context.WithoutCancel(ctx))
	reported := l.report(filepath.Join(base, l.name+".md"))
	return errors.Join(failed, cleaned, reported)
}

// leaveNothing removes what there is, and shows that nothing is left.
func (l *live) leaveNothing(ctx context.Context) error {
	defer l.tick()()
	if err := l.clean(ctx, l.name, l.say); err != nil {
		return fmt.Errorf("%w\nmake live CLEAN=1 NAME=%s removes it", err, l.name)
	}
	l.say("nothing is left of %s: no %s", l.name, kindNames())
	return os.RemoveAll(l.dir)
}

// checkNothingIsThere refuses to begin beside what another run has left or makes. Who names the run wants it to stand
// beside others.
func (l *live) checkNothingIsThere(ctx context.Context, given string) error {
	left, err := l.inventory(ctx, given)
	if err != nil || len(left) == 0 {
		return err
	}
	return fmt.Errorf("%s: these are of an earlier run, or of one that runs now:%s\nmake live CLEAN=1 removes them; make live NAME=%s begins beside them",
		l.Caller, lines(left), newName())
}

func (l *live) announce() {
	fmt.Fprintf(l.out, `This deploys the product to %[1]s
and runs it through its life: creation, use by ClickHouse, every property, rotations, replacement, adoption, a purge, deletion.

  names     all begin with %[2]s: up to three stacks at a time, with their functions, roles and logs; some ten
            buckets, users and secrets, one after the other. Nothing else is touched, and all of it is removed.
  stays     the file of the function in the bucket of cdk bootstrap, as after every deployment: cdk gc removes it
  cost      about 5 US cents by AWS's list prices: some %[3]d requests that write to S3 at $0.005 a thousand, secrets at
            $0.40 a month, and less than a cent each for requests to Secrets Manager, for Lambda and for the log
  duration  some 30 operations of CloudFormation, and waits of at most three minutes each: not measured on AWS yet; on
            the embedded AWS one minute
  rights    those of infra/policies/live.json suffice: to the roles of cdk bootstrap, and to what has such names
  ends      Ctrl-C removes what there is; after a kill make live CLEAN=1 does

`, l.Caller, l.name, l.objects+500)
}

// confirm asks for a yes, unless it is given.
func confirm(yes string) error {
	if yes == "yes" {
		return nil
	}
	if !isatty.IsTerminal(os.Stdin.Fd()) {
		return errors.New("asks for a yes, and there is no terminal to answer on: LIVE=yes goes on unasked")
	}
	fmt.Print("Type yes to go on: ")
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != "yes" {
		return errors.New("not begun: no yes was given")
	}
	return nil
}

// say prints a line of progress with the seconds since the start.
func (l *live) say(format string, args ...any) {
	fmt.Fprintf(l.out, "%4.0fs  %s\n", time.Since(l.started).Seconds(), fmt.Sprintf(format, args...))
}

// partition is that of the account's ARNs.
func (a *account) partition() string { return strings.Split(a.ARN, ":")[1] }

// kindNames are the kinds of the inventory in words.
func kindNames() string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
