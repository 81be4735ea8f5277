package formats

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"bucketuser/lambda/spec"
)

// plain values need no quotes, in a shell as in the env files of containers.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]*$`)

// env writes NAME=value lines, quoted as a shell reads them.
func env(s Secret) ([]byte, error) {
	var b bytes.Buffer
	for _, field := range spec.SecretFields {
		value, isThere := s.Fields[field.Name]
		if !isThere {
			continue
		}
		if !plain.MatchString(value) {
			value = "'" + strings.ReplaceAll(value, "'", `'\''`) + "'"
		}
		fmt.Fprintf(&b, "%s=%s\n", field.Name, value)
	}
	return b.Bytes(), nil
}

// console writes the file that the console offers for download after "Create access key".
func console(s Secret) ([]byte, error) {
	var b bytes.Buffer
	err := csv.NewWriter(&b).WriteAll([][]string{
		{"Access key ID", "Secret access key"},
		{s.Fields[spec.FieldAccessKeyID], s.Fields[spec.FieldSecretAccessKey]},
	})
	return b.Bytes(), err
}

// object writes the secret's own object, with fields of others.
func object(s Secret) ([]byte, error) {
	var b bytes.Buffer
	err := json.Indent(&b, []byte(s.value), "", "  ")
	b.WriteByte('\n')
	return b.Bytes(), err
}
