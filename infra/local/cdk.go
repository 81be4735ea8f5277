package local

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// jsiiNoise is what jsii prints at the end of some runs that succeed, without a line of its own, and where its own
// program is.
var jsiiNoise = regexp.MustCompile(`(?m)^\S*/jsii-runtime\.[0-9]+/lib/program\.js:[0-9:]+\n|Runtime process exited abnormally: [a-z0-9: ]*?(no child processes|killed|exit status [0-9]+)\n?`)

// CDKRun is one run of the cdk CLI against the embedded AWS.
type CDKRun struct {
	// Dir is the working directory: the one with cdk.json, if the run needs an app.
	Dir string
	// Args is the command line, for example deploy BucketUser --require-approval never.
	Args []string
	// Out receives what the CLI means for its caller: for deploy, the stack's
	// ARN. Progress goes to CDKLog. Discarded if nil.
	Out io.Writer
	// Env is added to the environment of Env.
	Env []string
}

// CDKLog is the file to which the cdk CLI's progress is appended.
func (a *AWS) CDKLog() string { return filepath.Join(a.dir, "cdk.log") }

// CDK runs the pinned cdk CLI. Its error includes the end of what it printed.
// If ctx ends, the CLI is interrupted, and killed 10 seconds later, with what it has started; the error is then that of
// ctx.
func (a *AWS) CDK(ctx context.Context, run CDKRun) error {
	if err := Loopback(a.Endpoint); err != nil {
		return err
	}
	if a.tools.CDK == "" {
		return fmt.Errorf("cdk %s: the toolset of the cdk CLI is not among those of this command", run.Args[0])
	}
	log, err := os.OpenFile(a.CDKLog(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	fmt.Fprintf(log, "\n== cdk %s\n", strings.Join(run.Args, " "))

	if err := os.MkdirAll(a.temporary(), 0o700); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(a.temporary(), "cdk-") // an app that is interrupted leaves files there
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	var stderr bytes.Buffer
	cmd := Child(ctx, a.tools.CDK, append(run.Args, "--no-notices", "--no-color", "--ci=false")...)
	cmd.Dir = run.Dir
	cmd.Env = append(append(a.Env(), "TMPDIR="+temporary), run.Env...)
	cmd.Stdout = run.Out
	cmd.Stderr = io.MultiWriter(log, &stderr)
	err = cmd.Run()
	if ctx.Err() != nil {
		endGroup(cmd)
		return fmt.Errorf("cdk %s: %w", run.Args[0], context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("cdk %s: %w\n%s", run.Args[0], err, Tidy(stderr.Bytes()))
	}
	return nil
}

// Bootstrap prepares account and region for cdk deploy. Repeating it changes nothing.
func (a *AWS) Bootstrap(ctx context.Context) error {
	// Without an app, which would only be synthesized to learn the environment.
	return a.CDK(ctx, CDKRun{Dir: a.dir, Args: []string{"bootstrap", "--app", "", "aws://" + Account + "/" + a.Region}})
}

// Tidy is the end of a CLI's output without jsii's noise.
func Tidy(output []byte) string {
	output = jsiiNoise.ReplaceAll(output, nil)
	if len(output) > logTailSize {
		output = output[len(output)-logTailSize:]
	}
	return strings.TrimSpace(string(output))
}
