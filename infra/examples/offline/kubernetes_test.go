//go:build e2e

package offline

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// The operator, whose module holds its custom resource definitions. It is too large
// to be a dependency, and so pinned here.
const (
	operator    = "github.com/external-secrets/external-secrets@v1.3.2"
	operatorSum = "h1:u2J8RjlHIeF0oZCqtl92adI/uZWUwOesJIDkfql6LqQ="
)

// TestExternalSecrets validates the manifests, those of the example and the one that bucketuser credentials writes, against
// the definitions that the API server would have, with fields that these do not name refused.
func TestExternalSecrets(t *testing.T) {
	bases := filepath.Join(operatorDir(t), "config", "crds", "bases")
	kinds := map[string]int{}
	for _, manifest := range append(documents(t, "../external-secrets/external-secret.yaml"), documents(t, awkward+"external-secrets")...) {
		kind, version := manifest["kind"].(string), manifest["apiVersion"].(string)
		kinds[kind]++
		file := "external-secrets.io_" + strings.ToLower(kind) + "s.yaml"
		schema := schemaOf(t, filepath.Join(bases, file), version)
		if err := schema.Validate(jsonOf(t, manifest)); err != nil {
			t.Error(err)
		}
		manifest["spec"].(map[string]any)["unknown"] = true
		if schema.Validate(jsonOf(t, manifest)) == nil {
			t.Errorf("%s: an unknown field was not refused", kind)
		}
	}
	if kinds["ExternalSecret"] != 2 || kinds["SecretStore"] != 1 || len(kinds) != 2 {
		t.Errorf("manifests: %v", kinds)
	}
}

// operatorDir has the go command fetch the operator's module, once, and returns
// where it is.
func operatorDir(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "mod", "download", "-json", operator)
	cmd.Dir = t.TempDir() // away from this module, which does not name it
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", operator, err, output)
	}
	var module struct{ Dir, Sum string }
	if err := json.Unmarshal(output, &module); err != nil {
		t.Fatal(err)
	}
	if module.Sum != operatorSum {
		t.Fatalf("%s has the checksum %s, want %s", operator, module.Sum, operatorSum)
	}
	return module.Dir
}

func documents(t *testing.T, file string) []map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var list []map[string]any
	for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var document map[string]any
		err := decoder.Decode(&document)
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, document)
	}
}

// schemaOf returns the schema of a version of the kind that a definition is for.
func schemaOf(t *testing.T, file, version string) *jsonschema.Schema {
	t.Helper()
	spec := documents(t, file)[0]["spec"].(map[string]any)
	for _, v := range spec["versions"].([]any) {
		v := v.(map[string]any)
		if spec["group"].(string)+"/"+v["name"].(string) != version || v["served"] != true {
			continue
		}
		schema := v["schema"].(map[string]any)["openAPIV3Schema"].(map[string]any)
		schema["properties"].(map[string]any)["metadata"] = map[string]any{
			"type": "object", "required": []any{"name"},
			"properties": map[string]any{"name": map[string]any{"type": "string", "pattern": `^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`}},
		}
		seal(schema)
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		if err := compiler.AddResource("file:///definition.json", jsonOf(t, schema)); err != nil {
			t.Fatal(err)
		}
		compiled, err := compiler.Compile("file:///definition.json")
		if err != nil {
			t.Fatal(err)
		}
		return compiled
	}
	t.Fatalf("%s does not serve %s", filepath.Base(file), version)
	return nil
}

// seal refuses properties that a schema does not name, at every depth.
func seal(schema map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	for _, property := range properties {
		seal(property.(map[string]any))
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if inner, ok := schema[key].(map[string]any); ok {
			seal(inner)
		}
	}
	_, open := schema["additionalProperties"]
	if properties != nil && !open && schema["x-kubernetes-preserve-unknown-fields"] != true {
		schema["additionalProperties"] = false
	}
}

// jsonOf returns a value of YAML as a decoder of JSON would have it.
func jsonOf(t *testing.T, value any) any {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}
