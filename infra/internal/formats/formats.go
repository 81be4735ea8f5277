// Package formats writes the credentials of a resource for what reads them: a shell, the AWS CLI,
// ClickHouse. Each format is quoted as its reader wants it, whatever the prefix holds.
//
// It knows the secret's fields and not where they come from.
package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bucketuser/infra/internal/target"
)

// A Format writes what a secret holds, in one way.
type Format struct {
	Name  string
	write func(Secret) ([]byte, error)
}

// A Secret is the value of a resource's secret.
type Secret struct {
	Fields map[string]string // those that are text; others may have added fields of any type
	value  string
}

// all are the formats, in the order of the documentation.
var all = []Format{
	{"env", env},
	{"csv", console},
	{"json", object},
}

// Names are those of all formats, with commas between.
func Names() string { return strings.Join(names(), ", ") }

func names() []string {
	var names []string
	for _, f := range all {
		names = append(names, f.Name)
	}
	return names
}

// Named is the format of a name.
func Named(name string) (Format, error) {
	at := slices.IndexFunc(all, func(f Format) bool { return f.Name == name })
	if at < 0 {
		return Format{}, fmt.Errorf("format %q: %s", name, target.Nearest(name, names()))
	}
	return all[at], nil
}

// Text writes the value of a secret. Its error says that the secret does not hold what is needed, and
// nothing of what it holds.
func (f Format) Text(value string) ([]byte, error) {
	s := Secret{Fields: map[string]string{}, value: value}
	var fields map[string]any
	if err := json.Unmarshal([]byte(value), &fields); err != nil {
		return nil, errors.New("holds no credentials")
	}
	for name, field := range fields {
		if text, ok := field.(string); ok {
			s.Fields[name] = text
		}
	}
	return f.write(s)
}
