package release

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"go.yaml.in/yaml/v3"

	"bucketuser/infra/bucketuser"
)

// StackName is the name under which the documentation deploys the provider.
const StackName = "BucketUserProvider"

// Template returns the template of the provider stack in YAML.
func Template(version string) ([]byte, error) {
	if err := CheckVersion(version); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "bucketuser-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: &dir, AnalyticsReporting: jsii.Bool(false)})
	bucketuser.NewProviderStack(app, jsii.String(StackName), &bucketuser.ProviderStackProps{Version: version})
	app.Synth(nil)
	text, err := os.ReadFile(filepath.Join(dir, StackName+".template.json"))
	if err != nil {
		return nil, err
	}
	return toYAML(text)
}

// toYAML turns a template from JSON, as CDK writes it, into what people write and
// review: in the same order, with functions in their short form. In the order of
// sections, what the operator decides comes first.
func toYAML(text []byte) ([]byte, error) {
	var document yaml.Node // JSON is YAML, and its nodes keep the order
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	sections := map[string]*yaml.Node{}
	for i, node := range document.Content[0].Content {
		if i%2 == 1 {
			sections[document.Content[0].Content[i-1].Value] = node
		}
	}
	ordered := &yaml.Node{Kind: yaml.MappingNode}
	add := func(name string, value *yaml.Node) {
		ordered.Content = append(ordered.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: name}, value)
	}
	add("AWSTemplateFormatVersion", quoted("2010-09-09"))
	for _, name := range []string{"Description", "Parameters", "Conditions", "Resources", "Outputs"} {
		if node, ok := sections[name]; ok {
			add(name, tidy(node))
		}
		delete(sections, name)
	}
	if len(sections) > 0 {
		return nil, fmt.Errorf("template: has further sections: %v", sections)
	}
	var b bytes.Buffer
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	err := encoder.Encode(ordered)
	return b.Bytes(), err
}

func quoted(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Style: yaml.SingleQuotedStyle}
}

// tidy returns a node in block style, with functions in their short form.
func tidy(node *yaml.Node) *yaml.Node {
	node.Style = 0
	if node.Tag == "!!str" && notText.MatchString(node.Value) {
		node.Style = yaml.DoubleQuotedStyle
	}
	for i, child := range node.Content {
		node.Content[i] = tidy(child)
	}
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 {
		return node
	}
	name, argument := node.Content[0].Value, node.Content[1]
	switch {
	case name == "Ref":
		return short("!Ref", argument.Value)
	case name == "Fn::GetAtt":
		return short("!GetAtt", argument.Content[0].Value+"."+argument.Content[1].Value)
	case name == "Fn::Join" && argument.Content[0].Value == "" && argument.Content[1].Kind == yaml.SequenceNode &&
		!slices.ContainsFunc(argument.Content[1].Content, func(part *yaml.Node) bool { return part.Kind != yaml.ScalarNode }):
		return substitution(argument.Content[1].Content)
	case strings.HasPrefix(name, "Fn::"):
		argument.Tag, argument.Style = "!"+strings.TrimPrefix(name, "Fn::"), yaml.TaggedStyle|yaml.FlowStyle
		return argument
	}
	return node
}

// CloudFormation reads YAML 1.1, in which these words are booleans and these digits
// with colons numbers. The encoder knows only what YAML 1.2 makes of them.
var notText = regexp.MustCompile(`^(?i:y|n|yes|no|on|off)$|^[-+]?[0-9][0-9_:.]*$`)

func short(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Style: yaml.TaggedStyle, Value: value}
}

// substitution returns strings and references that were joined as one !Sub.
func substitution(parts []*yaml.Node) *yaml.Node {
	var b strings.Builder
	for _, part := range parts {
		switch part.Tag {
		case "!Ref", "!GetAtt":
			b.WriteString("${" + part.Value + "}")
		default:
			b.WriteString(strings.ReplaceAll(part.Value, "${", "${!"))
		}
	}
	return short("!Sub", b.String())
}
