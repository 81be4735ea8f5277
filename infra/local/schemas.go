package local

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// A Schema is what the registry of CloudFormation says of a type of resource.
type Schema struct {
	Handlers map[string]Calls // create, read, update, delete, list
	Tagging  Calls
}

// Calls are the actions that CloudFormation needs the right to.
type Calls struct{ Permissions []string }

// Schemas returns the schemas of types of resource. They come with cfn-lint, which is
// installed in the way of [Install].
func Schemas(ctx context.Context, root string, types []string, out io.Writer) (map[string]Schema, error) {
	tools, err := Install(ctx, root, forSchemaTests, out)
	if err != nil {
		return nil, err
	}
	venv := filepath.Dir(filepath.Dir(tools.CfnLint))
	folders, err := filepath.Glob(filepath.Join(venv, "lib", "python3*", "site-packages", "cfnlint", "data", "schemas"))
	if err != nil || len(folders) != 1 {
		return nil, fmt.Errorf("cfn-lint: has its schemas in %v: %w", folders, err)
	}
	files := map[string]string{} // of a type, without the ending
	if err := readJSON(filepath.Join(folders[0], "providers", "us-east-1.json"), &files); err != nil {
		return nil, err
	}
	schemas := map[string]Schema{}
	for _, typ := range types {
		var s Schema
		if err := readJSON(filepath.Join(folders[0], "resources", files[typ]+".json"), &s); err != nil {
			return nil, fmt.Errorf("schema of %s: %w", typ, err)
		}
		schemas[typ] = s
	}
	return schemas, nil
}

func readJSON(file string, value any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, value)
}
