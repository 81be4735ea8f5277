package bucketuser

import (
	"bytes"
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"
)

// host returns the architecture whose packages other tests have compiled already.
func host() awslambda.Architecture {
	if runtime.GOARCH == "arm64" {
		return awslambda.Architecture_ARM_64()
	}
	return awslambda.Architecture_X86_64()
}

func TestFunctionIsBuiltFromTheModule(t *testing.T) {
	out := t.TempDir()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: &out})
	stack := awscdk.NewStack(app, jsii.String("Test"), nil)
	NewProvider(stack, jsii.String(ProviderID), &ProviderProps{Architecture: host()})
	if got := messages(stack, "error"); got != nil {
		t.Fatalf("errors: %q", got)
	}
	found, err := filepath.Glob(filepath.Join(out, "asset.*", "bootstrap"))
	if err != nil || len(found) != 1 {
		t.Fatalf("assets %v: %v", found, err)
	}
	file, err := elf.Open(found[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, section := range file.Sections {
		if section.Name == ".symtab" || section.Name == ".interp" {
			t.Errorf("section %s: not stripped, or not static", section.Name)
		}
	}
	if info, err := os.Stat(found[0]); err != nil || info.Mode()&0o111 == 0 {
		t.Errorf("not executable: %v %v", info.Mode(), err)
	}
}

// Where the sources lie, and what the caller's environment asks of the go command,
// must not show in the asset's hash.
func TestBuildGivesTheSameBytesEverywhere(t *testing.T) {
	built := func(folder string) []byte {
		module := filepath.Join(t.TempDir(), folder)
		write(t, filepath.Join(module, "go.mod"), "module example\n\ngo 1.26\n")
		write(t, filepath.Join(module, "lambda", "main.go"), "package main\n\nfunc main() { println(len(\"x\")) }\n")
		target := filepath.Join(t.TempDir(), "bootstrap")
		if err := Build(module, target, host()); err != nil {
			t.Fatal(err)
		}
		binary, err := os.ReadFile(target)
		if err != nil {
			t.Fatal(err)
		}
		return binary
	}
	here := built("x")
	t.Setenv("GOFLAGS", "-gcflags=-N")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("GOARM64", "v8.2")
	if there := built("longer"); !bytes.Equal(here, there) {
		t.Errorf("%d bytes here, other %d there", len(here), len(there))
	}
}

func TestArchitecture(t *testing.T) {
	if goarch(awslambda.Architecture_ARM_64()) != "arm64" || goarch(awslambda.Architecture_X86_64()) != "amd64" {
		t.Error("built for another architecture than the function's")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBuildThatFailsNamesTheWayOut(t *testing.T) {
	tests := map[string]func(t *testing.T) (wants []string){
		"outside any module": func(t *testing.T) []string {
			t.Chdir(t.TempDir())
			return []string{"go list: exit status 1", "pass -c bucketuser:code=<folder with bootstrap>"}
		},
		"vendored": func(t *testing.T) []string {
			t.Setenv("GOFLAGS", "-mod=vendor")
			module := t.TempDir()
			write(t, filepath.Join(module, "go.mod"), "module example\n\ngo 1.26\n\nrequire bucketuser v0.0.0\n")
			write(t, filepath.Join(module, "vendor", "modules.txt"), "# bucketuser v0.0.0\n## explicit; go 1.26\n")
			t.Chdir(module)
			return []string{"vendor", "pass -c bucketuser:code=<folder with bootstrap>"}
		},
	}
	for name, enter := range tests {
		t.Run(name, func(t *testing.T) {
			out := t.TempDir()
			wants := enter(t)
			app := awscdk.NewApp(&awscdk.AppProps{Outdir: &out})
			stack := awscdk.NewStack(app, jsii.String("Test"), nil)
			NewProvider(stack, jsii.String(ProviderID), nil)
			got := strings.Join(messages(stack, "error"), "\n")
			for _, want := range wants {
				if !strings.Contains(got, want) {
					t.Errorf("error %q lacks %q", got, want)
				}
			}
			app = awscdk.NewApp(&awscdk.AppProps{Outdir: &out, Context: &map[string]any{CodeKey: executable(t, elf.EM_AARCH64)}})
			stack = awscdk.NewStack(app, jsii.String("Test"), nil)
			NewProvider(stack, jsii.String(ProviderID), nil)
			if got := messages(stack, "error"); got != nil {
				t.Errorf("with what it names: %q", got)
			}
		})
	}
}

func TestCompilerErrorIsReported(t *testing.T) {
	module := t.TempDir()
	write(t, filepath.Join(module, "go.mod"), "module example\n\ngo 1.26\n")
	write(t, filepath.Join(module, "lambda", "main.go"), "package main\n\nfunc main() { missing() }\n")
	b := &builder{module: module, architecture: host()}
	out := t.TempDir()
	if !*b.TryBundle(&out, nil) {
		t.Error("CDK would look for Docker")
	}
	if b.err == nil || !strings.Contains(b.err.Error(), "undefined: missing") {
		t.Errorf("error %v", b.err)
	}
	if _, err := os.Stat(filepath.Join(out, "bootstrap")); errors.Is(err, os.ErrNotExist) {
		t.Error("no file: CDK would fail with a message of its own")
	}
}

// cdk destroy and cdk ls need no asset, so nothing is built for them.
func TestNothingIsBuiltWhenCDKNeedsNoAsset(t *testing.T) {
	out := t.TempDir()
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: &out, Context: &map[string]any{"aws:cdk:bundling-stacks": []string{}}})
	stack := awscdk.NewStack(app, jsii.String("Test"), nil)
	NewProvider(stack, jsii.String(ProviderID), nil)
	template(stack)
	if found, err := filepath.Glob(filepath.Join(out, "asset.*", "bootstrap")); err != nil || found != nil {
		t.Errorf("built %v: %v", found, err)
	}
}
