package secret

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"strings"

	"bucketuser/lambda/internal/awscall"
)

// Fields are those of a value by name, each as JSON: people add fields of any type. Whatever
// prints one prints REDACTED.
type Fields map[string]Text

// Get is what a field says that holds a string, and "" for any other.
func (f Fields) Get(name string) string {
	var text string
	if json.Unmarshal([]byte(f[name]), &text) != nil {
		return ""
	}
	return text
}

// with is the value in which our fields take the place of those of their names. The others stay
// as they are written, so that a number keeps its digits and no text becomes longer.
func (f Fields) with(ours map[string]string) (string, error) {
	all := map[string]json.RawMessage{}
	for name, field := range f {
		all[name] = json.RawMessage(field)
	}
	for name, text := range ours {
		field, err := json.Marshal(text)
		if err != nil {
			return "", err
		}
		all[name] = field
	}
	var value strings.Builder
	encoder := json.NewEncoder(&value)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(all)
	return strings.TrimSuffix(value.String(), "\n"), err
}

// Say reports whether fields say all of ours. No fields say nothing.
func (f Fields) Say(ours map[string]string) bool {
	same := len(f) > 0
	for name, text := range ours {
		same = same && f.Get(name) == text
	}
	return same
}

// SameBut reports whether two values are the same in all fields but some.
func (f Fields) SameBut(others Fields, but ...string) bool {
	f, others = maps.Clone(f), maps.Clone(others)
	for _, name := range but {
		delete(f, name)
		delete(others, name)
	}
	return maps.Equal(f, others)
}

// maxValue is how many bytes a value of Secrets Manager may have.
const maxValue = 65536

// Value is a value of our fields beside those that others have added. It is refused with more than
// 65536 bytes, the limit of Secrets Manager.
func (c Client) Value(others Fields, ours map[string]string) (string, error) {
	value, err := others.with(ours)
	switch {
	case err != nil:
		return "", fmt.Errorf("value of secret %s: cannot be encoded", c.spec.SecretName)
	case len(value) > maxValue:
		return "", awscall.Again(fmt.Errorf("value of secret %s: has %d bytes with the fields that others have added, and %d at most are possible; "+
			"take away what does not belong there", c.spec.SecretName, len(value), maxValue))
	}
	return value, nil
}

// Text is a secret access key, or a field of a secret's value. Whatever prints it prints REDACTED.
type Text string

const redacted = "REDACTED"

func (Text) String() string               { return redacted }
func (Text) GoString() string             { return redacted }
func (Text) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(redacted)) }
func (Text) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
func (Text) LogValue() slog.Value         { return slog.StringValue(redacted) }
