package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// acceptUsers is what ACCEPT names to have a provider destroyed although users of it are there.
const acceptUsers = "users"

// usersOf returns the users who have the permissions boundary of a provider: each resource that the provider serves has
// one, however its stack knows the service token.
func (a account) usersOf(ctx context.Context, stack string) ([]string, error) {
	out, err := a.stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &stack})
	if err != nil {
		return nil, err
	}
	var users []string
	for _, resource := range out.StackResources {
		if aws.ToString(resource.ResourceType) != "AWS::IAM::ManagedPolicy" || resource.ResourceStatus == types.ResourceStatusDeleteComplete {
			continue
		}
		having, err := a.bounded(ctx, resource.PhysicalResourceId)
		if err != nil {
			return nil, err
		}
		users = append(users, having...)
	}
	slices.Sort(users)
	return users, nil
}

// bounded returns the users who have a managed policy for a permissions boundary.
func (a account) bounded(ctx context.Context, policy *string) ([]string, error) {
	var users []string
	pages := iam.NewListEntitiesForPolicyPaginator(a.iam, &iam.ListEntitiesForPolicyInput{
		PolicyArn: policy, EntityFilter: iamtypes.EntityTypeUser, PolicyUsageFilter: iamtypes.PolicyUsageTypePermissionsBoundary})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if missing := new(iamtypes.NoSuchEntityException); errors.As(err, &missing) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, user := range page.PolicyUsers {
			users = append(users, aws.ToString(user.UserName))
		}
	}
	return users, nil
}

// leave refuses to destroy a provider that users need, unless that is accepted. Who cannot see whether there are any
// decides on a terminal. The error unseen says why they cannot.
func (d deployment) leave(users []string, unseen error, in io.Reader, out io.Writer) error {
	isAccepted := slices.Contains(d.accepted, acceptUsers)
	switch {
	case unseen != nil:
		fmt.Fprintf(out, "stack %s: whether users need it cannot be seen; infra/policies/deploy.json has the rights: %v\n", d.stack, unseen)
		if isAccepted {
			return nil
		}
		return d.destroyUnseen(in, out)
	case len(users) == 0:
		return nil
	}
	who := fmt.Sprintf("stack %s: %s its permissions boundary: %s", d.stack, have(len(users)), some(users))
	if isAccepted {
		fmt.Fprintln(out, who)
		return nil
	}
	return fmt.Errorf("%s. Without the provider their stacks can neither be updated nor deleted, and its own deletion fails; delete their stacks first. Nothing was destroyed; ACCEPT=%s goes on", who, acceptUsers)
}

func (d deployment) destroyUnseen(in io.Reader, out io.Writer) error {
	if !d.needsTerminal() {
		return fmt.Errorf("make %s: nobody is asked here, and nothing was destroyed; ACCEPT=%s goes on unseen", d.target(), acceptUsers)
	}
	fmt.Fprint(out, "Destroy it unseen? (y/N) ")
	if !isYes(in, out) {
		return errors.New("nothing was destroyed")
	}
	return nil
}

func isYes(in io.Reader, out io.Writer) bool {
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil { // its end came before that of a line
		fmt.Fprintln(out)
	}
	return slices.Contains([]string{"y", "yes"}, strings.ToLower(strings.TrimSpace(answer)))
}

func have(count int) string {
	if count == 1 {
		return "1 user has"
	}
	return fmt.Sprintf("%d users have", count)
}

// some are the first of many names.
func some(names []string) string {
	const most = 10
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// sayStuck says what it takes to be rid of a provider whose deletion has failed.
func (a account) sayStuck(ctx context.Context, stack string, out io.Writer) {
	has, err := a.read(ctx, stack)
	if err != nil || has == nil || has.status != deleteFailed {
		return
	}
	failed := []string{"<logical-id>"} // for who may not see it
	if resources, err := a.stacks.DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: &stack}); err == nil {
		failed = failedOf(resources.StackResources)
	}
	fmt.Fprintf(out, "The stack is in %s. A permissions boundary that users still have cannot be deleted. This lets go of what is left:\n"+
		"  aws cloudformation delete-stack --stack-name %s --retain-resources %s\n"+
		"The stacks that used the provider are stranded. \"A provider created again\" in infra/README.md says how they get it back.\n",
		deleteFailed, stack, strings.Join(failed, " "))
}

// failedOf are the logical ids of the resources whose deletion has failed.
func failedOf(resources []types.StackResource) []string {
	var ids []string
	for _, resource := range resources {
		if resource.ResourceStatus == types.ResourceStatusDeleteFailed {
			ids = append(ids, aws.ToString(resource.LogicalResourceId))
		}
	}
	return ids
}
