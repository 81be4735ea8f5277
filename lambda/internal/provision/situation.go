package provision

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// What people can do about a failed event hangs on what CloudFormation does with the stack. So an error
// that asks for the event again (awscall.Again) does not say how: the last step before the answer does,
// and asks CloudFormation for that. The facts are from the CloudFormation User Guide, Stack status codes
// and Troubleshooting, and the API Reference, DeleteStack and ContinueUpdateRollback:
//
//   - A stack in DELETE_FAILED cannot be updated, but deleted again, a nested one with its root. Only there
//     RetainResources is accepted, of resources of the very stack.
//   - A stack in ROLLBACK_FAILED or ROLLBACK_COMPLETE can only be deleted.
//   - A stack in UPDATE_ROLLBACK_FAILED cannot be updated: its rollback is continued, that of a nested stack
//     with its root, and may skip resources.
//   - What an update has replaced or taken out of the template is deleted in its clean-up, by three attempts.
//     Then CloudFormation forgets it, and the update is complete.

// A situation is what CloudFormation does with the stack while an event fails.
type situation int

// The situations.
const (
	unsaid        situation = iota // CloudFormation has not said, or says what was before
	creatingStack                  // a Create, with its stack
	updatingStack                  // a Create or an Update, in an update
	rollingBack                    // an Update, in the rollback of an update
	deletingStack                  // a Delete, with its stack, or after a failed creation of that
	cleaningUp                     // a Delete, at the end of an update or of its rollback
)

// situationOf tells the situation of an operation from the status of its stack.
func (op operation) situationOf(status types.StackStatus) situation {
	isCleanup := strings.HasSuffix(string(status), "CLEANUP_IN_PROGRESS")
	switch op.kind {
	case kindDelete:
		switch {
		case isCleanup:
			return cleaningUp
		case status == types.StackStatusDeleteInProgress, status == types.StackStatusRollbackInProgress:
			return deletingStack
		}
	case kindCreate:
		switch status {
		case types.StackStatusCreateInProgress:
			return creatingStack
		case types.StackStatusUpdateInProgress:
			return updatingStack
		}
	case kindInPlace, kindBack, kindReplacement:
		switch {
		case isRollingBack(status):
			return rollingBack
		case status == types.StackStatusUpdateInProgress:
			return updatingStack
		}
	}
	return unsaid
}

// stackLag is how long the status of a stack may be that before the operation (L5). It ends between
// two attempts, which come a second after each other.
const stackLag = 4500 * time.Millisecond

// askStack asks CloudFormation for the stack, once in an event, when something was refused. An Update is asked
// about until a rollback shows, since an update shows before it. Without an answer the stack is zero.
func (r *run) askStack(ctx context.Context, op operation) types.Stack {
	r.asksStack.Do(func() {
		ctx, cancel := context.WithTimeout(ctx, stackLag)
		defer cancel()
		var err error
		r.stack, err = awscall.Repeat(ctx, r.patience, "CloudFormation shows what it does with the stack", func() (types.Stack, bool, error) {
			out, err := r.cfn.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &op.spec.StackID})
			if err != nil || len(out.Stacks) != 1 {
				return types.Stack{}, false, awscall.Brief(err)
			}
			is := op.situationOf(out.Stacks[0].StackStatus)
			return out.Stacks[0], is == unsaid || is == updatingStack && op.kind != kindCreate, nil
		})
		if r.stack.StackStatus == "" {
			r.log.Info("was told no status of the stack", "reason", fmt.Sprint(err))
		}
	})
	return r.stack
}

// situation asks CloudFormation for that of an event.
func (r *run) situation(ctx context.Context, op operation) situation {
	return op.situationOf(r.askStack(ctx, op).StackStatus)
}

// explain ends the error of an event: how long it has waited, which right is missing, and how the event is
// sent again when people have done what the error says.
func (r *run) explain(ctx context.Context, op operation, err error) error {
	if err == nil {
		return nil
	}
	isAgain := awscall.AsksForAgain(err)
	what := r.missing(ctx, op.spec, err)
	if err = r.patience.Explain(err); what != "" {
		err = fmt.Errorf("%w; %s", err, what)
	}
	if !isAgain && what == "" {
		return err
	}
	return fmt.Errorf("%w; %s", err, r.again(ctx, op))
}

// again says how an event is sent again.
func (r *run) again(ctx context.Context, op operation) string {
	s := op.spec
	switch r.situation(ctx, op) {
	case creatingStack:
		return "then deploy again; a stack in ROLLBACK_COMPLETE must be deleted before that"
	case updatingStack:
		return "then update the stack again"
	case rollingBack:
		return "then go on with the rollback: " + r.continueRollback(s)
	case deletingStack:
		return "then delete the stack again: " + r.deleteAgain(s)
	case cleaningUp:
		return "CloudFormation tries three times and then forgets the resource" + r.whatIsLeft(ctx, s)
	case unsaid:
	}
	switch op.kind {
	case kindDelete:
		return "then delete the stack again, if it was the stack that was deleted; " +
			"what an update takes away CloudFormation deletes three times at most, and forgets then" + r.whatIsLeft(ctx, s)
	case kindInPlace, kindBack, kindReplacement:
		return "then update the stack again; or, if it is in UPDATE_ROLLBACK_FAILED, go on with the rollback: " + r.continueRollback(s)
	case kindCreate:
	}
	return "then deploy again"
}

// whatIsLeft is byHand for what a Delete has left.
func (r *run) whatIsLeft(ctx context.Context, s spec.Spec) string {
	found, _ := r.lookParts(ctx, s) // what cannot be seen may be somebody else's
	return r.byHand(ctx, s, found)
}

// continueRollback is the command that goes on with a failed rollback. That of a nested stack goes on with its
// root, where a resource is skipped by the names of all stacks down to it.
func (r *run) continueRollback(s spec.Spec) string {
	command := func(stack string) string {
		return fmt.Sprintf("aws cloudformation continue-update-rollback --stack-name %s --region %s", stack, s.Region)
	}
	if root := aws.ToString(r.stack.RootId); root != "" {
		return command(spec.StackName(root))
	}
	return command(s.StackName()) + fmt.Sprintf(" (--resources-to-skip %s leaves the resource as it is)", s.LogicalID)
}

// deleteAgain is the command that deletes the stack again, a nested one with its root.
func (r *run) deleteAgain(s spec.Spec) string {
	return deleteStack(cmp.Or(spec.StackName(aws.ToString(r.stack.RootId)), s.StackName()), s.Region)
}

func deleteStack(name, region string) string {
	return fmt.Sprintf("aws cloudformation delete-stack --stack-name %s --region %s", name, region)
}

// byHand are the commands that end what is left of a set of which CloudFormation may not know any more, as far as it
// is ours.
func (r *run) byHand(ctx context.Context, s spec.Spec, found set) string {
	var commands []string
	if found.user.IsOurs() {
		commands = append(commands, r.endKeys(ctx, s)...)
		commands = append(commands, fmt.Sprintf("aws iam delete-user --user-name %s --region %s", s.UserName, s.Region))
	}
	if found.secret.IsOursOrLeaving() && !found.secret.Deleting {
		commands = append(commands, fmt.Sprintf("aws secretsmanager delete-secret --secret-id %s --region %s", s.SecretName, s.Region))
	}
	if len(commands) == 0 {
		return ""
	}
	return "; what is left of user and secret goes by " + strings.Join(commands, "; ")
}

func (r *run) endKeys(ctx context.Context, s spec.Spec) (commands []string) {
	keys, err := r.keysOf(s).ListNow(ctx)
	if err != nil {
		return []string{fmt.Sprintf("aws iam list-access-keys --user-name %s --region %s, and the deletion of each", s.UserName, s.Region)}
	}
	for _, key := range keys {
		commands = append(commands, fmt.Sprintf("aws iam delete-access-key --user-name %s --access-key-id %s --region %s", s.UserName, key.ID, s.Region))
	}
	return commands
}

// toEmpty is the command that empties a bucket. The high-level commands of the AWS CLI leave versions and delete
// markers; DeleteObjects takes a thousand keys at once, which are more than Linux lets an argument be (execve(2)).
func toEmpty(s spec.Spec, isVersioned bool) string {
	if !isVersioned {
		return fmt.Sprintf("aws s3 rm s3://%s --recursive --region %s", s.BucketName, s.Region)
	}
	return fmt.Sprintf(`aws s3api list-object-versions --bucket %s --region %s --no-paginate --max-keys 1000 --output json `+
		`--query '{Objects: [Versions,DeleteMarkers][].{Key:Key,VersionId:VersionId}}' | `+
		`aws s3api delete-objects --bucket %s --region %s --delete file:///dev/stdin, once for each 1000 entries`,
		s.BucketName, s.Region, s.BucketName, s.Region)
}
