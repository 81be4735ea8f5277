package bucketuser

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"bucketuser/infra/internal/compile"
	"bucketuser/lambda/spec"
)

// ProviderStackProps configure a provider stack. All are optional.
type ProviderStackProps struct {
	// StackName, default the id. It is part of what the stack publishes.
	StackName *string

	// Code and Architecture of the function, as in ProviderProps. The context can replace them
	// here too, unless there is a Version.
	Code         awslambda.Code
	Architecture awslambda.Architecture

	// Version makes a template to be released under it: Code and Architecture become
	// parameters, and it is deployed without cdk bootstrap. ProviderStackProps.Code
	// and Architecture are ignored then.
	Version string
}

// NewProviderStack adds a stack with a provider that serves all stacks of its account
// and region. They embed the resource with the service token, which the stack
// publishes as the export <stack name>-ServiceToken and as the SSM parameter
// /bucketuser/<stack name>/ServiceToken.
//
// Where a construct knows the names of its resources, this provider is limited by
// patterns. These are parameters of the stack, like all that its operator decides;
// they stand in the role, in the users' boundary and in the function's environment.
// A permissions boundary that the app gives its roles takes the place of the parameter
// RoleBoundaryArn.
func NewProviderStack(scope constructs.Construct, id *string, props *ProviderStackProps) awscdk.Stack {
	if props == nil {
		props = &ProviderStackProps{}
	}
	stackProps := &awscdk.StackProps{
		StackName:   props.StackName,
		Description: jsii.String("Provider of " + spec.ResourceType),
	}
	if props.Version != "" {
		stackProps.Description = jsii.String(*stackProps.Description + ", version " + props.Version)
		stackProps.Synthesizer = awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{
			GenerateBootstrapVersionRule: jsii.Bool(false),
		})
	}
	stack := awscdk.NewStack(scope, id, stackProps)
	providerProps := &ProviderProps{Code: props.Code, Architecture: props.Architecture}
	if props.Version != "" {
		providerProps.Code, providerProps.Architecture = codeParameters(stack, props.Version)
	}
	v := newParameters(stack)
	provider := newProvider(stack, jsii.String("Provider"), providerProps, v.terms)
	v.apply(provider)
	publish(stack, provider)
	return stack
}

// codeParameters are where the released function is. The file's name is of the template: a template
// with other rights can bring no other version's function, and Architecture alone picks the file.
func codeParameters(stack awscdk.Stack, version string) (awslambda.Code, awslambda.Architecture) {
	bucket := awscdk.NewCfnParameter(stack, jsii.String("CodeBucket"), &awscdk.CfnParameterProps{
		Description: jsii.String("Bucket of this region that holds the function's zip file, under the name that the release has for it"),
	})
	prefix := awscdk.NewCfnParameter(stack, jsii.String("CodePrefix"), &awscdk.CfnParameterProps{
		Description:           jsii.String("What stands before that name in the bucket, such as mirror/; empty for nothing"),
		Default:               "",
		AllowedPattern:        jsii.String("|[^/].*/"),
		ConstraintDescription: jsii.String("must end in /, and not start with it, or be empty"),
	})
	architecture := awscdk.NewCfnParameter(stack, jsii.String("Architecture"), &awscdk.CfnParameterProps{
		Description:   jsii.String("Of the function: arm64, or x86_64 for the file that ends in linux_amd64.zip"),
		Default:       "arm64",
		AllowedValues: jsii.Strings("arm64", "x86_64"),
	})
	// No mapping: a key of one has no underscore, as x86_64 has.
	isX86 := awscdk.NewCfnCondition(stack, jsii.String("IsX86"), &awscdk.CfnConditionProps{
		Expression: awscdk.Fn_ConditionEquals(architecture.ValueAsString(), "x86_64"),
	})
	file := awscdk.Fn_ConditionIf(isX86.LogicalId(), compile.ZipFile(version, "amd64"), compile.ZipFile(version, "arm64"))
	key := *prefix.ValueAsString() + *awscdk.Token_AsString(file, nil)
	code := awslambda.Code_FromBucket(awss3.Bucket_FromBucketName(stack, jsii.String("Code"), bucket.ValueAsString()), &key, nil)
	return code, awslambda.Architecture_Custom(architecture.ValueAsString(), nil)
}

// parameters are what the operator of a provider stack decides.
type parameters struct {
	buckets, secrets, retention, keys, boundary, roleBoundary, functionName awscdk.CfnParameter
	hasKeys, hasBoundary, hasRoleBoundary, hasFunctionName                  awscdk.CfnCondition
}

// managedPolicyOrNone is what a parameter takes that names a permissions boundary.
const managedPolicyOrNone = "|arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/.+"

// logRetentions are the days that CloudWatch Logs knows, up to ten years.
var logRetentions = []string{"1", "3", "5", "7", "14", "30", "60", "90", "120", "150", "180", "365", "400", "545", "731",
	"1096", "1827", "2192", "2557", "2922", "3288", "3653"}

func newParameters(stack awscdk.Stack) *parameters {
	v := &parameters{
		buckets: awscdk.NewCfnParameter(stack, jsii.String(spec.BucketNamePatternParameter), &awscdk.CfnParameterProps{
			Description:           jsii.String("Buckets that the provider serves; * stands for any characters. The default is that of generated names"),
			Default:               spec.GeneratedBucketPrefix + "*",
			AllowedPattern:        jsii.String("[a-z0-9][a-z0-9*-]{0,62}"),
			ConstraintDescription: jsii.String("must be at most 63 lower-case letters, digits, hyphens and *, not * first"),
		}),
		// Secrets Manager ends the ARN of a secret with six random characters.
		secrets: awscdk.NewCfnParameter(stack, jsii.String(spec.SecretNamePatternParameter), &awscdk.CfnParameterProps{
			Description:           jsii.String("Secrets that the provider serves; ends in *, which stands for any characters"),
			Default:               spec.GeneratedSecretPrefix + "*",
			AllowedPattern:        jsii.String(`[A-Za-z0-9/_+=.@-][A-Za-z0-9/_+=.@*-]{0,254}\*`),
			ConstraintDescription: jsii.String("must be at most 256 letters, digits and characters of /_+=.@-*, not * first, and * last"),
		}),
		retention: awscdk.NewCfnParameter(stack, jsii.String("LogRetentionInDays"), &awscdk.CfnParameterProps{
			Description:   jsii.String("Of the functions' log group"),
			Type:          jsii.String("Number"),
			Default:       "30",
			AllowedValues: jsii.Strings(logRetentions...),
		}),
		keys: awscdk.NewCfnParameter(stack, jsii.String("SecretKmsKeyArns"), &awscdk.CfnParameterProps{
			Description: jsii.String("ARNs of the KMS keys that SecretKmsKeyId may name, with commas between; none for aws/secretsmanager alone"),
			Type:        jsii.String("CommaDelimitedList"),
			Default:     "",
		}),
		boundary: awscdk.NewCfnParameter(stack, jsii.String("BoundaryArn"), &awscdk.CfnParameterProps{
			Description: jsii.String("Permissions boundary for new users instead of this stack's own; must hold the statements of " +
				"boundary.json. Not that of the functions' roles, which is RoleBoundaryArn"),
			Default:               "",
			AllowedPattern:        jsii.String(managedPolicyOrNone),
			ConstraintDescription: jsii.String("must be the ARN of a managed policy, or empty"),
		}),
		roleBoundary: awscdk.NewCfnParameter(stack, jsii.String("RoleBoundaryArn"), &awscdk.CfnParameterProps{
			Description: jsii.String("Permissions boundary of the functions' roles, where an organization demands one; must allow " +
				"whatever the roles' own policies allow. Not that of the users, which is BoundaryArn"),
			Default:               "",
			AllowedPattern:        jsii.String(managedPolicyOrNone),
			ConstraintDescription: jsii.String("must be the ARN of a managed policy, or empty"),
		}),
		// CloudFormation refuses another service token for a resource that exists
		// ("Modifying service token is not allowed"), and sends the old one its Delete.
		functionName: awscdk.NewCfnParameter(stack, jsii.String("FunctionName"), &awscdk.CfnParameterProps{
			Description: jsii.String("Name of the function, empty for a generated one. For a provider that was deleted: the name that its function had. " +
				"Otherwise leave it as it is: another name is another function, and whatever the provider has made can neither be updated nor deleted"),
			Default:               "",
			AllowedPattern:        jsii.String("|[A-Za-z0-9_-]{1,64}"),
			ConstraintDescription: jsii.String("must be at most 64 letters, digits, hyphens and underscores, or empty"),
		}),
	}
	given := func(id string, value any) awscdk.CfnCondition {
		return awscdk.NewCfnCondition(stack, &id, &awscdk.CfnConditionProps{
			Expression: awscdk.Fn_ConditionNot(awscdk.Fn_ConditionEquals(value, "")),
		})
	}
	v.hasKeys = given("HasSecretKmsKeys", awscdk.Fn_Join(jsii.String(""), v.keys.ValueAsList()))
	v.hasBoundary = given("HasBoundary", v.boundary.ValueAsString())
	v.hasRoleBoundary = given("HasRoleBoundary", v.roleBoundary.ValueAsString())
	v.hasFunctionName = given("HasFunctionName", v.functionName.ValueAsString())
	return v
}

// terms of a provider for all stacks. The stack's own boundary is there in any case:
// it cannot be deleted as long as a user has it.
func (v *parameters) terms(p *provider) terms {
	at := placeOf(awscdk.Stack_Of(p))
	boundary := newBoundary(p, at, *v.buckets.ValueAsString())
	either := awscdk.Fn_ConditionIf(v.hasBoundary.LogicalId(), v.boundary.ValueAsString(), boundary.ManagedPolicyArn())
	return terms{
		limits: limits{
			buckets: *v.buckets.ValueAsString(),
			secrets: *v.secrets.ValueAsString(),
			stacks:  "arn:" + at.partition + ":cloudformation:" + at.region + ":" + at.account + ":stack/*",
		},
		boundary:    boundary,
		boundaryArn: awscdk.Token_AsString(either, nil),
		environment: map[string]*string{
			"BUCKETUSER_BUCKET_PATTERN": v.buckets.ValueAsString(),
			"BUCKETUSER_SECRET_PATTERN": v.secrets.ValueAsString(),
		},
	}
}

// apply puts the parameters in place that CDK's own props have no room for.
func (v *parameters) apply(p *provider) {
	p.log.Node().DefaultChild().(awslogs.CfnLogGroup).SetRetentionInDays(v.retention.ValueAsNumber())
	for _, role := range []awsiam.Role{p.role, p.rotationRole} {
		role.Node().DefaultChild().(awsiam.CfnRole).SetPermissionsBoundary(orNone(v.hasRoleBoundary, v.roleBoundary))
	}
	p.function.Node().DefaultChild().(awslambda.CfnFunction).SetFunctionName(orNone(v.hasFunctionName, v.functionName))
	awscdk.Validations_Of(awscdk.Stack_Of(p)).Acknowledge(&awscdk.Acknowledgment{
		Id: jsii.String("CloudFormation-Validate::W2509"), Reason: jsii.String("a pattern of names is no password"),
	})
	// CDK's validation puts the default of a parameter in its place without regard to the condition.
	for _, bearer := range []constructs.IConstruct{p.role, p.rotationRole, p.function} {
		for _, rule := range []string{"F3031", "F3033"} { // pattern and length of a property
			awscdk.Validations_Of(bearer).Acknowledge(&awscdk.Acknowledgment{
				Id: jsii.String("CloudFormation-Validate::" + rule), Reason: jsii.String("a parameter that is empty leaves the property out"),
			})
		}
	}
	v.allowKeys(p, "Keys", p.role, keyActions())
	v.allowKeys(p, "RotationKeys", p.rotationRole, rotationKeyActions())
}

// allowKeys gives a role the right to the KMS keys of the parameter, if there are any.
func (v *parameters) allowKeys(p *provider, id string, role awsiam.IRole, actions []string) {
	keys := awsiam.NewPolicy(p, &id, &awsiam.PolicyProps{
		Roles: &[]awsiam.IRole{role},
		Statements: newStatements([]*awsiam.PolicyStatementProps{
			placeOf(awscdk.Stack_Of(p)).keysStatement(v.keys.ValueAsList(), actions),
		}),
	})
	keys.Node().DefaultChild().(awsiam.CfnPolicy).CfnOptions().SetCondition(v.hasKeys)
}

// orNone is the value of a property that is absent while the parameter is empty.
func orNone(given awscdk.CfnCondition, parameter awscdk.CfnParameter) *string {
	value := awscdk.Fn_ConditionIf(given.LogicalId(), parameter.ValueAsString(), awscdk.Aws_NO_VALUE())
	return awscdk.Token_AsString(value, nil)
}

// publish makes the service token known to other stacks: as an export, which keeps
// the provider from being deleted under them, and as a parameter, which does not.
func publish(stack awscdk.Stack, p *provider) {
	token := awscdk.NewCfnOutput(stack, jsii.String("ServiceToken"), &awscdk.CfnOutputProps{
		Description: jsii.String("ServiceToken of every " + spec.ResourceType),
		Value:       p.function.FunctionArn(),
	})
	token.SetExportName(jsii.String(*awscdk.Aws_STACK_NAME() + "-ServiceToken"))
	awscdk.NewCfnOutput(stack, jsii.String("RoleArn"), &awscdk.CfnOutputProps{
		Description: jsii.String("The function's role, for the policies of KMS keys"),
		Value:       p.role.RoleArn(),
	})
	awscdk.NewCfnOutput(stack, jsii.String("RotationRoleArn"), &awscdk.CfnOutputProps{
		Description: jsii.String("The role of the function that rotates keys, for the policies of KMS keys"),
		Value:       p.rotationRole.RoleArn(),
	})
	awscdk.NewCfnOutput(stack, jsii.String("RotationFunctionArn"), &awscdk.CfnOutputProps{
		Description: jsii.String("The function that rotates keys, for the policies of those who may rotate"),
		Value:       p.rotation.FunctionArn(),
	})
	parameter := awsssm.NewCfnParameter(stack, jsii.String("ServiceTokenParameter"), &awsssm.CfnParameterProps{
		Description: jsii.String("ServiceToken of every " + spec.ResourceType),
		Name:        jsii.String("/bucketuser/" + *awscdk.Aws_STACK_NAME() + "/ServiceToken"),
		Type:        jsii.String("String"),
		Value:       p.function.FunctionArn(),
	})
	// Whoever reads the parameter finds a provider that can work.
	parameter.Node().AddDependency(p.needed...)
}
