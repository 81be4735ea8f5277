package awsfake

import (
	"bytes"
	"encoding/json"
	"strings"
)

// policy is a policy document. A bucket's has the unique ids of this account's users and roles in place of their ARNs.
type policy struct {
	ID         string      `json:"Id,omitempty"`
	Version    string      `json:"Version,omitempty"`
	Statements []statement `json:"Statement"`

	hasVariables bool // and its version makes them such
}

// statement is one statement, its principals as a list of names by kind (AWS, Service, CanonicalUser, Federated).
type statement struct {
	Sid          string
	Effect       string
	Principal    principals
	NotPrincipal principals
	Action       words
	NotAction    words
	Resource     words
	NotResource  words
	Condition    map[string]map[string]words
}

// words is a JSON string, boolean or number, or a list of them.
type words []string

// UnmarshalJSON reads one value or many.
func (w *words) UnmarshalJSON(text []byte) error {
	if text = bytes.TrimSpace(text); len(text) == 0 || text[0] != '[' {
		text = append(append([]byte{'['}, text...), ']')
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	*w = make(words, 0, len(raw))
	for _, item := range raw {
		var s string
		if err := json.Unmarshal(item, &s); err != nil {
			s = string(item)
		}
		*w = append(*w, s)
	}
	return nil
}

// MarshalJSON writes a single value without the list around it, as S3 shows a policy.
func (w words) MarshalJSON() ([]byte, error) {
	if len(w) == 1 {
		return json.Marshal(w[0])
	}
	return json.Marshal([]string(w))
}

// principals is a Principal element; everyone is {"*": ["*"]}.
type principals map[string]words

// UnmarshalJSON reads "*" or an object.
func (p *principals) UnmarshalJSON(text []byte) error {
	var everyone string
	if err := json.Unmarshal(text, &everyone); err == nil {
		*p = principals{everyone: words{everyone}}
		return nil
	}
	kinds := map[string]words{}
	err := json.Unmarshal(text, &kinds)
	*p = kinds
	return err
}

// MarshalJSON writes "*" or an object.
func (p principals) MarshalJSON() ([]byte, error) {
	if _, everyone := p["*"]; everyone {
		return []byte(`"*"`), nil
	}
	return json.Marshal(map[string]words(p))
}

// MarshalJSON leaves out what the statement does not have.
func (s statement) MarshalJSON() ([]byte, error) {
	out := map[string]any{"Effect": s.Effect}
	if s.Sid != "" {
		out["Sid"] = s.Sid
	}
	for name, p := range map[string]principals{"Principal": s.Principal, "NotPrincipal": s.NotPrincipal} {
		if p != nil {
			out[name] = p
		}
	}
	for name, w := range map[string]words{
		"Action": s.Action, "NotAction": s.NotAction, "Resource": s.Resource, "NotResource": s.NotResource,
	} {
		if w != nil {
			out[name] = w
		}
	}
	if len(s.Condition) > 0 {
		out["Condition"] = s.Condition
	}
	return json.Marshal(out)
}

// parsePolicy reads a document; its statements are a list or a single one.
func parsePolicy(text string) (*policy, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return nil, malformed("Policies must be valid JSON and the first byte must be '{'")
	}
	var doc struct {
		ID        string `json:"Id"`
		Version   string
		Statement json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return nil, malformed("Policies must be valid JSON and the first byte must be '{'")
	}
	p := &policy{ID: doc.ID, Version: doc.Version, hasVariables: doc.Version == variablesSince && strings.Contains(text, "${")}
	list := bytes.TrimSpace(doc.Statement)
	if len(list) > 0 && list[0] == '{' {
		list = append(append([]byte{'['}, list...), ']')
	}
	if len(list) == 0 || json.Unmarshal(list, &p.Statements) != nil {
		return nil, malformed("Missing required field Statement")
	}
	return p, nil
}

func malformed(message string) *Error { return &Error{400, "MalformedPolicy", message} }

// text is the document as JSON, without escapes for HTML.
func (p *policy) text() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(p) // strings, lists and maps of them always encode
	return strings.TrimSpace(b.String())
}

// glob matches a policy's wildcards: * is any run of bytes, ? is one byte.
func glob(pattern, s string) bool {
	star, from := -1, 0 // the last star, and where in s its run ends so far
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p, i = p+1, i+1
		case star >= 0:
			from++
			p, i = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

func (w words) glob(s string) bool {
	for _, pattern := range w {
		if glob(pattern, s) {
			return true
		}
	}
	return false
}

// action matches names of actions, whose case does not count.
func (w words) action(name string) bool {
	for _, pattern := range w {
		if glob(strings.ToLower(pattern), strings.ToLower(name)) {
			return true
		}
	}
	return false
}
