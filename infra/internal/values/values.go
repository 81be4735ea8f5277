// Package values reads the file that keeps what stacks are deployed with: in YAML, of which JSON is a
// part, a section for each stack by its name, and in it properties or parameters by theirs.
package values

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.yaml.in/yaml/v3"
)

// ContextKey is the key by which the app is told the file.
const ContextKey = "values"

// DefaultFile is read where no other is named, if it is there.
const DefaultFile = "values.yaml"

// Architecture is the one value that is neither a property nor a parameter.
const Architecture = "Architecture"

// A Section is what a file says of one stack. Null stands for the default of a value.
type Section map[string]any

// Read returns the section of a stack, nil if the file has none.
func Read(file, stack string) (Section, error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no such file; it keeps the values of stacks, see infra/production.md", file)
	}
	if err != nil {
		return nil, err
	}
	var sections map[string]yaml.Node
	if err := yaml.Unmarshal(text, &sections); err != nil {
		return nil, fmt.Errorf("%s: must have a section for each stack, with properties by their names: %w", file, err)
	}
	node, ok := sections[stack]
	if !ok {
		return nil, nil
	}
	keepDates(&node)
	section := map[string]any{}
	if err := node.Decode(&section); err != nil {
		return nil, fmt.Errorf("%s: section %s must have properties by their names: %w", file, stack, err)
	}
	if section == nil { // null
		return Section{}, nil
	}
	return section, nil
}

// keepDates has a date stay the text that it is in every property.
func keepDates(node *yaml.Node) {
	if node.ShortTag() == "!!timestamp" {
		node.Tag = "!!str"
	}
	for _, child := range node.Content {
		keepDates(child)
	}
}
