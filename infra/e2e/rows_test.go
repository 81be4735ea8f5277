//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// A row is a stack of plain CloudFormation with one resource, to which other hands do
// something: people, cost tools, siblings of the resource, consumers of its key. Rows are
// numbered as in the table of what was seen to happen to deployed stacks.
//
// All rows share one provider stack. Somebody else's bucket, user and secret stand beside each.
type row struct {
	*deployment
	word   string // is a word of the names of theirs, and of every name that is given
	theirs strangers

	stackID string
	seen    map[string]bool // things that have borne the stack's tags, by their String
	held    int
}

const rowsProvider = "RowsProvider"

var providedRows struct {
	sync.Once
	ok bool
}

// newRow makes things of somebody else; the stack comes with the first template. The caller
// decides whether the test is parallel.
func newRow(t *testing.T, name string) *row {
	t.Helper()
	providedRows.Do(func() {
		cloudtest.Must(cloud.Deploy(t.Context(), rowsProvider, releasedTemplate(t), codeFor(t, rowsProvider)))(t)
		providedRows.ok = true
	})
	if !providedRows.ok {
		t.Fatal("the provider of the rows was not deployed")
	}
	word := strings.ToLower(name)
	return &row{deployment: newSerialDeployment(t, name), word: word, theirs: newStrangers(t, word), seen: map[string]bool{}}
}

// template has the resource R with properties, each as "Name: value", beside a resource that
// is there for the stack's sake.
func (r *row) template(properties ...string) string { return r.templateOf("R", properties...) }

func (r *row) templateOf(logicalID string, properties ...string) string {
	lines := []string{"Resources:", "  Other: {Type: AWS::CloudFormation::WaitConditionHandle}"}
	if logicalID == "" {
		return strings.Join(lines, "\n") + "\n"
	}
	lines = append(lines, "  "+logicalID+":", "    Type: Custom::BucketUser", "    Properties:",
		"      ServiceToken: !ImportValue "+rowsProvider+"-ServiceToken")
	for _, property := range properties {
		lines = append(lines, "      "+property)
	}
	lines = append(lines, "Outputs:")
	for _, value := range []string{"SecretArn", "SecretName", "UserName", "BucketName", "AccessKeyId"} {
		lines = append(lines, fmt.Sprintf("  %s: {Value: !GetAtt %s.%s}", value, logicalID, value))
	}
	return strings.Join(lines, "\n") + "\n"
}

// An outcome is what became of an operation on the stack.
type outcome struct {
	status  types.StackStatus
	failed  []string // "R: reason", the latest first
	outputs map[string]string
}

// apply deploys a template, whatever becomes of it.
func (r *row) apply(template string) outcome {
	r.t.Helper()
	outputs, err := cloud.Deploy(r.t.Context(), r.name, template, nil)
	return r.outcome(outputs, err)
}

// remove deletes the stack, whatever becomes of it.
func (r *row) remove() outcome {
	r.t.Helper()
	return r.outcome(nil, cloud.DeleteStack(r.t.Context(), r.stackID))
}

func (r *row) outcome(outputs map[string]string, err error) outcome {
	r.t.Helper()
	stack := r.name
	if r.stackID != "" {
		stack = r.stackID // a deleted stack is found by its id
	}
	settled, settledErr := cloud.Settled(r.t.Context(), stack)
	if settledErr != nil {
		r.t.Fatalf("%v, after %v", settledErr, err)
	}
	r.stackID = aws.ToString(settled.StackId)
	o := outcome{settled.StackStatus, r.failures(), outputs}
	if err != nil && len(o.failed) == 0 {
		r.t.Fatal(err) // nothing has begun
	}
	r.things()
	return o
}

// failures are the reasons of all that has failed in the stack's last operation.
func (r *row) failures() []string {
	r.t.Helper()
	var reasons []string
	for _, event := range r.events() {
		own, status := aws.ToString(event.PhysicalResourceId) == r.stackID, string(event.ResourceStatus)
		if own && slices.Contains([]string{"CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"}, status) {
			break // the operation began
		}
		if strings.HasSuffix(status, "_FAILED") && !own {
			reasons = append(reasons, fmt.Sprintf("%s: %s", aws.ToString(event.LogicalResourceId), aws.ToString(event.ResourceStatusReason)))
		}
	}
	return reasons
}

// events are the stack's, the latest first.
func (r *row) events() []types.StackEvent {
	r.t.Helper()
	stack := r.name
	if r.stackID != "" {
		stack = r.stackID
	}
	var events []types.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(cloud.Stacks, &cloudformation.DescribeStackEventsInput{StackName: &stack})
	for pages.HasMorePages() {
		events = append(events, cloudtest.Must(pages.NextPage(r.t.Context()))(r.t).StackEvents...)
	}
	return events
}

// deploy deploys R with the properties, without a failure.
func (r *row) deploy(properties ...string) map[string]string {
	r.t.Helper()
	o := r.apply(r.template(properties...))
	r.want(o, "CREATE_COMPLETE", "UPDATE_COMPLETE")
	if len(o.failed) > 0 || o.outputs == nil {
		r.t.Fatalf("failures beside %s: %q", o.status, o.failed)
	}
	r.wantNoStrays()
	return o.outputs
}

// want ends the test unless the operation ended in one of the states.
func (r *row) want(o outcome, states ...types.StackStatus) {
	r.t.Helper()
	if !slices.Contains(states, o.status) {
		r.t.Fatalf("the stack is %s, want %s\n%s", o.status, states, strings.Join(o.failed, "\n"))
	}
}

// wantRefused wants the update to be refused in words, and rolled back as if it had never been.
func (r *row) wantRefused(template string, texts ...string) {
	r.t.Helper()
	before := r.settings()
	o := r.apply(template)
	r.want(o, types.StackStatusUpdateRollbackComplete)
	wantFailure(r.t, o, texts...)
	wantSame(r.t, "after the refused update", before, r.settings())
	r.wantNoStrays()
}

// wantFailure fails the test unless the reason of one failure has all of the texts.
func wantFailure(t *testing.T, o outcome, texts ...string) {
	t.Helper()
	if !slices.ContainsFunc(o.failed, func(reason string) bool {
		return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(reason, text) })
	}) {
		t.Errorf("no failure says %q:\n%s", texts, strings.Join(o.failed, "\n"))
	}
}

// wantWarned wants a warning about a thing, by its name, in the log of the stack's events.
func (r *row) wantWarned(name string) {
	r.t.Helper()
	provider := &deployment{t: r.t, name: rowsProvider}
	if !provider.logged(func(line string) bool {
		return strings.Contains(line, `"level":"WARN"`) && strings.Contains(line, r.stackID) && strings.Contains(line, name)
	}) {
		r.t.Errorf("the log has no warning about %s", name)
	}
}

// physicalIDs are those of the stack's resources by logical id, none once the stack is deleted.
func (r *row) physicalIDs() map[string]string {
	r.t.Helper()
	ids := map[string]string{}
	if r.stackID == "" {
		return ids
	}
	out := cloudtest.Must(cloud.Stacks.DescribeStackResources(r.t.Context(), &cloudformation.DescribeStackResourcesInput{StackName: &r.stackID}))(r.t)
	for _, resource := range out.StackResources {
		ids[aws.ToString(resource.LogicalResourceId)] = aws.ToString(resource.PhysicalResourceId)
	}
	return ids
}

// thing is the one thing of that kind which is not among the others.
func (r *row) thing(kind string, others ...string) local.Thing {
	r.t.Helper()
	found := slices.DeleteFunc(r.things(), func(t local.Thing) bool { return t.Kind != kind || slices.Contains(others, t.Name) })
	if len(found) != 1 {
		r.t.Fatalf("%d of %s beside %q: %v", len(found), kind, others, found)
	}
	return found[0]
}
