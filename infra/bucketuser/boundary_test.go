package bucketuser

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// boundaryIn returns the properties of the users' boundary: the managed policy that no role has.
func boundaryIn(template map[string]any) map[string]any {
	for _, policy := range resources(template, "AWS::IAM::ManagedPolicy") {
		if properties := policy["Properties"].(map[string]any); properties["Roles"] == nil {
			return properties
		}
	}
	return nil
}

// TestShippedBoundaryIsTheStacks holds the file for those who have a boundary of their own to the one of the provider
// stack. With -update it writes the file.
func TestShippedBoundaryIsTheStacks(t *testing.T) {
	text := shippedForm(t, withPlaceholders(t, boundaryIn(template(newProviderStack(t)))["PolicyDocument"]))
	file := filepath.Join("..", "policies", "boundary.json")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	shipped, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(shipped), text); diff != "" {
		t.Errorf("%s is not the boundary of the provider stack; write it with make golden (-file +stack):\n%s", file, diff)
	}
	// IAM does not count white space. The pattern stands in it twice, and may be longer than its placeholder.
	const limit, pattern = 6144, 63
	if size := len(strings.Join(strings.Fields(text), "")) + 2*pattern; size > limit {
		t.Errorf("%d characters, and a managed policy may have %d", size, limit)
	}
}

// shippedForm is a policy in the order in which people write it.
func shippedForm(t *testing.T, document any) string {
	t.Helper()
	var ordered struct {
		Version   string
		Statement []struct {
			Sid, Effect           string
			Action, NotAction     any `json:",omitempty"`
			Resource, NotResource any `json:",omitempty"`
			Condition             any `json:",omitempty"`
		}
	}
	if err := json.Unmarshal([]byte(jsonOf(t, document)), &ordered); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // placeholders stand in angle brackets
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(ordered); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// withPlaceholders replaces CloudFormation's functions as the other policies beside the file have it.
func withPlaceholders(t *testing.T, value any) any {
	t.Helper()
	switch v := value.(type) {
	case []any:
		for i := range v {
			v[i] = withPlaceholders(t, v[i])
		}
	case map[string]any:
		if name, ok := v["Ref"].(string); ok {
			text, known := map[string]string{"AWS::AccountId": "<account>", "AWS::Partition": "aws", "BucketNamePattern": "<bucket-pattern>"}[name]
			if !known {
				t.Errorf("the boundary refers to %s", name)
			}
			return text
		}
		for key := range v {
			v[key] = withPlaceholders(t, v[key])
		}
		if join, ok := v["Fn::Join"].([]any); ok {
			return joinedTexts(join[1].([]any))
		}
	}
	return value
}

func joinedTexts(parts []any) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(part.(string))
	}
	return b.String()
}
