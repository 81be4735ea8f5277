package main

import (
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/bucketuser"
	"bucketuser/lambda/spec"
)

func TestMain(m *testing.M) {
	for _, name := range []string{"AWS_ENDPOINT_URL", bucketuser.CodeVariable} { // a shell of the embedded AWS has them
		os.Unsetenv(name)
	}
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

// codeFolder returns a folder that holds a function, as far as the app can tell.
func codeFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "bootstrap"), []byte("dummy"), 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// every returns a context with every key that sets a property, as the command line
// gives it.
func every() map[string]any {
	return map[string]any{
		"bucketName": "my-data", "userName": "clickhouse", "secretName": "clickhouse/s3", "prefix": "disks/a/",
		"folderMarker": "false", "access": "ReadOnly", "enforceTls": "false", "onDelete": "Purge", "versioning": "true",
		"abortIncompleteUploadsAfterDays": "0", "expireNoncurrentAfterDays": "30", "keySerial": "3", "previousKey": "Delete", "rotateAfterDays": "44",
		"secretKmsKeyId": "alias/mine", "secretRecoveryDays": "7",
		"trigger": "2026-11-26", "verifyCredentials": "false",
	}
}

func TestContextBecomesProperties(t *testing.T) {
	got, err := parseContext(every())
	if err != nil {
		t.Fatal(err)
	}
	want := bucketuser.BucketUserProps{
		BucketName: jsii.String("my-data"), UserName: jsii.String("clickhouse"), SecretName: jsii.String("clickhouse/s3"),
		Prefix: jsii.String("disks/a/"), FolderMarker: jsii.Bool(false), Access: bucketuser.AccessReadOnly,
		EnforceTls: jsii.Bool(false), OnDelete: bucketuser.OnDeletePurge, Versioning: jsii.Bool(true),
		AbortIncompleteUploadsAfterDays: jsii.Number(0), ExpireNoncurrentAfterDays: jsii.Number(30),
		KeySerial: jsii.Number(3), PreviousKey: bucketuser.PreviousKeyDelete, RotateAfterDays: jsii.Number(44), SecretKmsKeyId: jsii.String("alias/mine"),
		SecretRecoveryDays: jsii.Number(7), Trigger: jsii.String("2026-11-26"), VerifyCredentials: jsii.Bool(false),
	}
	if diff := cmp.Diff(want, got.resource); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
}

func TestOnlyWhatIsGivenIsSet(t *testing.T) {
	got, err := parseContext(map[string]any{"aws:cdk:bundling-stacks": []any{"**"}, "@aws-cdk/core:flag": true, "prefix": "x"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bucketuser.BucketUserProps{Prefix: jsii.String("x/")}, got.resource); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
	if got.stackName != "BucketUser" || got.provider.Code != nil || got.provider.Architecture != nil {
		t.Errorf("%s, %v, %v", got.stackName, got.provider.Code, got.provider.Architecture)
	}
}

// A property that is one word has a key; lists are for stacks that embed the construct.
func TestEveryPropertyHasAKey(t *testing.T) {
	context, table := every(), properties()
	for _, property := range spec.Table {
		_, given := context[contextKey(property.Name)]
		_, known := table[property.Name]
		if want := !slices.Contains(lists, property.Name); !known || given != want {
			t.Errorf("%s: in the app %v, in this test %v, want %v", property.Name, known, given, want)
		}
	}
}

func TestContextIsRefused(t *testing.T) {
	tests := []struct {
		name    string
		context map[string]any
		want    []string // one for each line
	}{
		{"nothing like it", map[string]any{"colour": "x"}, []string{"-c colour: not a key of this app; it has abort"}},
		{"typing error", map[string]any{"prefx": "x"}, []string{"-c prefx: not a key of this app; did you mean prefix?"}},
		{"case", map[string]any{"bucketname": "x"}, []string{"-c bucketname: not a key of this app; did you mean bucketName?"}},
		{"lists", map[string]any{"statements": "x", "tags": "a"}, []string{"-c statements: is a list, which no command line holds; write Statements into the section", "-c tags: is a list"}},
		{"schedule", map[string]any{"rotateAfterDays": "1001"}, []string{"-c rotateAfterDays: must be from 0 to 1000"}},
		{"access", map[string]any{"access": "Everything"}, []string{"-c access: must be one of ReadOnly, ReadWrite, Full"}},
		{"truth", map[string]any{"versioning": "yes"}, []string{"-c versioning: must be true or false"}},
		{"trigger", map[string]any{"trigger": strings.Repeat("a", 1025)}, []string{"-c trigger: must be at most 1024 characters"}},
		{"list", map[string]any{"prefix": []any{"a"}}, []string{"-c prefix: must be a string"}},
		{"stack name", map[string]any{"stackName": "9x"}, []string{"-c stackName: must be 1 to 128"}},
		{"architecture", map[string]any{"architecture": "mips"}, []string{"-c architecture: mips is not arm64 or x86_64"}},
		{"kind", map[string]any{"provider": "yes"}, []string{"-c provider: yes is not true or false"}},
		{"resource of a provider", map[string]any{"provider": "true", "bucketName": "my-data", "access": "Full"},
			[]string{"-c access: belongs to a resource", "-c bucketName: belongs to a resource"}},
		{"no function", map[string]any{"code": "/nonexistent"}, []string{"-c code: not a folder with a built function"}},
		{"several", map[string]any{"x": "", "onDelete": "Keep", "bucketName": "A", "architecture": ""},
			[]string{"-c x: ", "-c architecture: ", "-c bucketName: ", "-c onDelete: "}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseContext(test.context)
			if err == nil {
				t.Fatal("accepted")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(test.want) {
				t.Fatalf("%d lines, want %d: %v", len(lines), len(test.want), err)
			}
			for i, want := range test.want {
				if !strings.HasPrefix(lines[i], want) {
					t.Errorf("line %q, want %q", lines[i], want)
				}
			}
		})
	}
}

// valuesIn returns a context with a file of values, whose sections are given.
func valuesIn(t *testing.T, text string, more map[string]any) map[string]any {
	t.Helper()
	file := filepath.Join(t.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	context := map[string]any{"values": file}
	maps.Copy(context, more)
	return context
}

const sections = `
BucketUser:
  Prefix: clickhouse/
  OnDelete: Retain
  Versioning: null
  UserName: null
  Architecture: x86_64
  Tags: [{Key: team, Value: data}]
  Statements: [{Effect: Allow, Action: "s3:GetObjectTagging", Resource: "/clickhouse/*", Condition: {Bool: {"aws:SecureTransport": true}}}]
Backups:
  Access: ReadOnly
BucketUserProvider:
  BucketNamePattern: clickhouse-*
  Architecture: x86_64
`

func TestFileOfValues(t *testing.T) {
	listed := bucketuser.BucketUserProps{
		Prefix: jsii.String("clickhouse/"), OnDelete: bucketuser.OnDeleteRetain, Tags: map[string]string{"team": "data"},
		Statements: []bucketuser.Statement{{Effect: "Allow", Action: []string{"s3:GetObjectTagging"}, Resource: []string{"/clickhouse/*"},
			Condition: map[string]map[string]any{"Bool": {"aws:SecureTransport": true}}}},
	}
	overridden := listed
	overridden.Prefix, overridden.Versioning = jsii.String("other/"), jsii.Bool(true)
	for name, test := range map[string]struct {
		context      map[string]any
		want         bucketuser.BucketUserProps
		architecture string
	}{
		"section":      {nil, listed, "x86_64"},
		"command line": {map[string]any{"prefix": "other/", "versioning": "true", "architecture": "arm64"}, overridden, "arm64"},
		"other stack":  {map[string]any{"stackName": "Backups"}, bucketuser.BucketUserProps{Access: bucketuser.AccessReadOnly}, ""},
		"no section":   {map[string]any{"stackName": "Third"}, bucketuser.BucketUserProps{}, ""},
		"provider":     {map[string]any{"provider": "true"}, bucketuser.BucketUserProps{}, "x86_64"},
	} {
		got, err := parseContext(valuesIn(t, sections, test.context))
		architecture := ""
		if of := got.provider.Architecture; of != nil {
			architecture = *of.Name()
		}
		if diff := cmp.Diff(test.want, got.resource); diff != "" || err != nil || architecture != test.architecture {
			t.Errorf("%s: %v, %s (-want +got):\n%s", name, err, architecture, diff)
		}
	}
}

func TestFileOfValuesIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"BucketUser: {Prefx: a/}":                     "values.yaml: BucketUser: Prefx: is not a property of Custom::BucketUser; did you mean Prefix?",
		"BucketUser: {prefix: a/}":                    "values.yaml: BucketUser: prefix: is not a property of Custom::BucketUser; did you mean Prefix?",
		"BucketUser: {'': a/}":                        "values.yaml: BucketUser: : is not a property",
		"BucketUser: {Access: readwrite}":             "values.yaml: BucketUser: Access: must be one of ReadOnly, ReadWrite, Full; did you mean ReadWrite?",
		"BucketUser: {Architecture: amd64}":           "values.yaml: BucketUser: Architecture: amd64 is not arm64 or x86_64",
		"BucketUser: {Tags: {a: b}}":                  "values.yaml: BucketUser: Tags: must be a list of objects with Key and Value",
		"BucketUser: {Statements: [{Effects: Deny}]}": "values.yaml: BucketUser: Statements: must be a list of objects with Effect",
		"BucketUser: a":                               "section BucketUser must have properties",
	} {
		if _, err := parseContext(valuesIn(t, text, nil)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	_, err := parseContext(valuesIn(t, "BucketUser: {Prefix: /a, Access: no}", map[string]any{"access": "none"}))
	if want := "values.yaml: BucketUser: Prefix: must not start"; err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "\n-c access: must be one of") {
		t.Errorf("%v, want %s, and -c access", err, want)
	}
}

// A15: an app whose deployed stack has a value that an earlier version accepted is synthesized, with a warning.
func TestA15ContextOfADeployedStack(t *testing.T) {
	v, err := parseContext(map[string]any{"prefix": "a{b}", "code": codeFolder(t)})
	if err != nil {
		t.Fatal(err)
	}
	template := assertions.Template_FromStack(newStack(awscdk.NewApp(nil), v), nil)
	template.HasResourceProperties(jsii.String(spec.ResourceType), map[string]any{"Prefix": "a{b}/"})
	for _, context := range []map[string]any{
		{"bucketName": "mine-an"}, {"bucketName": "mine-an", "prefix": "a{b}"}, {"bucketName": "mine-an", "onDelete": "Purge"},
	} {
		if _, err := parseContext(context); err == nil || !strings.HasPrefix(err.Error(), `-c bucketName: must not end with "-an"`) || strings.Contains(err.Error(), "-c prefix") {
			t.Errorf("%v: %v", context, err)
		}
	}
	if _, err := parseContext(map[string]any{"bucketName": "mine-an", "onDelete": "Retain"}); err != nil {
		t.Error(err)
	}
}

func TestStack(t *testing.T) {
	context := every()
	context["stackName"], context["architecture"], context["code"] = "My-Stack", "x86_64", codeFolder(t)
	v, err := parseContext(context)
	if err != nil {
		t.Fatal(err)
	}
	app := awscdk.NewApp(nil)
	stack := newStack(app, v)
	template := assertions.Template_FromStack(stack, nil)
	if *stack.StackName() != "My-Stack" {
		t.Errorf("stack %s", *stack.StackName())
	}
	template.HasResourceProperties(jsii.String("AWS::Lambda::Function"), map[string]any{
		"Architectures": []string{*awslambda.Architecture_X86_64().Name()}, "Handler": "bootstrap", "Runtime": "provided.al2023",
	})
	template.HasResourceProperties(jsii.String(spec.ResourceType), map[string]any{"BucketName": "my-data", "SecretRecoveryDays": 7})
}

func TestProviderStack(t *testing.T) {
	v, err := parseContext(map[string]any{"provider": "true", "code": codeFolder(t)})
	if err != nil {
		t.Fatal(err)
	}
	stack := newProviderStack(awscdk.NewApp(nil), v)
	if *stack.StackName() != "BucketUserProvider" {
		t.Errorf("stack %s", *stack.StackName())
	}
	template := assertions.Template_FromStack(stack, nil)
	template.ResourceCountIs(jsii.String(spec.ResourceType), jsii.Number(0))
	template.ResourceCountIs(jsii.String("AWS::Lambda::Function"), jsii.Number(2))
}

func TestOutputsAreTheReturnValues(t *testing.T) {
	v, err := parseContext(map[string]any{"code": codeFolder(t)})
	if err != nil {
		t.Fatal(err)
	}
	outputs := *assertions.Template_FromStack(newStack(awscdk.NewApp(nil), v), nil).FindOutputs(jsii.String("*"), nil)
	want := map[string]any{}
	for _, value := range spec.ReturnValues {
		want[value.Name] = map[string]any{"Fn::GetAtt": []any{"BucketUser", value.Name}}
	}
	got := map[string]any{}
	for name, output := range outputs {
		got[name] = (*output)["Value"]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outputs %v (-want +got):\n%s", slices.Sorted(maps.Keys(got)), diff)
	}
}
