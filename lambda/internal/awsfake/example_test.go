package awsfake_test

import (
	"context"
	"fmt"

	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// The answer to a creating call gets lost: the SDK repeats it, and finds what it has made itself.
func Example() {
	fake := awsfake.New("111122223333", "eu-west-1")
	fake.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if c.Name() == "iam:CreateUser" && c.OperationN == 1 {
			return awsfake.Lose(awsfake.ConnectionReset)
		}
		return awsfake.Decision{}
	}
	client := iam.NewFromConfig(fake.Session("provider").Config())
	_, err := client.CreateUser(context.Background(), &iam.CreateUserInput{UserName: aws.String("alice")})
	fmt.Println(err)
	for _, call := range fake.Calls() {
		fmt.Println(call)
	}
	fmt.Println(len(fake.Snapshot().Users), "user")
	// Output:
	// operation error IAM: CreateUser, https response error StatusCode: 409, RequestID: REQUEST000000005, EntityAlreadyExists: User with name alice already exists.
	// 1 provider-1 iam:CreateUser alice (connection reset)
	// 2 provider-1 iam:CreateUser alice EntityAlreadyExists
	// 1 user
}
