package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"bucketuser/infra/local"
)

// bootstrapVersion is the parameter by which the cdk CLI knows that account and region are prepared.
const bootstrapVersion = "/cdk-bootstrap/hnb659fds/version"

func (l *live) checkBootstrap(ctx context.Context) error {
	_, err := l.ssm.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(bootstrapVersion)})
	if isGone(err) {
		return fmt.Errorf("%s: is not prepared for the CDK; make bootstrap does that, once", l.Caller)
	}
	return err
}

// build builds the CDK app and the operator's program, and for the embedded AWS the function, which the app builds itself otherwise.
func (l *live) build(ctx context.Context) (err error) {
	if l.tools, err = local.Install(ctx, l.root, local.ForLive, l.out); err != nil {
		return err
	}
	if l.Endpoint != "" {
		if l.function, err = local.BuildFunction(ctx, l.root, filepath.Join(l.dir, "function")); err != nil {
			return err
		}
	}
	l.app, l.operator = filepath.Join(l.dir, "app"), filepath.Join(l.dir, "bucketuser")
	return errors.Join(l.compile(ctx, l.app, "./infra"), l.compile(ctx, l.operator, "./infra/cmd/bucketuser"))
}

func (l *live) compile(ctx context.Context, target, program string) error {
	build := exec.CommandContext(ctx, "go", "build", "-o", target, program)
	build.Dir = l.root
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: go build: %w\n%s", program, err, output)
	}
	return nil
}

// cdk runs the cdk CLI on a stack. Its error has the end of what it printed. It inherits the lock.
func (l *live) cdk(ctx context.Context, command, stack string, args ...string) error {
	var output bytes.Buffer
	args = append([]string{command, stack, "--no-notices", "--no-color", "--ci=false",
		"--output", filepath.Join(l.dir, stack+".out"), "-c", "stackName=" + stack}, args...)
	cmd := exec.CommandContext(ctx, l.tools.CDK, append(args, l.function...)...)
	cmd.Dir, cmd.Env = l.root, programs()
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.ExtraFiles = []*os.File{l.lock}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		text := output.Bytes()
		return fmt.Errorf("cdk %s: %w\n%s", command, err, text[max(0, len(text)-4000):])
	}
	return nil
}

// deployed runs cdk deploy, and wants the stack to be that way: an exit code is no proof of it.
func (l *live) deployed(ctx context.Context, stack string, args ...string) (map[string]string, error) {
	if err := l.cdk(ctx, "deploy", stack, append([]string{"--require-approval", "never", "--app", l.app}, args...)...); err != nil {
		return nil, err
	}
	return l.ended(ctx, stack, "CREATE_COMPLETE", l.started)
}

// destroyed runs cdk destroy on what was synthesized for the deployment.
func (l *live) destroyed(ctx context.Context, stack string) error {
	if err := l.cdk(ctx, "destroy", stack, "--force", "--app", filepath.Join(l.dir, stack+".out")); err != nil {
		return err
	}
	if _, err := l.settled(ctx, stack); codeOf(err) != "ValidationError" {
		return errors.Join(fmt.Errorf("stack %s: is there after cdk destroy", stack), err)
	}
	return nil
}
