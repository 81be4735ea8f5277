package awsfake_test

import (
	"testing"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"
)

// stackRules are about the status of a stack itself.
func stackRules() []fakeRule {
	return []fakeRule{
		{"a stack has its status, by stack id and name", "CloudFormation API Reference, DescribeStacks; CloudFormation User Guide, " +
			"View stack information, Stack status codes",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				id := "arn:aws:cloudformation:eu-west-1:" + account + ":stack/name/7d4d1cd0"
				want := func(what, want string) {
					t.Helper()
					for _, stack := range []string{id, "name"} {
						got, err := stackStatus(t, c, stack)
						awsrules.Equal(t, what+", error", err, nil)
						awsrules.Equal(t, what, got, want)
					}
					awsrules.Equal(t, what, fake.StackStatus(id), want)
				}
				fake.SetResourceStatus(id, "R", "CREATE_COMPLETE")
				want("created", "CREATE_IN_PROGRESS")
				fake.SetResourceStatus(id, "R", "UPDATE_IN_PROGRESS")
				want("updated", "UPDATE_IN_PROGRESS")
				fake.SetResourceStatus(id, "R", "")
				want("without its resource", "UPDATE_IN_PROGRESS")
				fake.SetStackStatus(id, "UPDATE_ROLLBACK_IN_PROGRESS")
				fake.SetResourceStatus(id, "R", "DELETE_IN_PROGRESS")
				want("set", "UPDATE_ROLLBACK_IN_PROGRESS")
				fake.SetStackStatus(id, "DELETE_COMPLETE")
				got, err := stackStatus(t, c, id)
				awsrules.Equal(t, "deleted, error", err, nil)
				awsrules.Equal(t, "deleted", got, "DELETE_COMPLETE")
				_, err = stackStatus(t, c, "name")
				awsrules.Want(t, err, 400, "ValidationError", "Stack with id name does not exist")
				fake.SetStackStatus(id, "")
				_, err = stackStatus(t, c, id)
				awsrules.Want(t, err, 400, "ValidationError", "Stack with id "+id+" does not exist")
			}},
	}
}
