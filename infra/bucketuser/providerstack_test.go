package bucketuser

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/spec"
)

// newProviderStack returns the stack as it is released.
func newProviderStack(t *testing.T) awscdk.Stack {
	t.Helper()
	return NewProviderStack(awscdk.NewApp(nil), jsii.String("BucketUserProvider"), &ProviderStackProps{Version: "1.2.3"})
}

func TestReleasedTemplateNeedsNoBootstrap(t *testing.T) {
	got := template(newProviderStack(t))
	for _, part := range []string{"Rules", "Mappings", "Metadata"} {
		if got[part] != nil {
			t.Errorf("%s: %v", part, got[part])
		}
	}
	if text := strings.ToLower(jsonOf(t, got)); strings.Contains(text, "cdk") || strings.Contains(text, "asset") {
		t.Error("the template knows of the CDK")
	}
	for name, parameter := range got["Parameters"].(map[string]any) {
		if _, ok := parameter.(map[string]any)["Default"]; !ok && name != "CodeBucket" {
			t.Errorf("parameter %s has no default", name)
		}
	}
}

// The template for cdk deploy is the released one but for the function's code.
func TestBothTemplatesHoldTheSameProvider(t *testing.T) {
	released := template(newProviderStack(t))
	deployed := template(NewProviderStack(awscdk.NewApp(nil), jsii.String("BucketUserProvider"), &ProviderStackProps{Code: dummyCode(t)}))
	for _, got := range []map[string]any{released, deployed} {
		for _, name := range []string{"CodeBucket", "CodePrefix", "Architecture", "BootstrapVersion"} {
			delete(got["Parameters"].(map[string]any), name)
		}
		delete(got, "Rules")
		delete(got["Conditions"].(map[string]any), "IsX86")
		delete(got, "Description")
		for _, function := range resources(got, "AWS::Lambda::Function") {
			delete(function["Properties"].(map[string]any), "Code")
			delete(function["Properties"].(map[string]any), "Architectures")
		}
	}
	if diff := cmp.Diff(released, deployed); diff != "" {
		t.Errorf("released and deployed differ (-released +deployed):\n%s", diff)
	}
}

// A template brings no function but its own version's, and that of the architecture that it asks for.
func TestTemplatePicksTheFileByVersionAndArchitecture(t *testing.T) {
	got := template(newProviderStack(t))
	const code = `{"S3Bucket":{"Ref":"CodeBucket"},"S3Key":{"Fn::Join":["",[{"Ref":"CodePrefix"},{"Fn::If":["IsX86","bucketuser_1.2.3_linux_amd64.zip","bucketuser_1.2.3_linux_arm64.zip"]}]]}}`
	functions := resources(got, "AWS::Lambda::Function")
	for id, function := range functions {
		properties := function["Properties"].(map[string]any)
		if where := jsonOf(t, properties["Code"]); where != code || jsonOf(t, properties["Architectures"]) != `[{"Ref":"Architecture"}]` {
			t.Errorf("%s: %s for %v", id, where, properties["Architectures"])
		}
	}
	const isX86 = `{"Fn::Equals":[{"Ref":"Architecture"},"x86_64"]}`
	if when := jsonOf(t, got["Conditions"].(map[string]any)["IsX86"]); len(functions) != 2 || when != isX86 {
		t.Errorf("%d functions, IsX86 when %s", len(functions), when)
	}
	if _, decides := got["Parameters"].(map[string]any)["CodeKey"]; decides {
		t.Error("a value of CodeKey that a deployment has kept would go with the rights of another version")
	}
}

func TestParametersReachRoleBoundaryAndFunction(t *testing.T) {
	text := jsonOf(t, template(newProviderStack(t)))
	const bucket, secret = `{"Ref":"BucketNamePattern"}`, `{"Ref":"SecretNamePattern"}`
	for what, want := range map[string]string{
		"rotated buckets":       `"s3:ListBucketVersions"],"Condition":{"StringEquals":{"s3:ResourceAccount":{"Ref":"AWS::AccountId"}}},"Effect":"Allow","Resource":{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":s3:::",` + bucket + `]]},"Sid":"PatternBuckets"`,
		"probes":                `"Resource":{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":s3:::",` + bucket + `,"/*/.bucketuser-probe"]]},"Sid":"PatternProbes"`,
		"rotated secrets":       `"secretsmanager:UpdateSecretVersionStage"],"Effect":"Allow","Resource":{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":secretsmanager:",{"Ref":"AWS::Region"},":",{"Ref":"AWS::AccountId"},":secret:",` + secret + `]]},"Sid":"PatternSecrets"`,
		"permission":            `"SourceAccount":{"Ref":"AWS::AccountId"},"SourceArn":{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":secretsmanager:",{"Ref":"AWS::Region"},":",{"Ref":"AWS::AccountId"},":secret:",` + secret + `]]}`,
		"keys of rotation":      `"Action":["kms:Decrypt","kms:GenerateDataKey"],"Condition":{"StringEquals":{"kms:ViaService":{"Fn::Join":["",["secretsmanager.",{"Ref":"AWS::Region"},".",{"Ref":"AWS::URLSuffix"}]]}}},"Effect":"Allow","Resource":{"Ref":"SecretKmsKeyArns"},"Sid":"SecretKey"`,
		"rights to buckets":     `"Resource":{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":s3:::",` + bucket + `]]},"Sid":"PatternBuckets"`,
		"rights to objects":     `"Resource":{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":s3:::",` + bucket + `,"/*"]]},"Sid":"PatternObjects"`,
		"rights to secrets":     `":secret:",` + secret + `]]},"Sid":"PatternSecrets"`,
		"boundary":              `"NotResource":[{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":s3:::",` + bucket + `]]},`,
		"function, buckets":     `"BUCKETUSER_BUCKET_PATTERN":` + bucket,
		"function, secrets":     `"BUCKETUSER_SECRET_PATTERN":` + secret,
		"function, name":        `"FunctionName":{"Fn::If":["HasFunctionName",{"Ref":"FunctionName"},{"Ref":"AWS::NoValue"}]}`,
		"role, boundary":        `"PermissionsBoundary":{"Fn::If":["HasRoleBoundary",{"Ref":"RoleBoundaryArn"},{"Ref":"AWS::NoValue"}]}`,
		"function, boundary":    `"BUCKETUSER_BOUNDARY_ARN":{"Fn::If":["HasBoundary",{"Ref":"BoundaryArn"},{"Ref":"ProviderBoundary`,
		"condition of users":    `"iam:PermissionsBoundary":{"Fn::If":["HasBoundary",{"Ref":"BoundaryArn"},{"Ref":"ProviderBoundary`,
		"log":                   `"RetentionInDays":{"Ref":"LogRetentionInDays"}`,
		"keys":                  `"Resource":{"Ref":"SecretKmsKeyArns"},"Sid":"SecretKey"`,
		"stacks of the account": `"Resource":{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":cloudformation:",{"Ref":"AWS::Region"},":",{"Ref":"AWS::AccountId"},":stack/*"]]},"Sid":"AskCloudFormation"`,
		"export":                `"Export":{"Name":{"Fn::Join":["",[{"Ref":"AWS::StackName"},"-ServiceToken"]]}}`,
		"parameter":             `"Name":{"Fn::Join":["",["/bucketuser/",{"Ref":"AWS::StackName"},"/ServiceToken"]]}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s: the template lacks %s", what, want)
		}
	}
}

// Whoever deploys with the defaults can leave every name out.
func TestDefaultPatternsFitGeneratedNames(t *testing.T) {
	parameters := template(newProviderStack(t))["Parameters"].(map[string]any)
	pattern := func(name string) string { return parameters[name].(map[string]any)["Default"].(string) }
	provider := spec.Provider{Partition: "aws", Region: "eu-west-1", Account: "111122223333", IAMPath: spec.DefaultIAMPath,
		BucketNamePattern: pattern(spec.BucketNamePatternParameter), SecretNamePattern: pattern(spec.SecretNamePatternParameter)}
	if _, err := spec.Parse(nil, "arn:aws:cloudformation:eu-west-1:111122223333:stack/s/0", "Data", provider); err != nil {
		t.Error(err)
	}
}

func TestValuesOfParameters(t *testing.T) {
	tests := []struct {
		parameter, value string
		accepted         bool
	}{
		{"BucketNamePattern", "clickhouse-*", true},
		{"BucketNamePattern", "one-bucket", true},
		{"BucketNamePattern", "*", false}, // every bucket of the account
		{"BucketNamePattern", "*-prod", false},
		{"BucketNamePattern", "a/*", false}, // objects
		{"BucketNamePattern", "a?", false},
		{"BucketNamePattern", "${aws:username}", false},
		{"BucketNamePattern", "", false},
		{"SecretNamePattern", "clickhouse/*", true},
		{"SecretNamePattern", "a*b*", true},
		{"SecretNamePattern", "*", false},
		{"SecretNamePattern", "clickhouse/s3", false}, // its ARN goes on with six characters
		{"SecretNamePattern", "a?*", false},
		{"BoundaryArn", "", true},
		{"BoundaryArn", "arn:aws-cn:iam::111122223333:policy/team/boundary", true},
		{"BoundaryArn", "arn:aws:iam::111122223333:role/boundary", false},
		{"RoleBoundaryArn", "", true},
		{"RoleBoundaryArn", "arn:aws:iam::111122223333:policy/organization/roles", true},
		{"RoleBoundaryArn", "roles", false},
		{"CodePrefix", "", true},
		{"CodePrefix", "a/", true},
		{"CodePrefix", "mirror/of/releases/", true},
		{"CodePrefix", "mirror", false}, // the file's name would follow at once
		{"CodePrefix", "/", false},
		{"FunctionName", "", true},
		{"FunctionName", "BucketUserProvider-ProviderFunction30350776-qtMNOyVvB2rT", true},
		{"FunctionName", "my_provider", true},
		{"FunctionName", "arn:aws:lambda:eu-west-1:111122223333:function:a", false}, // Lambda takes these, and a template is not the place
		{"FunctionName", "a:1", false},
		{"FunctionName", strings.Repeat("a", 65), false},
	}
	parameters := template(newProviderStack(t))["Parameters"].(map[string]any)
	for _, test := range tests {
		t.Run(path.Join(test.parameter, test.value), func(t *testing.T) {
			pattern := parameters[test.parameter].(map[string]any)["AllowedPattern"].(string)
			if got := regexp.MustCompile("^(?:" + pattern + ")$").MatchString(test.value); got != test.accepted {
				t.Errorf("accepted: %v", got)
			}
		})
	}
}

func TestReadmeListsEveryParameter(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range template(newProviderStack(t))["Parameters"].(map[string]any) {
		if !regexp.MustCompile("(?m)^\\| (`[A-Za-z]+`, )*`" + name + "`").Match(text) {
			t.Errorf("the table of infra/README.md lacks %s", name)
		}
	}
}

// Every action of the provider stack's roles is one of the construct's.
func TestProviderStackHoldsNoFurtherRights(t *testing.T) {
	for role, actions := range rightsInFull {
		got := slices.Sorted(maps.Keys(allowed(t, template(newProviderStack(t)), role)))
		if diff := cmp.Diff(strings.Fields(actions), got); diff != "" {
			t.Errorf("%s: actions (-construct +provider stack):\n%s", role, diff)
		}
	}
}
