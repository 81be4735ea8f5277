// Package formats writes the credentials of a resource for what reads them: a shell, the AWS CLI,
// ClickHouse. Each format is quoted as its reader wants it, whatever the prefix holds.
//
// It knows the secret's fields and not where they come from. No error of it has any of them in it.
package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bucketuser/infra/internal/target"
	"bucketuser/lambda/spec"
)

// A Format writes what is known of a resource, in one way.
type Format struct {
	Name string
	// NeedsValue says that the value of the secret is written, and not only its name.
	NeedsValue bool

	needs []string // fields of the secret
	write func(Resource) ([]byte, error)
	note  func(Resource) string
	spare func(r Resource, file []byte) error
}

// A Resource is what a format may write.
type Resource struct {
	Name       string // see [NameOf]
	SecretName string
	Region     string
	Fields     map[string]string // of the secret that are text; others may have added fields of any type
	value      string            // of the secret, a JSON object
}

// all are the formats, in the order of the documentation.
var all = []Format{
	{Name: "env", NeedsValue: true, needs: keys, write: env, note: quoted},
	{Name: "csv", NeedsValue: true, needs: keys, write: console},
	{Name: "json", NeedsValue: true, needs: keys, write: object},
	{Name: "aws-profile", NeedsValue: true, needs: append(keys, spec.FieldRegion), write: profile, spare: otherProfiles},
	{Name: "clickhouse-xml", NeedsValue: true, needs: append(keys, spec.FieldRegion, spec.FieldURL), write: clickHouseXML},
	{Name: "clickhouse-sql", NeedsValue: true, needs: append(keys, spec.FieldURL, spec.FieldBackupURL), write: clickHouseSQL},
	{Name: "clickhouse-backup", NeedsValue: true, write: clickHouseBackup,
		needs: append(keys, spec.FieldRegion, spec.FieldBucket, spec.FieldPrefix, spec.FieldBackupPrefix)},
	{Name: "external-secrets", write: externalSecret},
}

var keys = []string{spec.FieldAccessKeyID, spec.FieldSecretAccessKey}

// Names are those of all formats.
func Names() []string {
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
		return Format{}, fmt.Errorf("format %q: %s", name, target.Nearest(name, Names()))
	}
	return all[at], nil
}

// Read fills in the fields from the value of the secret, and fails if some are missing that the format needs.
func (f Format) Read(r *Resource, value string) error {
	var fields map[string]any
	if err := json.Unmarshal([]byte(value), &fields); err != nil {
		return errors.New("holds no credentials")
	}
	r.value, r.Fields = value, map[string]string{}
	for name, field := range fields {
		if text, ok := field.(string); ok {
			r.Fields[name] = text
		}
	}
	for _, name := range f.needs {
		if r.Fields[name] == "" {
			return fmt.Errorf("has no field %s; the next update of the resource puts it back", name)
		}
	}
	return nil
}

// Text is what the format writes.
func (f Format) Text(r Resource) ([]byte, error) { return f.write(r) }

// Note is what somebody who reads the text should know, or "".
func (f Format) Note(r Resource) string {
	if f.note == nil {
		return ""
	}
	return f.note(r)
}

// Spare fails if a file holds what would be lost if the text took its place.
func (f Format) Spare(r Resource, file []byte) error {
	if f.spare == nil {
		return nil
	}
	return f.spare(r, file)
}

// NameOf is what disks, collections and profiles of a resource are called: it has letters, digits and "_"
// alone, and starts with a letter. Of a resource that is not known the secret's name has to do.
func NameOf(stack, logicalID, secretName string) string {
	name := stack + "_" + logicalID
	switch {
	case logicalID == "":
		name = "s3_" + secretName
	case stack == logicalID:
		name = stack
	}
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, name)
}
