package bucketuser

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"bucketuser/lambda/spec"
)

// ProviderID is the id of the provider that the first resource of a stack makes.
// A provider made under it beforehand, as a child of the stack, serves them all.
const ProviderID = "BucketUserProvider"

// functionTimeout is the longest that Lambda gives: Purge may need it, and more than one run of it.
const functionTimeout = spec.FunctionTimeout

// maxNamed is how many resources with given names a provider takes without a
// warning: IAM attaches 10 managed policies to a role unless the account's quota is
// raised, and a rename holds one more for a while.
const maxNamed = 9

// A Provider is the function behind the resources of a stack, with its role, its
// log, the permissions boundary of the users that it makes, and the function that
// rotates their keys.
type Provider interface {
	constructs.Construct

	Function() awslambda.Function
	Role() awsiam.Role
	LogGroup() awslogs.LogGroup
	Boundary() awsiam.ManagedPolicy

	// RotationFunction is what Secrets Manager calls to rotate the key of a resource with
	// RotateAfterDays. Who may rotate by hand needs the right to invoke it, beside
	// secretsmanager:RotateSecret.
	RotationFunction() awslambda.Function
	// RotationRole is the role of that function. The policy of a KMS key names it beside Role.
	RotationRole() awsiam.Role

	serviceTimeout() awscdk.Duration
	admit(resource constructs.Construct, n names) []constructs.IDependable
}

// ProviderProps configure a provider. All are optional.
type ProviderProps struct {
	// Code holds the function as an executable named bootstrap, for Architecture.
	// Without it, the function is built from the sources of this module, which takes
	// the go command and fails under go mod vendor. The context can replace it, as
	// NewProvider tells.
	Code awslambda.Code

	// Architecture of the function, default that of the executable in the folder of Code, or
	// else ARM_64: the cheaper one.
	Architecture awslambda.Architecture

	// ServiceTimeout is how long CloudFormation waits for an answer before it gives
	// up and rolls back, from 16 minutes to 1 hour, default 1 hour. It bounds the
	// time for which an event may be delivered again. A Delete that empties a big
	// bucket has three runs of 15 minutes with 50 minutes or more, two with 32, else one.
	ServiceTimeout awscdk.Duration

	// LogRetention of the function's log group, default one month: long enough to
	// explain a failed deployment. Who made which key is CloudTrail's to keep.
	LogRetention awslogs.RetentionDays
}

type provider struct {
	constructs.Construct
	function awslambda.Function
	role     awsiam.Role
	log      awslogs.LogGroup
	boundary awsiam.ManagedPolicy
	timeout  awscdk.Duration

	rotation     awslambda.Function
	rotationRole awsiam.Role

	needed []constructs.IDependable // by every resource, from before it is made until after it is gone
	named  int                      // resources with policies of their own so far
}

func (p *provider) Function() awslambda.Function    { return p.function }
func (p *provider) Role() awsiam.Role               { return p.role }
func (p *provider) LogGroup() awslogs.LogGroup      { return p.log }
func (p *provider) Boundary() awsiam.ManagedPolicy  { return p.boundary }
func (p *provider) serviceTimeout() awscdk.Duration { return p.timeout }

func (p *provider) RotationFunction() awslambda.Function { return p.rotation }
func (p *provider) RotationRole() awsiam.Role            { return p.rotationRole }

// providerOf returns the stack's own provider, and makes it on first use.
func providerOf(stack awscdk.Stack) Provider {
	if p, ok := stack.Node().TryFindChild(jsii.String(ProviderID)).(*provider); ok {
		return p
	}
	return NewProvider(stack, jsii.String(ProviderID), nil)
}

// NewProvider adds a provider to the stack of scope. Resources find it if scope is
// the stack and id is [ProviderID]; otherwise it is passed to them.
//
// The context of the app replaces what props say of the function, so that any app can be
// deployed with a function that is built already, without an edit:
//
//	bucketuser:code          folder with an executable called bootstrap, instead of Code and Architecture
//	bucketuser:architecture  arm64 or x86_64, instead of Architecture; must be that of the executable, if there is one
//
// They come with the command line, as in cdk deploy -c bucketuser:code=/built/function, or from
// cdk.json or cdk.context.json. A folder is absolute, or seen from where the app runs. Where
// neither context nor Code name a function, the environment variable BUCKETUSER_CODE may, instead of
// one that is built: in the shell of the embedded AWS it names one that can answer there. A function
// that can not, and one of another architecture, are refused when the template is synthesized.
//
// Where an organization demands a permissions boundary on every role, CDK's own means
// put it on the provider's two: [awsiam.PermissionsBoundary_Of] the app or the stack, or
// the context key @aws-cdk/core:permissionsBoundary, as an example shows. Such a
// boundary must allow whatever the policies of [Provider].Role and RotationRole allow, as a
// role has no right that its policies or its boundary lack. It does not reach the users, whom the
// function makes: they have [Provider].Boundary.
func NewProvider(scope constructs.Construct, id *string, props *ProviderProps) Provider {
	if props == nil {
		props = &ProviderProps{}
	}
	stack := awscdk.Stack_Of(scope)
	return newProvider(scope, id, props, func(p *provider) terms {
		at := placeOf(stack)
		boundary := newBoundary(p, at, "")
		return terms{limits: at.generated(*stack.StackId()), boundary: boundary, boundaryArn: boundary.ManagedPolicyArn()}
	})
}

// terms are what a provider of one stack and the provider of all stacks differ in.
type terms struct {
	limits      limits
	boundary    awsiam.ManagedPolicy
	boundaryArn *string            // of the users' boundary, which may be another
	environment map[string]*string // of the functions, beside what every provider's have
}

// variables are the environment of both functions.
func (t terms) variables() *map[string]*string {
	all := map[string]*string{
		"BUCKETUSER_IAM_PATH":     jsii.String(spec.DefaultIAMPath),
		"BUCKETUSER_BOUNDARY_ARN": t.boundaryArn,
	}
	maps.Copy(all, t.environment)
	return &all
}

// newProvider makes what both kinds of provider have in common.
func newProvider(scope constructs.Construct, id *string, props *ProviderProps, termsOf func(*provider) terms) *provider {
	p := &provider{}
	constructs.NewConstruct_Override(p, scope, id)
	at := placeOf(awscdk.Stack_Of(p))

	p.log = newLog(p, props.LogRetention)
	t := termsOf(p)
	p.boundary = t.boundary
	p.role = awsiam.NewRole(p, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy:   awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
		Description: jsii.String("Makes the buckets, users and secrets of Custom::BucketUser"),
	})
	p.newFunctions(props, t)
	// Not an inline policy of the role itself: CloudFormation would make role and
	// boundary one after the other.
	rights := awsiam.NewPolicy(p, jsii.String("Rights"), &awsiam.PolicyProps{
		Roles:      &[]awsiam.IRole{p.role},
		Statements: newStatements(at.providerStatements(t.limits, *t.boundaryArn, *p.log.LogGroupArn(), *p.rotation.FunctionArn())),
	})

	p.timeout = p.serviceTimeoutOf(props)
	// CloudFormation invokes asynchronously: a crash is healed by the same event two
	// more times, and a Delete that is out of time before the bucket is empty goes on so:
	// the function counts on two. The last start must leave the function time to answer before
	// CloudFormation stops listening, or a late Create would follow its own Delete.
	delivery := awslambda.NewEventInvokeConfig(p, jsii.String("Delivery"), &awslambda.EventInvokeConfigProps{
		Function:      p.function,
		RetryAttempts: jsii.Number(2),
		MaxEventAge:   p.timeout.Minus(seconds(functionTimeout)),
	})
	p.needed = append(p.needed, rights, delivery)
	return p
}

func newLog(p *provider, retention awslogs.RetentionDays) awslogs.LogGroup {
	if retention == "" {
		retention = awslogs.RetentionDays_ONE_MONTH
	}
	return awslogs.NewLogGroup(p, jsii.String("Log"), &awslogs.LogGroupProps{
		Retention:     retention,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY, // nothing is left of a destroyed stack
	})
}

// newFunctions makes the two functions of one program.
func (p *provider) newFunctions(props *ProviderProps, t terms) {
	own := &builder{}
	both := p.programOf(props, own)
	p.newRotation(both, t)
	environment := t.variables()
	(*environment)[rotationVariable] = p.rotation.FunctionArn()
	p.function = p.newLambda("Function", both, &awslambda.FunctionProps{
		Description: jsii.String("Makes what Custom::BucketUser describes"),
		Handler:     jsii.String("bootstrap"),
		Role:        p.role,
		Timeout:     seconds(functionTimeout),
		// The function uses some 50 MB, but Lambda gives CPU in proportion to memory:
		// this is 0.3 of a core, enough to keep up with S3 when a bucket is emptied.
		MemorySize:  jsii.Number(512),
		Environment: environment,
	})
	if own.err != nil {
		p.fault(fmt.Sprintf("the function cannot be built: %v; pass -c %s=<folder with bootstrap>, "+
			"or ProviderProps.Code", own.err, CodeKey))
	}
}

// newLambda makes a function of the program with what both have in common.
func (p *provider) newLambda(id string, of program, props *awslambda.FunctionProps) awslambda.Function {
	props.Runtime = awslambda.Runtime_PROVIDED_AL2023()
	props.Code, props.Architecture, props.LogGroup = of.code, of.architecture, p.log
	return awslambda.NewFunction(p, &id, props)
}

// serviceTimeoutOf returns the ServiceTimeout of the props, or CloudFormation's
// longest if there is none or it is out of range, which is an error.
func (p *provider) serviceTimeoutOf(props *ProviderProps) awscdk.Duration {
	const longest, shortest = time.Hour, functionTimeout + time.Minute // Lambda keeps events for a minute or more
	if props.ServiceTimeout == nil {
		return seconds(longest)
	}
	if s := *props.ServiceTimeout.ToSeconds(nil); s < shortest.Seconds() || s > longest.Seconds() {
		p.fault(fmt.Sprintf("ServiceTimeout is %v s; it must be from %v to %v s", s, shortest.Seconds(), longest.Seconds()))
		return seconds(longest)
	}
	return props.ServiceTimeout
}

// admit gives the provider the right to the names of a resource, in policies that
// come and go with them, and returns what the resource depends on: all of it
// must be there before the resource is made and until after it is removed.
func (p *provider) admit(resource constructs.Construct, n names) []constructs.IDependable {
	stack := awscdk.Stack_Of(p)
	if *stack.Node().Path() != *awscdk.Stack_Of(resource).Node().Path() {
		awscdk.Annotations_Of(resource).AddError(jsii.String(
			"Provider: belongs to another stack; a provider may only ask CloudFormation about its own"))
	}
	at, needed := placeOf(stack), slices.Clone(p.needed)
	statements := n.statements(at)
	if len(statements) == 0 {
		return needed
	}
	if n.mayChange(stack) {
		awscdk.Annotations_Of(resource).AddWarningV2(jsii.String("bucketuser:changeableName"), jsii.String(
			"BucketName or SecretName comes from a parameter or another resource: a deployment that changes it fails, "+
				"for want of the right to the old name, and so may its rollback"))
	}
	if p.named++; p.named > maxNamed {
		awscdk.Annotations_Of(resource).AddWarningV2(jsii.String("bucketuser:manyNames"), jsii.String(fmt.Sprintf(
			"Provider: serves %d resources with given names, each with a policy for each of two roles, and IAM attaches 10 to a role by default; "+
				"give some another Provider, or leave BucketName, SecretName and SecretKmsKeyId out", p.named)))
	}
	// Managed, as the inline policies of a role share 10,240 characters: four or five
	// of these. The description must stay, as a change replaces the policy.
	hash := n.hash(stack)
	rights := awsiam.NewManagedPolicy(resource, jsii.String("Rights"+hash), &awsiam.ManagedPolicyProps{
		Description: jsii.String("What a provider of Custom::BucketUser may do under names that were given"),
		Roles:       &[]awsiam.IRole{p.role},
		Statements:  newStatements(statements),
	})
	ofRotation := awsiam.NewManagedPolicy(resource, jsii.String("RotationRights"+hash), &awsiam.ManagedPolicyProps{
		Description: jsii.String("What the rotation of Custom::BucketUser may do under names that were given"),
		Roles:       &[]awsiam.IRole{p.rotationRole},
		Statements:  newStatements(n.rotationStatements(at)),
	})
	needed = append(needed, rights, ofRotation)
	if n.secret != "" {
		needed = append(needed, p.permitRotation(resource, "RotationPermission"+hash, at, at.namedSecret(n.secret)))
	}
	return needed
}

// fault makes the cdk command stop with a message about the provider.
func (p *provider) fault(message string) { awscdk.Annotations_Of(p).AddError(&message) }

func seconds(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(jsii.Number(d.Seconds()))
}
