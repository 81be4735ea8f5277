package status

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/sourcegraph/conc"

	"bucketuser/infra/internal/target"
	"bucketuser/lambda/spec"
)

// facts are what was seen of a resource.
type facts struct {
	now    time.Time
	target target.Target

	spec    spec.Spec // names, Prefix and Access; the rest holds defaults unless it is said
	isSaid  bool      // the spec is that of the properties, as CloudFormation tells them
	isNamed bool      // its names are those of the resource
	unsaid  error     // why the properties could not be asked for

	token  string // ARN of the provider's function, or "" if no event tells it
	served answer[string]

	stack   answer[stackState]
	secret  answer[*secretsmanager.DescribeSecretOutput]
	value   answer[value]
	pending answer[time.Time] // when the version with AWSPENDING was made; none without one

	user     answer[*iamtypes.User]
	keys     answer[[]iamtypes.AccessKeyMetadata]
	lastUsed map[string]answer[*iamtypes.AccessKeyLastUsed] // by key
	named    answer[map[string][]string]                    // labels of versions other than the current one, by the key in them

	tags   answer[map[string]string] // of the bucket
	block  answer[*s3types.PublicAccessBlockConfiguration]
	policy answer[string]

	tried   answer[count] // with the key in the secret, under the prefix
	outside answer[count] // of the prefix
}

// A looker has the clients of one look.
type looker struct {
	config  aws.Config
	target  target.Target
	stacks  *cloudformation.Client
	secrets *secretsmanager.Client
	iam     *iam.Client
	s3      *s3.Client
	lambda  *lambda.Client
}

func newLooker(config aws.Config, t target.Target) looker {
	return looker{config, t, cloudformation.NewFromConfig(config), secretsmanager.NewFromConfig(config), iam.NewFromConfig(config), s3.NewFromConfig(config),
		lambda.NewFromConfig(config)}
}

// look sees everything. The value is read after the secret, and the keys after the value: a rotation makes a key before it
// is in a value, and a value before that is current.
func (l looker) look(ctx context.Context, now time.Time) facts {
	f := facts{now: now, target: l.target}
	var said answer[map[string]any]
	together(
		func() { f.stack = l.askStack(ctx) },
		func() { said = l.askProperties(ctx); l.lookAtFunction(ctx, &f, said.value) },
		func() { f.secret = l.askSecret(ctx); f.value = l.askValue(ctx, f.secret) },
	)
	f.identify(said)
	if !f.isNamed {
		return f.without("it is not known what it is called")
	}
	together(
		func() { f.pending = l.askPending(ctx, f.secret) },
		func() { l.lookAtUser(ctx, &f) },
		func() { l.lookAtBucket(ctx, &f) },
		func() { l.lookAtObjects(ctx, &f) },
	)
	return f
}

// without are facts of a set whose names are not known.
func (f facts) without(why string) facts {
	f.pending, f.user, f.keys = unasked[time.Time](why), unasked[*iamtypes.User](why), unasked[[]iamtypes.AccessKeyMetadata](why)
	f.tags, f.block, f.policy = unasked[map[string]string](why), unasked[*s3types.PublicAccessBlockConfiguration](why), unasked[string](why)
	f.tried, f.outside = unasked[count](why), unasked[count](why)
	return f
}

// together makes calls beside each other.
func together(calls ...func()) {
	var all conc.WaitGroup
	for _, call := range calls {
		all.Go(call)
	}
	all.Wait()
}
