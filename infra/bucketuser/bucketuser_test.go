package bucketuser

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/spec"
)

func TestMain(m *testing.M) {
	// A shell of the embedded AWS names a function of its own.
	os.Unsetenv("AWS_ENDPOINT_URL")
	os.Unsetenv(CodeVariable)
	code := m.Run()
	if !raceDetector() { // Close waits for the process twice at a time, in jsii's own code
		jsii.Close()
	}
	os.Exit(code)
}

func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// newStack returns a stack whose provider takes a file instead of building the
// function.
func newStack(t *testing.T, context map[string]any) awscdk.Stack {
	t.Helper()
	app := awscdk.NewApp(&awscdk.AppProps{Context: &context})
	stack := awscdk.NewStack(app, jsii.String("Test"), nil)
	NewProvider(stack, jsii.String(ProviderID), &ProviderProps{Code: dummyCode(t)})
	return stack
}

func dummyCode(t *testing.T) awslambda.Code {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "bootstrap"), []byte("dummy"), 0o755); err != nil {
		t.Fatal(err)
	}
	return awslambda.Code_FromAsset(&folder, nil)
}

// full returns props with every property set to something else than its default.
func full() *BucketUserProps {
	return &BucketUserProps{
		BucketName:   jsii.String("my-data"),
		UserName:     jsii.String("clickhouse"),
		SecretName:   jsii.String("clickhouse/s3"),
		Prefix:       jsii.String("disks/a/"),
		FolderMarker: jsii.Bool(false),
		Access:       AccessReadOnly,
		Statements: []Statement{{
			Sid:       "Inventory",
			Effect:    "Allow",
			Action:    []string{"s3:GetObject", "s3:PutObjectTagging"},
			Resource:  []string{"/inventory/*", "arn:aws:s3:::my-data/manifest"},
			Condition: map[string]map[string]any{"StringEquals": {"s3:ExistingObjectTag/open": []string{"yes", "true"}}},
		}},
		EnforceTls:                      jsii.Bool(false),
		OnDelete:                        OnDeletePurge,
		Versioning:                      jsii.Bool(true),
		AbortIncompleteUploadsAfterDays: jsii.Number(0),
		ExpireNoncurrentAfterDays:       jsii.Number(30),
		KeySerial:                       jsii.Number(3),
		PreviousKey:                     PreviousKeyDelete,
		RotateAfterDays:                 jsii.Number(44),
		SecretKmsKeyId:                  jsii.String("alias/credentials"),
		SecretRecoveryDays:              jsii.Number(7),
		Tags:                            map[string]string{"team": "data", "cost": "42"},
		Trigger:                         jsii.String("2026-11-26"),
		VerifyCredentials:               jsii.Bool(false),
	}
}

// template returns the stack's template as decoded JSON.
func template(stack awscdk.Stack) map[string]any {
	return *assertions.Template_FromStack(stack, nil).ToJSON()
}

// resources returns the resources of one type, by logical id.
func resources(template map[string]any, typ string) map[string]map[string]any {
	found := map[string]map[string]any{}
	for id, resource := range template["Resources"].(map[string]any) {
		if r := resource.(map[string]any); r["Type"] == typ {
			found[id] = r
		}
	}
	return found
}

// messages returns the annotations of a stack at one level, "error" or "warning",
// each behind the path of its construct.
func messages(stack awscdk.Stack, level string) []string {
	var texts []string
	for _, construct := range *stack.Node().FindAll(constructs.ConstructOrder_PREORDER) {
		for _, entry := range *construct.Node().Metadata() {
			if *entry.Type == "aws:cdk:"+level {
				texts = append(texts, fmt.Sprintf("/%s: %s", *construct.Node().Path(), entry.Data))
			}
		}
	}
	return texts
}

var update = flag.Bool("update", false, "rewrite the golden templates")

func TestGolden(t *testing.T) {
	tests := map[string]func(*testing.T) awscdk.Stack{
		"minimal": func(t *testing.T) awscdk.Stack {
			stack := newStack(t, nil)
			NewBucketUser(stack, jsii.String("Data"), nil)
			return stack
		},
		"full": func(t *testing.T) awscdk.Stack {
			stack := newStack(t, nil)
			NewBucketUser(stack, jsii.String("Data"), full())
			NewBucketUser(stack, jsii.String("Backups"), &BucketUserProps{OnDelete: OnDeleteRetain})
			return stack
		},
		"provider": newProviderStack,
	}
	for name, build := range tests {
		t.Run(name, func(t *testing.T) {
			stack := build(t)
			if errors := messages(stack, "error"); errors != nil {
				t.Fatal(errors)
			}
			text, err := json.MarshalIndent(template(stack), "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got := regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllString(string(text), "HASH") + "\n"
			compareGolden(t, filepath.Join("testdata", name+".json"), got)
		})
	}
}

// compareGolden compares a text with a file, or writes it there with -update.
func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("go test ./infra/bucketuser -update accepts this (-want +got):\n%s", diff)
	}
}

func TestLogicalIDIsTheConstructsOwn(t *testing.T) {
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("Data"), nil)
	if _, ok := resources(template(stack), spec.ResourceType)["Data"]; !ok {
		t.Error("another logical id: every deployed resource would be replaced")
	}
}

func TestAttributesAreTheReturnValues(t *testing.T) {
	stack := newStack(t, nil)
	b := NewBucketUser(stack, jsii.String("Data"), nil)
	attributes := map[string]*string{
		"UserName": b.UserName(), "UserArn": b.UserArn(), "AccessKeyId": b.AccessKeyId(),
		"BucketName": b.BucketName(), "BucketArn": b.BucketArn(), "Prefix": b.Prefix(), "Region": b.Region(),
		"Url": b.Url(), "BackupUrl": b.BackupUrl(),
		"SecretArn": b.SecretArn(), "SecretName": b.SecretName(), "SecretVersionId": b.SecretVersionId(),
	}
	for _, value := range spec.ReturnValues {
		want := map[string]any{"Fn::GetAtt": []any{"Data", value.Name}}
		if diff := cmp.Diff(want, stack.Resolve(attributes[value.Name])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", value.Name, diff)
		}
	}
	if len(attributes) != len(spec.ReturnValues) {
		t.Errorf("%d attributes, %d return values", len(attributes), len(spec.ReturnValues))
	}
}

func TestIsAScopeADependencyAndATagTarget(t *testing.T) {
	stack := newStack(t, nil)
	b := NewBucketUser(stack, jsii.String("Data"), nil)
	awssns.NewTopic(b, jsii.String("Inside"), nil)
	after := awssns.NewTopic(stack, jsii.String("After"), nil)
	after.Node().AddDependency(b)
	awscdk.Tags_Of(b).Add(jsii.String("team"), jsii.String("data"), nil)
	awscdk.Tags_Of(stack.Node().FindChild(jsii.String(ProviderID))).Add(jsii.String("team"), jsii.String("data"), nil)

	topics := resources(template(stack), "AWS::SNS::Topic")
	for id, topic := range topics {
		if strings.HasPrefix(id, "DataInside") {
			if diff := cmp.Diff([]any{map[string]any{"Key": "team", "Value": "data"}}, topic["Properties"].(map[string]any)["Tags"]); diff != "" {
				t.Errorf("tags inside (-want +got):\n%s", diff)
			}
		} else if needed, _ := topic["DependsOn"].([]any); !slices.Contains(needed, any("Data")) {
			t.Errorf("%s does not depend on Data: %v", id, topic["DependsOn"])
		}
	}
	if len(topics) != 2 {
		t.Errorf("%d topics", len(topics))
	}
}

func TestSecretAndBucketCanBeGranted(t *testing.T) {
	stack := newStack(t, nil)
	b := NewBucketUser(stack, jsii.String("Data"), nil)
	reader := awsiam.NewUser(stack, jsii.String("Reader"), nil)
	b.Secret().GrantRead(reader, nil)
	b.Bucket().GrantRead(reader, nil)

	text := jsonOf(t, resources(template(stack), "AWS::IAM::Policy"))
	for _, want := range []string{
		`"Action":["secretsmanager:GetSecretValue","secretsmanager:DescribeSecret"],"Effect":"Allow","Resource":{"Fn::GetAtt":["Data","SecretArn"]}`,
		`"Resource":[{"Fn::GetAtt":["Data","BucketArn"]}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no statement with %s in %s", want, text)
		}
	}
}

func TestOneProviderServesAStack(t *testing.T) {
	stack := newStack(t, nil)
	NewBucketUser(stack, jsii.String("A"), nil)
	NewBucketUser(constructs.NewConstruct(stack, jsii.String("Inner")), jsii.String("B"), nil)
	NewBucketUser(stack, jsii.String("C"), &BucketUserProps{
		Provider: NewProvider(stack, jsii.String("Other"), &ProviderProps{Code: dummyCode(t)}),
	})
	got := template(stack)
	if n := len(resources(got, "AWS::Lambda::Function")); n != 4 { // two of each provider
		t.Errorf("%d functions", n)
	}
	tokens := map[string]string{}
	for id, resource := range resources(got, spec.ResourceType) {
		tokens[id[:1]] = jsonOf(t, resource["Properties"].(map[string]any)["ServiceToken"])
	}
	if tokens["A"] == "" || tokens["I"] != tokens["A"] || tokens["C"] == tokens["A"] {
		t.Errorf("service tokens: %v", tokens)
	}
}

func TestProviderOfAnotherStackIsRefused(t *testing.T) {
	stack := newStack(t, nil)
	other := awscdk.NewStack(awscdk.App_Of(stack).(awscdk.App), jsii.String("Other"), nil)
	p := NewProvider(stack, jsii.String("Mine"), &ProviderProps{Code: dummyCode(t)})
	NewBucketUser(other, jsii.String("Data"), &BucketUserProps{Provider: p})
	if got := messages(other, "error"); len(got) != 1 || !strings.Contains(got[0], "another stack") {
		t.Errorf("errors: %q", got)
	}
}

func jsonOf(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
