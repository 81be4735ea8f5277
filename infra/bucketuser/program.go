package bucketuser

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Keys of the context, and a variable of the environment, that replace what an app says in
// [ProviderProps], as [NewProvider] tells.
const (
	CodeKey         = "bucketuser:code"
	CodeVariable    = "BUCKETUSER_CODE"
	ArchitectureKey = "bucketuser:architecture"
)

// fromProps stands for who named the code, if the app did.
const fromProps = "ProviderProps.Code"

// A program is what both functions run.
type program struct {
	code         awslambda.Code
	architecture awslambda.Architecture
}

// A choice finds out what the program is.
type choice struct {
	scope constructs.Construct
	program
	file   string // the executable, where it is a file
	source string // who named the code, in the words of a message
	faults []error
	doubts []error
}

// programOf chooses what the functions run: what the context names, or else the props, or else
// the environment, or else what b builds from the sources of this module.
func (p *provider) programOf(props *ProviderProps, b *builder) program {
	c := &choice{scope: p, program: program{props.Code, props.Architecture}}
	if c.architecture == nil || !*awscdk.Token_IsUnresolved(c.architecture.Name()) { // else who deploys the template decides
		c.read(props)
		c.inspect()
	}
	if c.architecture == nil {
		c.architecture = awslambda.Architecture_ARM_64()
	}
	for _, fault := range c.faults {
		p.fault(fault.Error())
	}
	for _, doubt := range c.doubts {
		awscdk.Annotations_Of(p).AddWarningV2(jsii.String("bucketuser:notForThisAWS"), jsii.String(doubt.Error()))
	}
	b.architecture = c.architecture
	switch {
	case c.code != nil:
	case len(c.faults) > 0:
		c.code = noCode(p)
	default:
		c.code = b.code(p)
	}
	return c.program
}

// read finds code and architecture. Code from outside the app replaces the architecture of the
// props as well, which is that of another function.
func (c *choice) read(props *ProviderProps) {
	c.checkKeys()
	if folder := c.text(CodeKey); folder != "" {
		c.take(folder, "-c "+CodeKey)
	} else if asset, ok := props.Code.(awslambda.AssetCode); ok {
		c.file, c.source = filepath.Join(*asset.Path(), "bootstrap"), fromProps
	} else if folder := os.Getenv(CodeVariable); props.Code == nil && folder != "" {
		c.take(folder, CodeVariable)
	}
	switch architecture := c.text(ArchitectureKey); architecture {
	case "":
	case "arm64":
		c.architecture = awslambda.Architecture_ARM_64()
	case "x86_64":
		c.architecture = awslambda.Architecture_X86_64()
	default:
		c.fault("-c %s: %s is not arm64 or x86_64", ArchitectureKey, architecture)
	}
}

// checkKeys refuses what somebody may have meant for us.
func (c *choice) checkKeys() {
	context, _ := c.scope.Node().GetAllContext(nil).(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(context)) {
		if strings.HasPrefix(key, "bucketuser:") && key != CodeKey && key != ArchitectureKey {
			c.fault("-c %s: not a key of this construct; it has %s and %s", key, ArchitectureKey, CodeKey)
		}
	}
}

// text returns the value of a key, or "" if there is none.
func (c *choice) text(key string) string {
	value := c.scope.Node().TryGetContext(&key)
	text, _ := value.(string)
	if value != nil && text == "" {
		c.fault("-c %s: must be a text that is not empty", key)
	}
	return text
}

// take takes a built function instead of what the props have.
func (c *choice) take(folder, source string) {
	c.program, c.file, c.source = program{}, filepath.Join(folder, "bootstrap"), source
	if _, err := os.Stat(c.file); err != nil {
		c.fault("%s: not a folder with a built function: %w", source, err)
		return
	}
	c.code = awslambda.Code_FromAsset(&folder, nil)
}

func (c *choice) fault(format string, args ...any) {
	c.faults = append(c.faults, fmt.Errorf(format, args...))
}
