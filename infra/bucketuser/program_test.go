package bucketuser

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/internal/compile"
)

// executable returns a folder whose bootstrap says that it is built for a machine.
func executable(t *testing.T, machine elf.Machine) string {
	t.Helper()
	var b bytes.Buffer
	header := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: uint32(elf.EV_CURRENT), Ehsize: 64}
	copy(header.Ident[:], elf.ELFMAG)
	header.Ident[elf.EI_CLASS], header.Ident[elf.EI_DATA], header.Ident[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	if err := binary.Write(&b, binary.LittleEndian, header); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(&b, t.Name(), machine)
	return holding(t, b.String())
}

// holding returns a folder whose bootstrap has some content.
func holding(t *testing.T, content string) string {
	t.Helper()
	folder := t.TempDir()
	write(t, filepath.Join(folder, "bootstrap"), content)
	return folder
}

// deployed returns the architecture of the functions of a stack, and the content of their bootstrap.
func deployed(t *testing.T, stack awscdk.Stack, out string) (architecture, content string) {
	t.Helper()
	for _, function := range resources(template(stack), "AWS::Lambda::Function") {
		architecture += fmt.Sprint(function["Properties"].(map[string]any)["Architectures"])
	}
	found, err := filepath.Glob(filepath.Join(out, "asset.*", "bootstrap"))
	if err != nil || len(found) != 1 {
		t.Fatalf("assets %v: %v", found, err)
	}
	read, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return architecture, string(read)
}

// kinds are the two ways to a provider, each with what an app says of the function.
var kinds = map[string]func(app awscdk.App, props *ProviderProps) awscdk.Stack{
	"construct": func(app awscdk.App, props *ProviderProps) awscdk.Stack {
		stack := awscdk.NewStack(app, jsii.String("Test"), nil)
		if props != nil {
			NewProvider(stack, jsii.String(ProviderID), props)
		}
		NewBucketUser(stack, jsii.String("Data"), nil)
		return stack
	},
	"provider stack": func(app awscdk.App, props *ProviderProps) awscdk.Stack {
		if props == nil {
			return NewProviderStack(app, jsii.String("Test"), nil)
		}
		return NewProviderStack(app, jsii.String("Test"), &ProviderStackProps{Code: props.Code, Architecture: props.Architecture})
	},
}

// wantDeployed wants the bootstrap of a folder in the stacks of both kinds, for a machine.
func wantDeployed(t *testing.T, context map[string]any, says func() *ProviderProps, folder, machine string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join(folder, "bootstrap"))
	if err != nil {
		t.Fatal(err)
	}
	for kind, newStack := range kinds {
		var props *ProviderProps
		if says != nil {
			props = says() // anew, as code belongs to one stack
		}
		out := t.TempDir()
		stack := newStack(awscdk.NewApp(&awscdk.AppProps{Outdir: &out, Context: &context}), props)
		if got := append(messages(stack, "error"), messages(stack, "warning")...); got != nil {
			t.Errorf("%s: %q", kind, got)
		}
		if architecture, content := deployed(t, stack, out); content != string(want) || architecture != machine {
			t.Errorf("%s: %s with %q, want %s with %q", kind, architecture, content, machine, want)
		}
	}
}

// What the context names is deployed, whatever the app says; else what the app says; else what the environment names.
func TestContextReplacesTheFunction(t *testing.T) {
	arm, x86, third := executable(t, elf.EM_AARCH64), executable(t, elf.EM_X86_64), holding(t, "#!/bin/sh")
	from := func(folder string, architecture awslambda.Architecture) func() *ProviderProps {
		return func() *ProviderProps {
			return &ProviderProps{Code: awslambda.Code_FromAsset(&folder, nil), Architecture: architecture}
		}
	}
	asArm, asX86 := awslambda.Architecture_ARM_64(), awslambda.Architecture_X86_64()
	const isArm, isX86 = "[arm64][arm64]", "[x86_64][x86_64]"
	for name, test := range map[string]struct {
		context           map[string]any
		environment       string
		props             func() *ProviderProps
		folder, onMachine string
	}{
		"context":                      {map[string]any{CodeKey: x86}, "", nil, x86, isX86},
		"with its architecture":        {map[string]any{CodeKey: x86, ArchitectureKey: "x86_64"}, "", nil, x86, isX86},
		"instead of the environment":   {map[string]any{CodeKey: x86}, arm, nil, x86, isX86},
		"instead of the props":         {map[string]any{CodeKey: x86}, "", from(arm, asArm), x86, isX86},
		"environment":                  {nil, x86, nil, x86, isX86},
		"environment after the props":  {nil, arm, from(x86, asX86), x86, isX86},
		"environment beside the props": {nil, x86, func() *ProviderProps { return &ProviderProps{Architecture: asArm} }, x86, isX86},
		"props":                        {nil, "", from(x86, asX86), x86, isX86},
		"props without architecture":   {nil, "", from(x86, nil), x86, isX86},
		"architecture of the context":  {map[string]any{ArchitectureKey: "x86_64"}, "", from(x86, asArm), x86, isX86},
		"a script":                     {nil, "", from(third, nil), third, isArm},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(CodeVariable, test.environment)
			wantDeployed(t, test.context, test.props, test.folder, test.onMachine)
		})
	}
}

// The deployer of a released template says where the function is, and no context of the release does.
func TestContextDoesNotReachAReleasedTemplate(t *testing.T) {
	of := func(context map[string]any) map[string]any {
		return template(NewProviderStack(awscdk.NewApp(&awscdk.AppProps{Context: &context}), jsii.String("P"), &ProviderStackProps{Version: "1.2.3"}))
	}
	want := of(nil)
	t.Setenv(CodeVariable, executable(t, elf.EM_X86_64))
	if diff := cmp.Diff(want, of(map[string]any{CodeKey: executable(t, elf.EM_X86_64), ArchitectureKey: "x86_64"})); diff != "" {
		t.Errorf("template (-want +got):\n%s", diff)
	}
}

// What could not run, and a key that is mistyped, are refused before anything is deployed, with the way out.
func TestFunctionThatCannotRunIsRefused(t *testing.T) {
	arm, x86 := executable(t, elf.EM_AARCH64), executable(t, elf.EM_X86_64)
	for name, test := range map[string]struct {
		context map[string]any
		code    string // of the props
		want    string
	}{
		"no folder":       {map[string]any{CodeKey: "/nonexistent"}, "", "-c bucketuser:code: not a folder with a built function: stat /nonexistent/bootstrap"},
		"no text":         {map[string]any{CodeKey: 1}, "", "-c bucketuser:code: must be a text that is not empty"},
		"no program":      {map[string]any{CodeKey: holding(t, "dummy")}, "", "bootstrap is no program for Linux"},
		"other machine":   {map[string]any{CodeKey: executable(t, elf.EM_RISCV)}, "", "bootstrap is built for EM_RISCV, and Lambda has arm64 and x86_64"},
		"mistyped":        {map[string]any{"bucketuser:arch": "arm64", CodeKey: arm}, "", "-c bucketuser:arch: not a key of this construct; it has bucketuser:architecture and bucketuser:code"},
		"no architecture": {map[string]any{ArchitectureKey: "amd64"}, "", "-c bucketuser:architecture: amd64 is not arm64 or x86_64"},
		"another one":     {map[string]any{CodeKey: x86, ArchitectureKey: "arm64"}, "", "-c bucketuser:code: " + x86 + "/bootstrap is built for x86_64, and the architecture is arm64; leave the architecture out, or build for it"},
		"of the props":    {map[string]any{ArchitectureKey: "x86_64"}, arm, "ProviderProps.Code: " + arm + "/bootstrap is built for arm64, and the architecture is x86_64"},
	} {
		t.Run(name, func(t *testing.T) {
			stack := awscdk.NewStack(awscdk.NewApp(&awscdk.AppProps{Context: &test.context}), jsii.String("Test"), nil)
			props := &ProviderProps{}
			if test.code != "" {
				props.Code = awslambda.Code_FromAsset(&test.code, nil)
			}
			NewProvider(stack, jsii.String(ProviderID), props)
			if got := messages(stack, "error"); len(got) != 1 || !strings.Contains(got[0], test.want) {
				t.Errorf("errors %q, want %q", got, test.want)
			}
		})
	}
}

// On an endpoint of this machine a function has to answer there, and no other endpoint should have such a function.
func TestFunctionAnswersItsAWS(t *testing.T) {
	module := t.TempDir()
	write(t, filepath.Join(module, "go.mod"), "module example\n\ngo 1.26\n")
	write(t, filepath.Join(module, "main.go"), "package main\n\nfunc main() {}\n")
	built := func(tags string) string {
		folder := t.TempDir()
		command := exec.Command("go", append(compile.Arguments(filepath.Join(folder, "bootstrap")), "-tags", tags)...)
		command.Dir, command.Env = module, append(os.Environ(), "CGO_ENABLED=0")
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		return folder
	}
	forAWS, forDemo := built(compile.Tags), built(compile.Tags+","+compile.Loopback)
	for name, test := range map[string]struct{ folder, endpoint, level, want string }{
		"of AWS for AWS":          {forAWS, "", "error", ""},
		"of AWS for an emulator":  {forAWS, "https://emulator.example:4566", "error", ""},
		"of AWS for the demo":     {forAWS, "https://127.0.0.1:4566", "error", forAWS + "/bootstrap is built for AWS: it would answer AWS alone, and AWS_ENDPOINT_URL is https://127.0.0.1:4566; make demo builds"},
		"of the demo for itself":  {forDemo, "https://127.0.0.1:4566", "error", ""},
		"of the demo for AWS":     {forDemo, "", "warning", "is built for the embedded AWS, and AWS_ENDPOINT_URL does not lead there"},
		"left over in a shell":    {"shell " + forDemo, "", "error", "BUCKETUSER_CODE: " + forDemo + "/bootstrap is built for the embedded AWS, and AWS_ENDPOINT_URL does not lead there; unset BUCKETUSER_CODE"},
		"sources for the demo":    {"", "https://127.0.0.1:4566", "error", "the function cannot be built: it would answer AWS alone, and AWS_ENDPOINT_URL is https://127.0.0.1:4566"},
		"sources for this host":   {"", "http://localhost:4566", "error", "pass -c bucketuser:code=<folder with bootstrap>"},
		"sources for IP version6": {"", "https://[::1]:4566", "error", "the function cannot be built"},
		"empty":                   {holding(t, ""), "https://127.0.0.1:4566", "warning", "bootstrap is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("AWS_ENDPOINT_URL", test.endpoint)
			context := map[string]any{}
			if folder, ofShell := strings.CutPrefix(test.folder, "shell "); ofShell {
				t.Setenv(CodeVariable, folder)
			} else if folder != "" {
				context[CodeKey] = folder
			}
			out := t.TempDir()
			stack := awscdk.NewStack(awscdk.NewApp(&awscdk.AppProps{Outdir: &out, Context: &context}), jsii.String("Test"), nil)
			NewProvider(stack, jsii.String(ProviderID), nil)
			got := append(messages(stack, "error"), messages(stack, "warning")...)
			if want := messages(stack, test.level); len(got) != len(want) || (test.want != "") != (len(got) == 1) {
				t.Fatalf("messages %q, want %s %q", got, test.level, test.want)
			}
			if !strings.Contains(strings.Join(got, "\n"), test.want) {
				t.Errorf("messages %q, want %q", got, test.want)
			}
		})
	}
}
