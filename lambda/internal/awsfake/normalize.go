package awsfake

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

var generatedID = regexp.MustCompile(`(AKIA|AIDA)FAKE\d{12,13}|(fake\+secret)/[A-Za-z0-9+/]{28}|-(Fk)\d{4}|(v)\d{31}|(upload)\d{26}|(REQUEST)\d{9}`)

// Normalized is the snapshot with every id that AWS made up replaced by its kind and a number, in order of appearance:
// "<AKIA 1>" for the first key, "<version 2>" for a secret's second version. Two accounts in the same state have the
// same normalized snapshot, whatever happened in between. Policies and the values of secrets are searched as well, as
// is every text that has the form of such an id. Bodies of objects that are not UTF-8 are not kept as they are.
func (s Snapshot) Normalized() Snapshot {
	secrets := map[string]Secret{}
	for name, secret := range s.Secrets {
		secrets[name] = secret.numbered()
	}
	s.Secrets = secrets
	var out Snapshot
	text, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal([]byte(rename(string(text))), &out)
	}
	if err != nil {
		return s // a snapshot is plain data: this does not happen
	}
	return out
}

// rename numbers the generated ids of each kind in a text. Maps in JSON are sorted, so the order is always the same.
func rename(text string) string {
	names, counts := map[string]string{}, map[string]int{}
	return generatedID.ReplaceAllStringFunc(text, func(id string) string {
		if names[id] == "" {
			kind := strings.Trim(strings.Join(generatedID.FindStringSubmatch(id)[1:], ""), "-")
			counts[kind]++
			names[id] = fmt.Sprintf("<%s %d>", kind, counts[kind])
		}
		return names[id]
	})
}

// numbered replaces the version ids, which clients choose and may derive from the secret's ARN.
func (s Secret) numbered() Secret {
	versions := make([]SecretVersion, len(s.Versions))
	for i, v := range s.Versions {
		v.ID = fmt.Sprintf("<version %d>", i+1)
		versions[i] = v
	}
	s.Versions = versions
	return s
}
