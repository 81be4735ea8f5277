package bucketuser

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/spec"
)

// synthesized returns the properties of the resource in the template.
func synthesized(t *testing.T, props *BucketUserProps) map[string]any {
	t.Helper()
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Data"), props)
	return resources(template(stack), spec.ResourceType)["Data"]["Properties"].(map[string]any)
}

// The contract with the function: what stands in the template is what its parser
// reads, property by property.
func TestFunctionReadsWhatIsSynthesized(t *testing.T) {
	provider := spec.Provider{Partition: "aws", Region: "us-east-1", Account: "000000000000", IAMPath: "/bucketuser/"}
	got, err := spec.Parse(synthesized(t, full()),
		"arn:aws:cloudformation:us-east-1:000000000000:stack/Test/1", "Data", provider)
	if err != nil {
		t.Fatal(err)
	}
	want := spec.Properties{
		BucketName: "my-data", UserName: "clickhouse", SecretName: "clickhouse/s3", Prefix: "disks/a/", Access: "ReadOnly",
		Statements: []spec.ExtraStatement{{
			Sid: "Inventory", Effect: "Allow", Action: spec.StringList{"s3:GetObject", "s3:PutObjectTagging"},
			Resource:  spec.StringList{"/inventory/*", "arn:aws:s3:::my-data/manifest"},
			Condition: map[string]map[string]any{"StringEquals": {"s3:ExistingObjectTag/open": []any{"yes", "true"}}},
		}},
		OnDelete: "Purge", Versioning: jsii.Bool(true), AbortIncompleteUploadsAfterDays: new(int), ExpireNoncurrentAfterDays: 30,
		KeySerial: 3, PreviousKey: "Delete", RotateAfterDays: 44, SecretKmsKeyId: "alias/credentials", SecretRecoveryDays: 7,
		Tags: []spec.Tag{{Key: "cost", Value: "42"}, {Key: "team", Value: "data"}}, Trigger: "2026-11-26",
	}
	if diff := cmp.Diff(want, got.Properties); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
}

func TestDefaultsAreTheFunctions(t *testing.T) {
	got := synthesized(t, nil)
	delete(got, "ServiceToken")
	if diff := cmp.Diff(map[string]any{"ServiceTimeout": "3600"}, got); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
}

func TestEveryPropertyHasItsField(t *testing.T) {
	props, given := reflect.TypeFor[BucketUserProps](), synthesized(t, full())
	for _, property := range spec.Table {
		if _, ok := props.FieldByName(property.Name); !ok {
			t.Errorf("no field %s", property.Name)
		}
		if _, ok := given[property.Name]; !ok {
			t.Errorf("%s is not synthesized", property.Name)
		}
	}
}

func TestRefusedAtSynthesis(t *testing.T) {
	tests := []struct {
		name  string
		props BucketUserProps
		want  string // in the error, "" for none
	}{
		{"bucket name", BucketUserProps{BucketName: jsii.String("My_Data")}, "BucketName: must be 3 to 63"},
		{"access", BucketUserProps{Access: "Everything"}, "Access: must be one of ReadOnly, ReadWrite, Full"},
		{"on delete", BucketUserProps{OnDelete: "Keep"}, "OnDelete: must be one of"},
		{"half a day", BucketUserProps{SecretRecoveryDays: jsii.Number(7.5)}, "SecretRecoveryDays: must be"},
		{"negative serial", BucketUserProps{KeySerial: jsii.Number(-1)}, "KeySerial: must be from 0 to 999999999"},
		{"previous key", BucketUserProps{PreviousKey: "Retain"}, "PreviousKey: must be one of Keep, Delete"},
		{"schedule", BucketUserProps{RotateAfterDays: jsii.Number(1001)}, "RotateAfterDays: must be from 0 to 1000"},
		{"trigger", BucketUserProps{Trigger: jsii.String(strings.Repeat("ä", 1025))}, "Trigger: must be at most 1024 characters"},
		{"tag", BucketUserProps{Tags: map[string]string{"aws:x": "y"}}, "Tags: keys must not start"},
		{"statement outside", BucketUserProps{
			BucketName: jsii.String("mine"),
			Statements: []Statement{{Effect: "Allow", Action: []string{"s3:GetObject"}, Resource: []string{"arn:aws-cn:s3:::theirs/*"}}},
		}, "theirs/*\" is outside the bucket"},
		{"statement in another partition's bucket", BucketUserProps{
			BucketName: jsii.String("mine"),
			Statements: []Statement{{Effect: "Allow", Action: []string{"s3:GetObject"}, Resource: []string{"arn:aws-cn:s3:::mine/*"}}},
		}, ""},
		{"tokens", BucketUserProps{
			BucketName:                      jsii.String("mine-" + *awscdk.Aws_ACCOUNT_ID()),
			AbortIncompleteUploadsAfterDays: awscdk.Token_AsNumber(map[string]any{"Ref": "Days"}),
			KeySerial:                       awscdk.Token_AsNumber(map[string]any{"Ref": "Serial"}),
			Statements:                      []Statement{{Effect: "Allow", Action: []string{"s3:GetObject"}, Resource: []string{"arn:aws:s3:::mine-1/*"}}},
			Trigger:                         awscdk.Token_AsString(map[string]any{"Ref": "Again"}, nil),
		}, ""},
		{"bad value beside a token", BucketUserProps{
			BucketName: jsii.String("mine-" + *awscdk.Aws_ACCOUNT_ID()), Prefix: jsii.String("*"),
		}, "Prefix: must not contain"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stack := newStack(t, nil)
			NewBucketUser(stack, jsii.String("Data"), &test.props)
			got := strings.Join(messages(stack, "error"), "\n")
			if !strings.Contains(got, test.want) || (test.want == "") != (got == "") {
				t.Errorf("error %q, want %q", got, test.want)
			}
		})
	}
}

// TestBadValuesDoNotStopTheApp shows what the package comment says: an app that is run without the cdk CLI writes its template,
// and the value in it, and leaves the refusal in the metadata, which only the CLI reads.
func TestBadValuesDoNotStopTheApp(t *testing.T) {
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Data"), &BucketUserProps{Access: "Everything"})
	assembly := awscdk.Stage_Of(stack).Synth(nil)
	written, err := os.ReadFile(*assembly.GetStackByName(stack.StackName()).TemplateFullPath())
	if err != nil || !strings.Contains(string(written), `"Everything"`) {
		t.Errorf("the template: %v\n%s", err, written)
	}
	if refusals := messages(stack, "error"); len(refusals) != 1 {
		t.Errorf("refusals %q, want one", refusals)
	}
}

// Rows 21, 22, 27, 40 and A15: what a deployed resource may have is a warning at synthesis, and what S3 reserves an error.
func TestA15AtSynthesis(t *testing.T) {
	account := func(end string) *string {
		return jsii.String("mine-" + *awscdk.Aws_ACCOUNT_ID() + "-" + *awscdk.Aws_REGION() + end)
	}
	statement := func(s Statement) BucketUserProps {
		return BucketUserProps{BucketName: jsii.String("mine"), Statements: []Statement{s}}
	}
	tests := []struct {
		name         string
		props        BucketUserProps
		refused      string // in the error, "" for none
		outdatedText string // in the warning, "" for none
	}{
		{"braces", BucketUserProps{Prefix: jsii.String("a{b}/")}, "", `Prefix: must not contain "{": ClickHouse reads it as a pattern; a resource that has this value keeps it`},
		{"anchors", BucketUserProps{Prefix: jsii.String("a^b$")}, "", `Prefix: must not contain "^"`},
		{"stars", BucketUserProps{Prefix: jsii.String("{*}")}, `Prefix: must not contain "*"`, ""},
		{"braces beside a bad value", BucketUserProps{Prefix: jsii.String("a{b}/"), Access: "All"}, "Access: must be one of", `Prefix: must not contain "{"`},
		{"account regional", BucketUserProps{BucketName: jsii.String("mine-an")}, `BucketName: must not end with "-an"`, ""},
		{"account regional with tokens", BucketUserProps{BucketName: account("-an")}, `BucketName: must not end with "-an"`, ""},
		{"account regional, taken over", BucketUserProps{BucketName: account("-an"), OnDelete: OnDeleteRetain}, "", ""},
		{"account regional, perhaps taken over", BucketUserProps{BucketName: jsii.String("mine-an"), OnDelete: OnDelete(*awscdk.Token_AsString(map[string]any{"Ref": "OnDelete"}, nil))}, "", ""},
		{"tokens with another end", BucketUserProps{BucketName: account("-and-" + strings.Repeat("more", 20))}, "", ""},
		{"spelling", statement(Statement{Sid: "a b-c.", Effect: "Allow", Action: []string{"S3:getobject", "*"}}), "", ""},
		{"action of objects on the bucket", statement(Statement{Effect: "Allow", Action: []string{"s3:GetObject"}, Resource: []string{"arn:aws:s3:::mine"}}),
			`statement 1: Action "s3:GetObject" is about objects, and no Resource is`, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			stack := newStack(t, nil)
			NewBucketUser(stack, jsii.String("Data"), &test.props)
			for level, want := range map[string]string{"error": test.refused, "warning": test.outdatedText} {
				got := strings.Join(slices.DeleteFunc(messages(stack, level), func(text string) bool {
					return strings.Contains(text, "bucketuser:changeableName")
				}), "\n")
				if !strings.Contains(got, want) || (want == "") != (got == "") {
					t.Errorf("%s %q, want %q", level, got, want)
				}
			}
		})
	}
}

func TestServiceTimeout(t *testing.T) {
	tests := []struct {
		name    string
		timeout time.Duration
		event   float64 // greatest age of an event in seconds
		timeOut string  // in the resource
		want    string  // in the error, "" for none
	}{
		{"longest", time.Hour, 2700, "3600", ""},
		{"shortest", 16 * time.Minute, 60, "960", ""},
		{"shorter than a run of the function", 15 * time.Minute, 2700, "3600", "ServiceTimeout is 900 s"},
		{"longer than CloudFormation waits", 2 * time.Hour, 2700, "3600", "ServiceTimeout is 7200 s"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app := awscdk.NewApp(nil)
			stack := awscdk.NewStack(app, jsii.String("Test"), nil)
			NewProvider(stack, jsii.String(ProviderID), &ProviderProps{
				Code: dummyCode(t), ServiceTimeout: seconds(test.timeout),
			})
			NewBucketUser(stack, jsii.String("Data"), nil)
			if got := strings.Join(messages(stack, "error"), "\n"); !strings.Contains(got, test.want) || (test.want == "") != (got == "") {
				t.Errorf("error %q", got)
			}
			got := template(stack)
			if seconds := resources(got, spec.ResourceType)["Data"]["Properties"].(map[string]any)["ServiceTimeout"]; seconds != test.timeOut {
				t.Errorf("ServiceTimeout %v", seconds)
			}
			for _, delivery := range resources(got, "AWS::Lambda::EventInvokeConfig") {
				want := map[string]any{"MaximumEventAgeInSeconds": test.event, "MaximumRetryAttempts": 2.0}
				properties := delivery["Properties"].(map[string]any)
				delete(properties, "FunctionName")
				delete(properties, "Qualifier")
				if diff := cmp.Diff(want, properties); diff != "" {
					t.Errorf("delivery (-want +got):\n%s", diff)
				}
			}
		})
	}
}
