package bucketuser

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"bucketuser/infra/internal/compile"
)

// A builder compiles the function from the sources of this module, wherever the go
// command keeps them. CDK calls it when it needs the asset: not for cdk destroy.
type builder struct {
	module       string // folder of the module
	architecture awslambda.Architecture
	err          error // why there is no function, once CDK has asked for it
}

// code returns the function as an asset whose hash depends on the built bytes
// alone. If the module cannot be found, err says why, and what is returned is good
// for a template that is never deployed.
func (b *builder) code(scope constructs.Construct) awslambda.Code {
	if b.module, b.err = moduleDir(); b.err != nil {
		return noCode(scope)
	}
	return awslambda.Code_FromAsset(jsii.String(filepath.Join(b.module, "lambda")), &awss3assets.AssetOptions{
		AssetHashType: awscdk.AssetHashType_OUTPUT,
		Bundling: &awscdk.BundlingOptions{
			Local: b,
			Image: awscdk.DockerImage_FromRegistry(jsii.String("unused")), // required, and never asked
		},
	})
}

// noCode stands in a template that is never deployed.
func noCode(scope constructs.Construct) awslambda.Code {
	nowhere := awss3.Bucket_FromBucketName(scope, jsii.String("Nowhere"), jsii.String("nowhere"))
	return awslambda.Code_FromBucket(nowhere, jsii.String("nothing"), jsii.String("none"))
}

// TryBundle builds into the folder that CDK gives. It always reports success, as
// CDK would otherwise look for Docker; what went wrong is in b.err.
func (b *builder) TryBundle(outputDir *string, _ *awscdk.BundlingOptions) *bool {
	target := filepath.Join(*outputDir, "bootstrap")
	if endpoint := loopbackEndpoint(); endpoint != "" {
		b.err = errAnswersAWS(endpoint)
	} else {
		stop := tellLater(os.Stderr)
		b.err = Build(b.module, target, b.architecture)
		stop()
	}
	if b.err != nil {
		if err := os.WriteFile(target, nil, 0o600); err != nil { // CDK insists on a file
			b.err = fmt.Errorf("%w; %w", b.err, err)
		}
	}
	return jsii.Bool(true)
}

// tellLater says what a synthesis waits for, unless it is stopped within a few seconds, as
// when Go has compiled the packages before.
func tellLater(to io.Writer) (stop func() bool) {
	return time.AfterFunc(3*time.Second, func() {
		fmt.Fprintln(to, "bucketuser: building the function from its sources, which takes longer the first time")
	}).Stop
}

// moduleDir returns the folder of this module as the go command sees it from the
// working directory: the checkout itself, or its place in the module cache.
func moduleDir() (string, error) {
	module, _, _ := strings.Cut(reflect.TypeFor[builder]().PkgPath(), "/infra/")
	out, err := run(exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module))
	if err == nil && out == "" {
		err = fmt.Errorf("go list -m %s: no folder, as with go mod vendor", module)
	}
	return out, err
}

// Build compiles the function from the sources in the folder of this module into
// the file target, for ProviderProps.Code. The flags, and the settings of the
// caller's that are put aside, make the same bytes of the same sources with the
// same version of Go on every machine.
func Build(module, target string, architecture awslambda.Architecture) error {
	return compile.Program(module, "./lambda", target, compile.Platform{GOOS: "linux", GOARCH: goarch(architecture)})
}

func goarch(architecture awslambda.Architecture) string {
	if *architecture.Name() == *awslambda.Architecture_X86_64().Name() {
		return "amd64"
	}
	return "arm64"
}

// run returns the output of a command, or an error with what it said on stderr.
func run(command *exec.Cmd) (string, error) {
	var stderr strings.Builder
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(command.Args[:2], " "), err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
