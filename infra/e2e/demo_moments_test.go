//go:build e2e

package e2e

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// demoCommand is what make runs for the demo, in a directory of its own.
type demoCommand struct {
	t       *testing.T
	program string
	dir     string
}

func newDemoCommand(t *testing.T) demoCommand {
	t.Helper()
	d := demoCommand{t, filepath.Join(t.TempDir(), "demo"), filepath.Join(t.TempDir(), "demo")}
	runIn(t, "go", "build", "-o", d.program, "./infra/demo")
	t.Cleanup(func() { _, _ = d.run("down", "-force") }) // in case the test ends early: nothing may stay up
	return d
}

func (d demoCommand) prepare(args ...string) *exec.Cmd {
	cmd := exec.Command(d.program, append([]string{args[0], "-dir", d.dir}, args[1:]...)...)
	cmd.Dir = root
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// run returns what a command prints. The error is that of its exit status.
func (d demoCommand) run(args ...string) (string, error) {
	output, err := d.prepare(args...).CombinedOutput()
	return string(output), err
}

// succeeds fails the test unless the command succeeds and says all of the texts.
func (d demoCommand) succeeds(command string, texts ...string) string {
	d.t.Helper()
	output, err := d.run(strings.Fields(command)...)
	if err != nil {
		d.t.Fatalf("demo %s: %v\n%s", command, err, output)
	}
	d.says(command, output, texts...)
	return output
}

// refuses fails the test unless the command fails with status 1 and says all of the texts.
func (d demoCommand) refuses(command string, texts ...string) {
	d.t.Helper()
	output, err := d.run(strings.Fields(command)...)
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 {
		d.t.Errorf("demo %s: %v", command, err)
	}
	d.says(command, output, texts...)
}

func (d demoCommand) says(command, output string, texts ...string) {
	d.t.Helper()
	for _, text := range texts {
		if !strings.Contains(output, text) {
			d.t.Errorf("demo %s does not say %q:\n%s", command, text, output)
		}
	}
}

// until runs a command until it prints the text, calls meanwhile, sends the signal to its process group as a terminal
// does, and returns what it has printed in the end.
func (d demoCommand) until(command, text string, signal syscall.Signal, meanwhile ...func()) string {
	d.t.Helper()
	cmd := d.prepare(strings.Fields(command)...)
	pipe := cloudtest.Must(cmd.StdoutPipe())(d.t)
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	var output strings.Builder
	isThere := false
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		output.WriteString(lines.Text() + "\n")
		if !isThere && strings.Contains(lines.Text(), text) {
			isThere = true
			for _, do := range meanwhile {
				do()
			}
			if err := syscall.Kill(-cmd.Process.Pid, signal); err != nil {
				d.t.Error(err)
			}
		}
	}
	if err := cmd.Wait(); err == nil || !isThere {
		d.t.Errorf("demo %s is not ended at %q:\n%s", command, text, output.String())
	}
	return output.String()
}

// interrupted is until for a Ctrl-C after which the embedded AWS is up. The command says so.
func (d demoCommand) interrupted(command, text string, meanwhile ...func()) string {
	d.t.Helper()
	output := d.until(command, text, syscall.SIGINT, meanwhile...)
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "interrupted: the embedded AWS is up") ||
		!strings.Contains(last, "make demo goes on") || !strings.Contains(last, "make demo-down ends it") {
		d.t.Errorf("demo %s, interrupted at %q:\n%s", command, text, output)
	}
	return output
}

// cloud is the embedded AWS that the demo has started.
func (d demoCommand) cloud() *local.AWS {
	d.t.Helper()
	return cloudtest.Must(local.Find(local.Tools{}, d.dir))(d.t)
}

// create begins to create a stack in it.
func (d demoCommand) create(name, template string) *cloudformation.Client {
	d.t.Helper()
	client := cloudformation.NewFromConfig(cloudtest.Must(d.cloud().Config())(d.t))
	_, err := client.CreateStack(d.t.Context(), &cloudformation.CreateStackInput{
		StackName: &name, TemplateBody: &template, Capabilities: []types.Capability{types.CapabilityCapabilityIam}})
	if err != nil {
		d.t.Fatal(err)
	}
	return client
}

// stuck waits for an hour, and its function is none that answers CloudFormation.
const stuck = `{"Resources": {
	"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
	"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}}},
	"BucketUserProviderFunction": {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python3.12", "Handler": "index.handler",
		"Code": {"ZipFile": "raise SystemExit(1)"}, "Role": {"Fn::GetAtt": ["Role", "Arn"]}}},
	"Wait": {"Type": "AWS::CloudFormation::WaitCondition", "DependsOn": "BucketUserProviderFunction",
		"Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "3600"}}}}`

// beforeItIsUp interrupts and kills make demo at moments on the way to the deployed stack. After each the next command
// goes on. It returns what two of them print that go on from each other, up to the building.
func (d demoCommand) beforeItIsUp() string {
	d.succeeds("down", "there is nothing to clean up")
	d.beforeThereIsAStack()
	d.interrupted("up", "started it at")
	d.create("BucketUser", stuck)
	another := d.interrupted("up", "started it at")
	d.says("up", another, "BucketUser is CREATE_IN_PROGRESS and does not come to an end", "ending that embedded AWS")
	same := d.interrupted("up", "building the function", func() {
		d.refuses("up", "make demo is running here already", "make demo-down FORCE=1")
		d.refuses("down", "make demo is running here already")
		d.refuses("clean", "make demo is running here already")
	})
	d.says("up", same, "the embedded AWS runs at", "bootstrapping it for the CDK")
	d.until("up", "deploying the stack", syscall.SIGKILL, d.awaitStack)
	return another + same
}

// beforeThereIsAStack ends make demo from another terminal, and by closing its own, while there is no stack.
func (d demoCommand) beforeThereIsAStack() {
	d.t.Helper()
	ended := d.until("up", "started it at", syscall.SIGTERM, func() { d.succeeds("down -force", "ending make demo", "ended its process") })
	if !strings.Contains(ended, "ended by another command") || strings.Contains(ended, "is up") {
		d.t.Errorf("demo up, ended from another terminal:\n%s", ended)
	}
	closed := d.until("up", "started it at", syscall.SIGHUP)
	d.says("up", closed, "interrupted: the embedded AWS is up")
	if down := d.succeeds("down", "nothing is left"); strings.Contains(down, "destroying the stack") {
		d.t.Errorf("demo down, without a stack:\n%s", down)
	}
}

// awaitStack returns once the stack is being created.
func (d demoCommand) awaitStack() {
	d.t.Helper()
	client := cloudformation.NewFromConfig(cloudtest.Must(d.cloud().Config())(d.t))
	limit := time.After(2 * time.Minute)
	for tick := time.NewTicker(50 * time.Millisecond); ; {
		out, err := client.DescribeStacks(d.t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String("BucketUser")})
		if err == nil && out.Stacks[0].StackStatus != types.StackStatusReviewInProgress {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			d.t.Fatal("the stack is not created")
		}
	}
}

// shell is what somebody does who has sourced env.sh.
func (d demoCommand) shell() {
	d.t.Helper()
	diff := cloudtest.Run(d.t, root, nil, "sh", "-c", `. "$1/env.sh"; cdk diff BucketUser 2>&1`, "sh", d.dir)
	if !strings.Contains(diff, "There were no differences") || strings.Contains(diff, "Runtime process") {
		d.t.Errorf("cdk diff in a shell of the demo:\n%s", diff)
	}
}

// goesDown has make demo-down refuse, be interrupted, and go on, and ends with nothing up.
func (d demoCommand) goesDown() {
	client := d.create("Other", `{"Resources": {"Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}`)
	d.refuses("down", "also has the stack Other; nothing was changed", "make demo-down FORCE=1")
	if _, err := client.DeleteStack(d.t.Context(), &cloudformation.DeleteStackInput{StackName: aws.String("Other")}); err != nil {
		d.t.Fatal(err)
	}
	for _, name := range []string{"app", "function"} { // which it needs no more
		if err := os.RemoveAll(filepath.Join(d.dir, name)); err != nil {
			d.t.Fatal(err)
		}
	}
	d.interrupted("down", "destroying the stack")
	want(d.t, d.samePrinted(d.succeeds("down")), d.printedInReadme(sampleOfDown))
	d.succeeds("down", "there is nothing to clean up")
}

// ends wants an embedded AWS that does not answer to have ended after the command.
func (d demoCommand) ends(command string) {
	d.t.Helper()
	d.interrupted("up", "started it at")
	cloud := d.cloud()
	if err := syscall.Kill(cloud.Process(), syscall.SIGSTOP); err != nil {
		d.t.Fatal(err)
	}
	d.succeeds(command, "ended its process")
	// A stopped process has connections accepted, and one that was killed may end its threads a moment later.
	limit := time.Now().Add(10 * time.Second)
	for tick := time.NewTicker(50 * time.Millisecond); ; <-tick.C {
		connection, err := net.Dial("tcp", strings.TrimPrefix(cloud.Endpoint, "https://"))
		if err != nil {
			return
		}
		connection.Close()
		if time.Now().After(limit) {
			d.t.Fatalf("process %d still listens after demo %s", cloud.Process(), command)
		}
	}
}
