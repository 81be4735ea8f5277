package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"bucketuser/infra/local"
)

// forced says how to end the embedded AWS although something is left.
const forced = "make demo-down FORCE=1 ends the embedded AWS with all that it holds"

// find finds what is to be ended. Where nothing is up it says so, forgets what is left of an earlier one, and returns none.
func (d *demo) find() (*local.AWS, error) {
	cloud, err := local.Find(local.Tools{}, d.dir)
	if errors.Is(err, local.ErrNone) {
		d.step("no demo is up: there is nothing to clean up")
		return nil, d.forget()
	}
	if err != nil {
		return nil, err
	}
	return cloud, nil
}

// down is what `make demo-down` does. It needs no tools, no app and no function. It fails, and leaves the embedded AWS
// up to be looked at, if anything of the stack is left.
func (d *demo) down(ctx context.Context) error {
	cloud, err := d.find()
	if cloud == nil {
		return err
	}
	d.step("looking what the embedded AWS holds")
	if err := answers(ctx, cloud); err != nil {
		return d.give(ctx, cloud, err)
	}
	if err := d.spare(ctx, cloud); err != nil {
		return err
	}
	err = d.destroy(ctx, cloud)
	if errors.Is(err, errStuck) {
		return d.give(ctx, cloud, err)
	}
	if err != nil {
		return fmt.Errorf("%w\n  %s", err, forced)
	}
	d.step("nothing is left: no stack, role, user, key, bucket, secret or log group")
	return d.stop(ctx, cloud)
}

// give ends an embedded AWS that can no longer be emptied.
func (d *demo) give(ctx context.Context, cloud *local.AWS, why error) error {
	if ctx.Err() != nil {
		return why
	}
	d.step("%v", why)
	d.step("ending the embedded AWS, with all that it holds")
	return d.kill(ctx, cloud)
}

// destroy deletes the stack, and fails if anything is left.
func (d *demo) destroy(ctx context.Context, cloud *local.AWS) error {
	s, err := d.stacksOf(cloud)
	if err != nil {
		return err
	}
	if err := s.destroy(ctx); err != nil {
		return err
	}
	if err := removeStranger(ctx, iam.NewFromConfig(s.config)); err != nil {
		return err
	}
	left, err := cloud.Inventory(ctx)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("these are left:\n  %s\n  remove what is yours, such as a bucket: . %s && aws s3 rb s3://NAME --force",
			strings.Join(left, "\n  "), d.shown("env.sh"))
	}
	return err
}

// destroy deletes the stack of the demo, if there is one.
func (s stacks) destroy(ctx context.Context) error {
	status, err := s.status(ctx, stackName)
	if err != nil || status == none {
		return err
	}
	s.step("destroying the stack %s", stackName)
	if _, err := s.seen(ctx, stackName); err != nil {
		return err
	}
	return s.delete(ctx, stackName)
}

func (d *demo) stop(ctx context.Context, cloud *local.AWS) error {
	if err := cloud.Stop(ctx); err != nil {
		return err
	}
	d.step("stopped the embedded AWS")
	return d.forget()
}

func (d *demo) kill(ctx context.Context, cloud *local.AWS) error {
	if err := cloud.Kill(ctx); err != nil {
		return err
	}
	d.step("ended its process %d", cloud.Process())
	return d.forget()
}

// forget removes what is left of an embedded AWS that has ended, and says so to whoever has a shell that looks at it.
func (d *demo) forget() error {
	hadShell, err := local.Forget(d.dir)
	if hadShell {
		d.step("a shell that has sourced %s looks at what is gone: open a new one", d.shown("env.sh"))
	}
	return err
}

// force ends the embedded AWS, whatever it does and whatever it holds.
func (d *demo) force(ctx context.Context) error {
	cloud, err := d.find()
	if cloud == nil {
		return err
	}
	d.step("ending the embedded AWS, with all that it holds")
	return d.kill(ctx, cloud)
}

// clean is what make clean does before it removes the record of the embedded AWS.
func (d *demo) clean(ctx context.Context) error {
	if _, err := local.Find(local.Tools{}, d.dir); errors.Is(err, local.ErrNone) {
		return nil
	}
	return d.force(ctx)
}
