package bucketuser

import (
	"encoding/json"
	"strings"

	"bucketuser/lambda/spec"
)

// refused returns why the function would refuse the properties, or "". What holds
// a token is left for the function to judge.
func refused(properties map[string]any) string {
	known := map[string]any{}
	for name, value := range properties {
		if !isToken(value) {
			known[name] = value
		}
	}
	if isToken(properties["BucketName"]) {
		delete(known, "Statements") // their resources lie in a bucket without a name yet
	}
	partition := partitionOf(known)
	provider := spec.Provider{
		Partition: partition, Region: "us-east-1", Account: "000000000000", IAMPath: spec.DefaultIAMPath,
	}
	stack := "arn:" + partition + ":cloudformation:us-east-1:000000000000:stack/Synth/0"
	event, err := received(known)
	if err == nil {
		_, err = spec.Parse(event, stack, "Synth", provider)
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// received returns properties with the types that they have in an event.
func received(properties map[string]any) (event map[string]any, err error) {
	text, err := json.Marshal(properties)
	if err == nil {
		err = json.Unmarshal(text, &event)
	}
	return event, err
}

// isToken reports whether value is or contains something that is only known when
// the template is synthesized or deployed. CDK hides tokens in strings and list
// elements with a marker, in numbers as huge negative ones.
func isToken(value any) bool {
	if number, ok := value.(float64); ok {
		return number < -1e288
	}
	text, err := json.Marshal(value)
	return err == nil && strings.Contains(string(text), "{Token[")
}

// partitionOf returns the partition of the first ARN of a bucket. A statement may
// spell one out, and a stack that may be deployed anywhere knows no partition.
func partitionOf(properties map[string]any) string {
	text, err := json.Marshal(properties["Statements"])
	_, after, found := strings.Cut(string(text), `"arn:`)
	if partition, _, isBucket := strings.Cut(after, ":s3:::"); err == nil && found && isBucket {
		return partition
	}
	return "aws"
}
