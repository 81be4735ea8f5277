package status

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"bucketuser/infra/internal/target"
)

// A stackState is what CloudFormation says of a stack and of the resource in it.
type stackState struct {
	stack, resource string // statuses; resource is "" if the stack has it no more
	reason          string // of the resource
	physicalID      string
}

// askStack asks for what the search for the target has not told.
func (l looker) askStack(ctx context.Context) answer[stackState] {
	t := l.target
	if t.StackStatus != "" {
		return answer[stackState]{value: stackState{t.StackStatus, t.ResourceStatus, t.StatusReason, t.PhysicalID}}
	}
	out, err := l.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &t.StackID})
	if isNoSuch(err) || err == nil && len(out.Stacks) == 0 {
		return answer[stackState]{isNone: true}
	}
	if err != nil {
		return answer[stackState]{err: err}
	}
	is := stackState{stack: string(out.Stacks[0].StackStatus)}
	in := &cloudformation.DescribeStackResourceInput{StackName: &t.StackID, LogicalResourceId: &t.LogicalID}
	resource, err := l.stacks.DescribeStackResource(ctx, in)
	if isNoSuch(err) || err == nil && resource.StackResourceDetail == nil {
		return answer[stackState]{value: is}
	}
	if err != nil {
		return answer[stackState]{err: err}
	}
	detail := resource.StackResourceDetail
	is.resource, is.reason = string(detail.ResourceStatus), aws.ToString(detail.ResourceStatusReason)
	is.physicalID = aws.ToString(detail.PhysicalResourceId)
	return answer[stackState]{value: is}
}

// isNoSuch reports whether CloudFormation knows no such stack, or no such resource in it. It has no code for either.
func isNoSuch(err error) bool {
	text := ""
	if target.CodeOf(err) == "ValidationError" {
		text = err.Error()
	}
	return strings.Contains(text, "does not exist")
}

// isUnderWay reports whether CloudFormation is at work on the stack.
func (f facts) isUnderWay() bool {
	return f.stack.isThere() && strings.HasSuffix(f.stack.value.stack, "_IN_PROGRESS") && f.stack.value.stack != "REVIEW_IN_PROGRESS"
}

// excuse takes no fault for final while CloudFormation is at work: it may be about to right it, or to make it.
func (f facts) excuse(found []Finding) {
	if !f.isUnderWay() {
		return
	}
	for i := range found {
		if found[i].State == Fault {
			found[i] = Finding{Check: found[i].Check, State: Unknown, What: "the stack is " + f.stack.value.stack + ": " + found[i].What,
				Todo: "look again when the stack is done"}
		}
	}
}

func ofStack(f facts) []Finding {
	is, name := f.stack.value, f.target.StackName()
	finding := func(state State, what, todo string, commands ...string) []Finding {
		return []Finding{{"stack", state, what, todo, commands}}
	}
	events := fmt.Sprintf("aws cloudformation describe-stack-events --stack-name %s --output table --query %s", quoted(f.target.StackID),
		quoted("StackEvents[?ends_with(ResourceStatus,'_FAILED')].[Timestamp,LogicalResourceId,ResourceStatusReason]"))
	switch {
	case f.stack.err != nil:
		return []Finding{f.unknown("stack", f.stack.err)}
	case f.stack.isNone, is.stack == "DELETE_COMPLETE":
		return finding(Fault, "stack "+name+" was deleted, and what is left goes on without it: nothing repairs or removes it",
			"end the access if nobody uses it: delete keys, user and secret; the bucket keeps its data")
	case is.resource == "" || is.resource == "DELETE_COMPLETE":
		return finding(Fault, fmt.Sprintf("stack %s no longer has resource %s, and what is left goes on without it", name, f.target.LogicalID),
			"add the resource again with the same properties, or delete keys, user and secret if nobody uses them")
	case is.physicalID != "" && is.physicalID != f.target.PhysicalID:
		return finding(Fault, fmt.Sprintf("resource %s of stack %s is %s by now; this set was replaced", f.target.LogicalID, name, is.physicalID),
			"have consumers take the credentials of the new one", "bucketuser status --stack "+quoted(name)+" --resource "+quoted(f.target.LogicalID))
	case strings.HasSuffix(is.stack, "_FAILED"), is.stack == "ROLLBACK_COMPLETE":
		return finding(Fault, "stack "+name+" is "+is.stack, howToMend[is.stack], events)
	case strings.HasSuffix(is.resource, "_FAILED"):
		return finding(Fault, fmt.Sprintf("resource %s is %s: %s", f.target.LogicalID, is.resource, plain(is.reason)), "", events)
	case f.isUnderWay():
		return finding(Warning, "stack "+name+" is "+is.stack, "look again when it is done")
	case is.stack == "UPDATE_ROLLBACK_COMPLETE":
		return finding(Warning, "the last update of stack "+name+" failed, and was rolled back", "the events of the stack say why", events)
	}
	return finding(OK, "stack "+name+" is "+is.stack, "")
}

// howToMend says by the status of a stack what CloudFormation takes in it.
var howToMend = map[string]string{
	"CREATE_FAILED":          "put right what its events name, and deploy again",
	"ROLLBACK_COMPLETE":      "its creation failed: delete the stack, put right what its events name, and deploy again",
	"ROLLBACK_FAILED":        "put right what its events name, and delete the stack",
	"UPDATE_FAILED":          "put right what its events name, and update again, or roll back",
	"UPDATE_ROLLBACK_FAILED": "put right what its events name, and go on with the rollback: aws cloudformation continue-update-rollback",
	"DELETE_FAILED":          "the reason in its events has the commands that end the deletion",
}

// unknown is what a check says that got no answer.
func (f facts) unknown(check string, err error) Finding {
	return Finding{Check: check, State: Unknown, What: whyUnknown(err)}
}
