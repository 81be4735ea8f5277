//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// applyHeld deploys R with the properties and with a sibling that waits, after R, until hands
// have done their work. The sibling then comes up, or fails and takes the update back.
func (r *row) applyHeld(fails bool, hands func(), properties ...string) outcome {
	r.t.Helper()
	r.held++
	sibling := fmt.Sprintf("Held%d", r.held) // a wait condition cannot be updated
	template := strings.Replace(r.template(properties...), "Outputs:", "  "+sibling+
		":\n    Type: AWS::CloudFormation::WaitCondition\n    DependsOn: R\n    CreationPolicy: {ResourceSignal: {Timeout: PT2M}}\nOutputs:", 1)
	type answer struct {
		outputs map[string]string
		err     error
	}
	done := make(chan answer, 1)
	go func() {
		outputs, err := cloud.Deploy(r.t.Context(), r.name, template, nil)
		done <- answer{outputs, err}
	}()
	for !r.waits(sibling) {
		select {
		case a := <-done:
			r.t.Fatalf("the update ended before %s waited: %q", sibling, r.outcome(a.outputs, a.err).failed)
		case <-time.After(100 * time.Millisecond):
		}
	}
	hands()
	signal := types.ResourceSignalStatusSuccess
	if fails {
		signal = types.ResourceSignalStatusFailure
	}
	r.signal(sibling, signal)
	a := <-done
	return r.outcome(a.outputs, a.err)
}

// signal ends the waiting of a sibling. The embedded AWS shows that it waits a moment before it listens.
func (r *row) signal(sibling string, status types.ResourceSignalStatus) {
	r.t.Helper()
	var err error
	for range 100 {
		_, err = cloud.Stacks.SignalResource(r.t.Context(), &cloudformation.SignalResourceInput{
			StackName: &r.name, LogicalResourceId: &sibling, UniqueId: aws.String("hands"), Status: status})
		if err == nil || !strings.Contains(err.Error(), "is not waiting for signals") {
			break
		}
		<-time.After(100 * time.Millisecond)
	}
	if err != nil {
		r.t.Errorf("signal: %v", err)
	}
}

// waits reports whether the sibling waits for its signal. What an update creates is
// UPDATE_IN_PROGRESS on the embedded AWS, and CREATE_IN_PROGRESS on AWS.
func (r *row) waits(sibling string) bool {
	r.t.Helper()
	return slices.ContainsFunc(r.events(), func(e types.StackEvent) bool {
		return aws.ToString(e.LogicalResourceId) == sibling && strings.HasSuffix(string(e.ResourceStatus), "E_IN_PROGRESS")
	})
}
