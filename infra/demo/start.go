package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"bucketuser/infra/local"
)

const (
	answerLimit    = 20 * time.Second // of an embedded AWS that is there; a loaded machine is slow
	bootstrapLimit = 3 * time.Minute
)

// start returns an embedded AWS that answers, is bootstrapped, and in which the stack can be deployed: the one that is
// there if that is so, else another.
func (d *demo) start(ctx context.Context) (*local.AWS, error) {
	cloud, err := local.Find(d.tools, d.dir)
	if errors.Is(err, local.ErrNone) {
		return d.startAnother(ctx)
	}
	if err != nil {
		return nil, err
	}
	d.step("the embedded AWS runs at %s", cloud.Endpoint)
	useless := d.prepare(ctx, cloud)
	if useless == nil || ctx.Err() != nil {
		return cloud, useless
	}
	d.step("%v", useless)
	if !errors.Is(useless, errSilent) { // one that does not answer holds nothing that anybody can use
		if err := d.spare(ctx, cloud); err != nil {
			return nil, err
		}
	}
	d.step("ending that embedded AWS, with all that it holds")
	if err := cloud.Kill(ctx); err != nil {
		return nil, err
	}
	return d.startAnother(ctx)
}

func (d *demo) startAnother(ctx context.Context) (*local.AWS, error) {
	d.step("starting the embedded AWS, with TLS and IAM enforced")
	cloud, err := local.Start(ctx, d.tools, local.Options{Dir: d.dir, Detached: true})
	if err != nil {
		return nil, err
	}
	d.step("started it at %s", cloud.Endpoint)
	return cloud, d.prepare(ctx, cloud)
}

// prepare does what is not done yet of all that a deployment needs. It fails if that cannot be.
func (d *demo) prepare(ctx context.Context, cloud *local.AWS) error {
	if err := answers(ctx, cloud); err != nil {
		return err
	}
	if err := cloud.WriteShell(local.Shell{Root: d.root, App: d.path("app")}); err != nil {
		return err
	}
	s, err := d.stacksOf(cloud)
	if err != nil {
		return err
	}
	for _, name := range []string{toolkit, stackName} {
		status, err := s.seen(ctx, name)
		if err != nil {
			return err
		}
		if !isDeployable(status) {
			return fmt.Errorf("the stack %s is %s, from which no deployment goes on", name, status)
		}
	}
	return d.bootstrap(ctx, cloud, s)
}

// bootstrap bootstraps for the CDK, unless that is done.
func (d *demo) bootstrap(ctx context.Context, cloud *local.AWS, s stacks) error {
	status, err := s.status(ctx, toolkit)
	if err != nil || isDeployed(status) {
		return err
	}
	d.step("bootstrapping it for the CDK")
	ctx, cancel := limited(ctx, "cdk bootstrap", bootstrapLimit)
	defer cancel()
	return cloud.Bootstrap(ctx)
}

// errSilent is the error of answers if there was none.
var errSilent = errors.New("the embedded AWS does not answer")

// answers waits for an answer of the embedded AWS.
func answers(ctx context.Context, cloud *local.AWS) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		err := cloud.Healthy(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: process %d: %w", errSilent, cloud.Process(), err)
		case <-tick.C:
		}
	}
}

// limited is ctx with a limit, and with an error that says what has taken too long.
func limited(ctx context.Context, what string, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s: took longer than %v", what, limit))
}

// spare fails if the embedded AWS holds other stacks, which nobody has said may be ended with it.
func (d *demo) spare(ctx context.Context, cloud *local.AWS) error {
	s, err := d.stacksOf(cloud)
	if err != nil {
		return err
	}
	others, err := s.others(ctx)
	if err != nil || len(others) == 0 {
		return err
	}
	return fmt.Errorf("the embedded AWS also has %s; nothing was changed\n"+
		"  delete what you no longer need: . %s && cdk destroy STACK, or aws cloudformation delete-stack --stack-name STACK\n"+
		"  or end the embedded AWS with all that it holds: make demo-down FORCE=1", plural("the stack", others), d.shown("env.sh"))
}

func plural(word string, names []string) string {
	if len(names) > 1 {
		word += "s"
	}
	return word + " " + strings.Join(names, ", ")
}
