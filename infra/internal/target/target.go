// Package target finds a resource Custom::BucketUser that is deployed, and its secret: by the name
// of a stack, by stack and logical id, or by the secret alone.
//
// It reads, and changes nothing. It does not know what the secret holds nor how the bucket and
// the user are. What it calls, and with that the rights that it needs:
//
//	cloudformation:DescribeStacks      the stack's id, status and outputs; not for a secret alone
//	cloudformation:ListStackResources  which of its resources are meant; not for a secret alone
//	secretsmanager:DescribeSecret      whose the secret is
//	secretsmanager:ListSecrets         only of a resource whose SecretName was given and whose stack has no
//	                                   output with the secret's ARN
//	sts:GetCallerIdentity              for messages; nobody can be denied it
package target

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// DefaultStack is the name of the stack that make deploy makes unless it is told another.
const DefaultStack = "BucketUser"

// A Query says which resource is meant. It has a Stack or a Secret, and not both.
type Query struct {
	Stack    string // name or ARN
	Resource string // logical id; "" for the one resource that the stack has
	Secret   string // name or ARN
}

// A Target is what was found. Of a secret alone, its tags say what is known of the resource.
type Target struct {
	Region   string
	Endpoint string // of the environment, or "" for AWS's own

	StackID string
	// StackStatus and ResourceStatus are CloudFormation's words, such as UPDATE_COMPLETE; "" if it
	// was not asked.
	StackStatus    string
	ResourceStatus string
	StatusReason   string // of the resource, in CloudFormation's words
	LogicalID      string
	PhysicalID     string

	SecretARN  string
	SecretName string
	// Tags are the secret's. Those of the resource may be missing, where somebody took them off.
	Tags map[string]string
	// Deleted is the time that Secrets Manager has for the deletion of the secret; zero for a secret that stays.
	Deleted time.Time
}

// Find looks for the resource. A resource without a secret is [NoSecretError], beside a Target that
// has the rest.
func (q Query) Find(ctx context.Context, config aws.Config) (Target, error) {
	f := newFinder(config)
	t := Target{Region: config.Region, Endpoint: f.endpoint()}
	if q.Secret != "" {
		err := f.findAlone(ctx, &t, q.Secret)
		return t, err
	}
	outputs, err := f.findResource(ctx, &t, q)
	if err != nil {
		return t, err
	}
	err = f.findSecret(ctx, &t, outputs)
	return t, err
}
