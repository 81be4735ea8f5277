package main

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"bucketuser/infra/internal/values"
	"bucketuser/lambda/spec"
)

// keep says what to do to keep what is deployed. The command line wins over the file, so what it says has to go.
func (d deployment) keep(open []change) string {
	var spoken []string
	section := map[string]any{}
	for _, c := range open {
		word := d.spoken(c.name)
		if word != "" {
			spoken = append(spoken, word)
		}
		if word == "" || !d.isKept(c) {
			section[c.name] = c.deployed
		}
	}
	var steps []string
	if len(spoken) > 0 {
		steps = append(steps, "leave out "+strings.Join(spoken, " and "))
	}
	if len(section) > 0 {
		steps = append(steps, d.write(section))
	}
	return "to keep what is deployed, " + strings.Join(steps, ", and ")
}

// write says what to write into the file, with the spaces of the pages: a line of it fits where a section is.
func (d deployment) write(section map[string]any) string {
	var text strings.Builder
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(map[string]any{d.stack: section}); err != nil {
		return err.Error()
	}
	file := d.values
	if file == "" {
		file = values.DefaultFile
	}
	return fmt.Sprintf("write into %s:\n\n%s", file, text.String())
}

// spoken is what the command line says of a property or parameter, as it stands there, or "".
func (d deployment) spoken(name string) string {
	for _, pair := range d.option("-c", "--context") {
		if key, _, _ := strings.Cut(pair, "="); propertyOf(key) == name {
			return "-c " + pair
		}
	}
	for _, pair := range d.option("--parameters") {
		if strings.HasPrefix(pair, name+"=") {
			return fmt.Sprintf("PARAMETERS=%q", pair)
		}
	}
	return ""
}

// propertyOf is the property that a context key gives, or "".
func propertyOf(key string) string {
	if !propertyKey.MatchString(key) {
		return ""
	}
	return strings.ToUpper(key[:1]) + key[1:]
}

// isKept reports whether what is deployed would stay if the command line said nothing of it.
func (d deployment) isKept(c change) bool {
	if d.isProvider {
		_, isWritten := d.kept[c.name]
		return !isWritten || shownParameter(c.name, d.parameterOfFile(c.name)) == c.from
	}
	for _, row := range spec.Table {
		if row.Name == c.name {
			return shown(row, d.kept) == c.from
		}
	}
	return false
}
