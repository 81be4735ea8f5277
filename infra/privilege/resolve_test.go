//go:build e2e

package privilege

import (
	"fmt"
	"strings"
)

// resolve replaces CloudFormation's functions by their values.
func resolve(value any, refs map[string]string) (any, error) {
	switch v := value.(type) {
	case []any:
		resolved := make([]any, len(v))
		for i := range v {
			var err error
			if resolved[i], err = resolve(v[i], refs); err != nil {
				return nil, err
			}
		}
		return resolved, nil
	case map[string]any:
		if name, argument, ok := functionIn(v); ok {
			return function(name, argument, refs)
		}
		resolved := map[string]any{}
		for key, element := range v {
			var err error
			if resolved[key], err = resolve(element, refs); err != nil {
				return nil, err
			}
		}
		return resolved, nil
	default:
		return value, nil
	}
}

// functionIn returns the function that an object stands for, if it does.
func functionIn(object map[string]any) (name string, argument any, ok bool) {
	for name, argument := range object {
		if len(object) == 1 && (name == "Ref" || strings.HasPrefix(name, "Fn::")) {
			return name, argument, true
		}
	}
	return "", nil, false
}

func function(kind string, argument any, refs map[string]string) (any, error) {
	name := strings.Join(listOf(argument), ".")
	switch kind {
	case "Ref", "Fn::GetAtt":
		if value, ok := refs[name]; ok {
			return value, nil
		}
		return nil, fmt.Errorf("%s %s: unknown", kind, name)
	case "Fn::If": // no condition of a policy's content holds with the parameters above
		return resolve(argument.([]any)[2], refs)
	case "Fn::Join":
		arguments := argument.([]any)
		parts, err := resolve(arguments[1], refs)
		if err != nil {
			return nil, err
		}
		return strings.Join(listOf(parts), arguments[0].(string)), nil
	case "Fn::Sub":
		text, ok := argument.(string)
		for name, value := range refs {
			text = strings.ReplaceAll(text, "${"+name+"}", value)
		}
		if !ok || strings.Contains(text, "${") {
			return nil, fmt.Errorf("Fn::Sub %v: unknown", argument)
		}
		return text, nil
	default:
		return nil, fmt.Errorf("%s: these tests cannot resolve it", kind)
	}
}
