package formats

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"bucketuser/lambda/spec"
)

// plain values need no quotes, in a shell as in the env files of containers.
var plain = regexp.MustCompile(`^[A-Za-z0-9_./:@%+=,-]*$`)

// env writes NAME=value lines, quoted as a shell reads them.
func env(r Resource) ([]byte, error) {
	var b bytes.Buffer
	for _, field := range spec.SecretFields {
		value, isThere := r.Fields[field.Name]
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

// quoted says which lines Docker would read otherwise: it knows no quotes in a file of variables.
func quoted(r Resource) string {
	var names []string
	for _, field := range spec.SecretFields {
		if !plain.MatchString(r.Fields[field.Name]) {
			names = append(names, field.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return strings.Join(names, " and ") + " in quotes, for a shell or systemd; docker run --env-file would take the quotes as well"
}

// console writes the file that the console offers for download after "Create access key".
func console(r Resource) ([]byte, error) {
	var b bytes.Buffer
	err := csv.NewWriter(&b).WriteAll([][]string{
		{"Access key ID", "Secret access key"},
		{r.Fields[spec.FieldAccessKeyID], r.Fields[spec.FieldSecretAccessKey]},
	})
	return b.Bytes(), err
}

// object writes the secret's own object, with fields of others.
func object(r Resource) ([]byte, error) {
	var b bytes.Buffer
	err := json.Indent(&b, []byte(r.value), "", "  ")
	b.WriteByte('\n')
	return b.Bytes(), err
}

// profile writes a section of ~/.aws/credentials. There nothing is quoted, and keys and regions need no quotes.
func profile(r Resource) ([]byte, error) {
	return fmt.Appendf(nil, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\nregion = %s\n",
		r.Name, r.Fields[spec.FieldAccessKeyID], r.Fields[spec.FieldSecretAccessKey], r.Fields[spec.FieldRegion]), nil
}

// otherProfiles fails if a file has profiles beside that of the resource.
func otherProfiles(r Resource, file []byte) error {
	for lines := bufio.NewScanner(bytes.NewReader(file)); lines.Scan(); {
		if line := strings.TrimSpace(lines.Text()); strings.HasPrefix(line, "[") && line != "["+r.Name+"]" {
			return errors.New("has other profiles, which would be lost; leave --output out, and put the lines there by hand")
		}
	}
	return nil
}
