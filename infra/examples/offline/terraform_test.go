//go:build e2e

package offline

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"go.yaml.in/yaml/v3"
)

const terraformDir = "../terraform"

// A configuration is what the example may consist of. Whatever is not named here is
// refused, and so is an attribute of another type.
type configuration struct {
	Terraform struct {
		RequiredVersion   string `hcl:"required_version"`
		RequiredProviders struct {
			AWS map[string]string `hcl:"aws"`
		} `hcl:"required_providers,block"`
	} `hcl:"terraform,block"`
	Resources []resource `hcl:"resource,block"`
	Outputs   []struct {
		Name  string `hcl:"name,label"`
		Value string `hcl:"value"`
	} `hcl:"output,block"`
}

// A resource has the arguments of aws_cloudformation_stack in hashicorp/aws 6.0.0.
type resource struct {
	Type             string            `hcl:"type,label"`
	ID               string            `hcl:"id,label"`
	Name             string            `hcl:"name"`
	TemplateBody     *string           `hcl:"template_body,optional"`
	TemplateURL      *string           `hcl:"template_url,optional"`
	Capabilities     []string          `hcl:"capabilities,optional"`
	DisableRollback  *bool             `hcl:"disable_rollback,optional"`
	IAMRoleARN       *string           `hcl:"iam_role_arn,optional"`
	NotificationARNs []string          `hcl:"notification_arns,optional"`
	OnFailure        *string           `hcl:"on_failure,optional"`
	Parameters       map[string]string `hcl:"parameters,optional"`
	PolicyBody       *string           `hcl:"policy_body,optional"`
	PolicyURL        *string           `hcl:"policy_url,optional"`
	Region           *string           `hcl:"region,optional"`
	Tags             map[string]string `hcl:"tags,optional"`
	TimeoutInMinutes *int              `hcl:"timeout_in_minutes,optional"`
}

// TestTerraform parses the configuration, evaluates it as Terraform would, with the
// outputs that the template has, and refuses what the provider's schema does not know.
func TestTerraform(t *testing.T) {
	text, err := os.ReadFile("../cloudformation/template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Outputs map[string]any `yaml:"Outputs"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	outputs := map[string]cty.Value{}
	for name := range template.Outputs {
		outputs[name] = cty.StringVal("the " + name)
	}

	var c configuration
	parsed, diagnostics := hclparse.NewParser().ParseHCLFile(filepath.Join(terraformDir, "main.tf"))
	if diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	if diagnostics := gohcl.DecodeBody(parsed.Body, evaluation(outputs), &c); diagnostics.HasErrors() {
		t.Fatal(diagnostics)
	}
	if len(c.Resources) != 1 || c.Resources[0].Type != "aws_cloudformation_stack" || c.Resources[0].ID != "storage" {
		t.Fatalf("resources: %+v", c.Resources)
	}
	if body := c.Resources[0].TemplateBody; body == nil || *body != string(text) {
		t.Error("the stack has another template than ../cloudformation")
	}
	if aws := c.Terraform.RequiredProviders.AWS; !maps.Equal(aws, map[string]string{"source": "hashicorp/aws", "version": "6.0.0"}) {
		t.Errorf("provider %v", aws)
	}
	var values []string
	for _, output := range c.Outputs {
		values = append(values, output.Value)
	}
	if want := []string{"the DiskUrl", "the DiskSecret", "the BackupsSecret"}; !slices.Equal(values, want) {
		t.Errorf("outputs %q, want %q", values, want)
	}
}

func evaluation(outputs map[string]cty.Value) *hcl.EvalContext {
	return &hcl.EvalContext{
		Variables: map[string]cty.Value{
			"path": cty.ObjectVal(map[string]cty.Value{"module": cty.StringVal(terraformDir)}),
			"aws_cloudformation_stack": cty.ObjectVal(map[string]cty.Value{
				"storage": cty.ObjectVal(map[string]cty.Value{"outputs": cty.MapVal(outputs)}),
			}),
		},
		Functions: map[string]function.Function{"file": function.New(&function.Spec{
			Params: []function.Parameter{{Name: "path", Type: cty.String}},
			Type:   function.StaticReturnType(cty.String),
			Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
				text, err := os.ReadFile(args[0].AsString())
				return cty.StringVal(string(text)), err
			},
		})},
	}
}
