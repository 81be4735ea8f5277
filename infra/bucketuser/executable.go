package bucketuser

import (
	"debug/buildinfo"
	"debug/elf"
	"fmt"
	"net"
	"net/url"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"

	"bucketuser/infra/internal/compile"
)

// inspect reads the executable, where there is one: a function of another architecture cannot
// start, and one that cannot answer keeps CloudFormation waiting for an hour.
func (c *choice) inspect() {
	info, err := os.Stat(c.file)
	switch {
	case err != nil: // of the props' folder, which need not be where CDK takes it from; any other was looked for
		return
	case info.Size() == 0:
		c.doubts = append(c.doubts, fmt.Errorf("%s: %s is empty: this template is to be read, and not to be deployed", c.source, c.file))
		return
	}
	file, err := elf.Open(c.file)
	if err != nil && c.source == fromProps { // it may be a script
		return
	}
	if err != nil {
		c.fault("%s: %s is no program for Linux: %w", c.source, c.file, err)
		return
	}
	machine := file.Machine
	if err := file.Close(); err != nil {
		c.fault("%s: %w", c.source, err)
	}
	c.checkMachine(machine)
	c.checkAnswers()
}

// checkMachine takes the architecture of the executable, unless another one was given.
func (c *choice) checkMachine(machine elf.Machine) {
	built, ok := map[elf.Machine]awslambda.Architecture{
		elf.EM_AARCH64: awslambda.Architecture_ARM_64(), elf.EM_X86_64: awslambda.Architecture_X86_64(),
	}[machine]
	switch {
	case !ok:
		c.fault("%s: %s is built for %v, and Lambda has arm64 and x86_64", c.source, c.file, machine)
	case c.architecture == nil:
		c.architecture = built
	case *c.architecture.Name() != *built.Name():
		c.fault("%s: %s is built for %s, and the architecture is %s; leave the architecture out, or build for it",
			c.source, c.file, *built.Name(), *c.architecture.Name())
	}
}

// checkAnswers compares the executable with where it is deployed to.
func (c *choice) checkAnswers() {
	info, err := buildinfo.ReadFile(c.file)
	if err != nil {
		return // not built by the go command
	}
	isLocal, endpoint := compile.AnswersLoopback(info), loopbackEndpoint()
	switch {
	case isLocal && endpoint == "" && c.source == CodeVariable: // left over in a shell
		c.fault("%s: %s is built for the embedded AWS, and AWS_ENDPOINT_URL does not lead there; unset %[1]s", c.source, c.file)
	case isLocal && endpoint == "":
		c.doubts = append(c.doubts, fmt.Errorf("%s: %s is built for the embedded AWS, and AWS_ENDPOINT_URL does not lead there; leave it out for any other",
			c.source, c.file))
	case !isLocal && endpoint != "":
		c.fault("%s: %s is built for AWS: %w", c.source, c.file, errAnswersAWS(endpoint))
	}
}

// errAnswersAWS is why a function that is built for AWS is not deployed to this machine.
func errAnswersAWS(endpoint string) error {
	return fmt.Errorf("it would answer AWS alone, and AWS_ENDPOINT_URL is %s; make demo builds one that answers there, into .local/function of this repository", endpoint)
}

// loopbackEndpoint returns AWS_ENDPOINT_URL if that is an address of this machine, or "".
func loopbackEndpoint() string {
	endpoint := os.Getenv("AWS_ENDPOINT_URL")
	u, err := url.Parse(endpoint)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "localhost" || ip != nil && ip.IsLoopback() {
		return endpoint
	}
	return ""
}
