package awsfake

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
)

// generated are the forms of the ids that AWS makes up here: what they begin with, what they go on with and for how many
// bytes at least and at most, and the kind that stands in their place.
var generated = []struct {
	prefix      string
	isPart      func(byte) bool
	least, most int
	kind        string
}{
	{"AKIAFAKE", isDigit, 12, 13, "AKIA"},
	{"AIDAFAKE", isDigit, 12, 13, "AIDA"},
	{"AROAFAKE", isDigit, 12, 13, "AROA"},
	{"fake+secret/", isBase64, 28, 28, "fake+secret"},
	{"-Fk", isDigit, 4, 4, "Fk"},
	{"v", isDigit, 31, 31, "v"},
	{"upload", isDigit, 26, 26, "upload"},
	{"REQUEST", isDigit, 9, 9, "REQUEST"},
}

// isFirst are the bytes that they begin with.
var isFirst = func() (is [256]bool) {
	for _, g := range generated {
		is[g.prefix[0]] = true
	}
	return is
}()

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isBase64(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '+' || c == '/'
}

// generatedAt is the length of the id that a text begins with, which is not empty, and its kind. It is 0 for a text that
// begins with none.
// A regular expression of all the forms takes a quarter of the time of an enumeration, and comparing each of them at each
// byte a twentieth.
func generatedAt(text string) (length int, kind string) {
	if !isFirst[text[0]] {
		return 0, ""
	}
	for _, g := range generated {
		if !strings.HasPrefix(text, g.prefix) {
			continue
		}
		end := len(g.prefix)
		for end < len(text) && end < len(g.prefix)+g.most && g.isPart(text[end]) {
			end++
		}
		if end >= len(g.prefix)+g.least {
			return end, g.kind
		}
	}
	return 0, ""
}

// Normalized is the snapshot with every id that AWS made up replaced by its kind and a number, in order of appearance:
// "<AKIA 1>" for the first key, "<version 2>" for a secret's second version. Two accounts in the same state have the
// same normalized snapshot, whatever happened in between. Policies and the values of secrets are searched as well, as
// is every text that has the form of such an id. Bodies of objects that are not UTF-8 are not kept as they are.
func (s Snapshot) Normalized() Snapshot {
	var out Snapshot
	if err := json.Unmarshal([]byte(s.NormalizedJSON()), &out); err != nil {
		return s // a snapshot is plain data: this does not happen
	}
	return out
}

// NormalizedJSON is the normalized snapshot as JSON.
func (s Snapshot) NormalizedJSON() string {
	secrets := map[string]Secret{}
	for name, secret := range s.Secrets {
		secrets[name] = secret.numbered()
	}
	s.Secrets = secrets
	text, err := json.Marshal(s)
	if err != nil {
		return err.Error() // a snapshot is plain data: this does not happen
	}
	return rename(string(text))
}

// rename numbers the generated ids of each kind in a JSON text. Maps in it are sorted, so the order is always the same.
func rename(text string) string {
	names, counts := map[string]string{}, map[string]int{}
	var out strings.Builder
	copied := 0
	for i := 0; i < len(text); {
		length, kind := generatedAt(text[i:])
		if length == 0 {
			i++
			continue
		}
		id := text[i : i+length]
		if names[id] == "" {
			counts[kind]++
			names[id] = fmt.Sprintf(`\u003c%s %d\u003e`, kind, counts[kind]) // as json.Marshal has < and >
		}
		out.WriteString(text[copied:i])
		out.WriteString(names[id])
		i += length
		copied = i
	}
	out.WriteString(text[copied:])
	return out.String()
}

// numbered replaces the version ids, which clients choose, draw, or derive from the secret's ARN: also where tags name them.
func (s Secret) numbered() Secret {
	versions, tags := make([]SecretVersion, len(s.Versions)), maps.Clone(s.Tags)
	for i, v := range s.Versions {
		if v.ID == "" { // taken out
			continue
		}
		number := fmt.Sprintf("<version %d>", i+1)
		for key, value := range tags {
			if v.ID != "" { // or it was numbered before
				tags[key] = strings.ReplaceAll(value, v.ID, number)
			}
		}
		v.ID = number
		versions[i] = v
	}
	s.Versions, s.Tags = versions, tags
	return s
}
