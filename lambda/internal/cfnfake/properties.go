package cfnfake

import (
	"fmt"
	"maps"
)

// withToken is what CloudFormation makes of properties: every primitive a string,
// and its own property added.
func (s *Stack) withToken(properties map[string]any, token string) map[string]any {
	sent := maps.Clone(stringsOf(properties).(map[string]any))
	sent["ServiceToken"] = token
	return sent
}

// stringsOf is a copy of v in which every primitive is a string.
func stringsOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			out[key] = stringsOf(value)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = stringsOf(v[i])
		}
		return out
	case nil:
		return nil
	}
	return fmt.Sprint(v)
}
