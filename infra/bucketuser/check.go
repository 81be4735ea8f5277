package bucketuser

import (
	"encoding/json"
	"strings"

	"bucketuser/lambda/spec"
)

// judge returns why the function would refuse the properties, and of what it would warn, each "" for
// nothing. What holds a token is left for the function to judge.
//
// A value that an earlier version accepted is no error: the resource may have it, and the app must
// still be deployed. The function refuses it where it is new.
func judge(properties map[string]any) (refusal, warning string) {
	known := map[string]any{}
	for name, value := range properties {
		if !isToken(value) {
			known[name] = value
		}
	}
	if isToken(properties["BucketName"]) {
		delete(known, "Statements") // their resources lie in a bucket without a name yet
		if isAccountRegional(properties["BucketName"]) {
			known["BucketName"] = "token-an"
		}
	}
	if isToken(properties["OnDelete"]) {
		known["OnDelete"] = spec.Retain // with which every name may be right
	}
	partition := partitionOf(known)
	provider := spec.Provider{
		Partition: partition, Region: "us-east-1", Account: "000000000000", IAMPath: spec.DefaultIAMPath,
	}
	stack := "arn:" + partition + ":cloudformation:us-east-1:000000000000:stack/Synth/0"
	event, err := received(known)
	if err != nil {
		return err.Error(), ""
	}
	_, faults := spec.Read(event, stack, "Synth", provider)
	refused, outdated := faults.AtSynthesis()
	if len(outdated) > 0 {
		warning = outdated.Error() + keepsOutdated
	}
	if len(refused) > 0 {
		refusal = refused.Error()
	}
	return refusal, warning
}

// isAccountRegional reports whether a name that holds tokens ends as that of a bucket in an account
// regional namespace. Account and region stand before the end, most often as tokens.
func isAccountRegional(name any) bool {
	text, _ := name.(string)
	return spec.Spec{Properties: spec.Properties{BucketName: text}}.IsAccountRegional()
}

// keepsOutdated ends a warning of values that an earlier version accepted.
const keepsOutdated = "; a resource that has this value keeps it, and one that is given it now is refused"

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
