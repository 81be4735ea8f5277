package status

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"bucketuser/lambda/spec"
)

// Names are those of the very set that is meant, or not known.
func TestIdentify(t *testing.T) {
	given := map[string]any{"BucketName": "b-given", "UserName": "u-given", "SecretName": "s-given", "Prefix": "logs/", "Access": "Full"}
	with := func(name, text string) map[string]any {
		changed := map[string]any{}
		for key, value := range given {
			changed[key] = value
		}
		changed[name] = text
		return changed
	}
	for name, test := range map[string]struct {
		given   map[string]any // properties of the set
		said    answer[map[string]any]
		noValue bool

		isSaid, isNamed bool
		bucket, prefix  string
	}{
		"said":                  {given, answer[map[string]any]{value: given}, false, true, true, "b-given", "logs/"},
		"said, without a value": {given, answer[map[string]any]{value: given}, true, true, true, "b-given", "logs/"},
		"of another set":        {given, answer[map[string]any]{value: with("UserName", "u-other")}, false, false, true, "b-given", "logs/"},
		"with what is masked":   {given, answer[map[string]any]{value: with("Prefix", "****")}, false, false, true, "b-given", "logs/"},
		"not said":              {given, answer[map[string]any]{isNone: true}, false, false, true, "b-given", "logs/"},
		"not to be asked":       {given, answer[map[string]any]{err: errors.New("no")}, false, false, true, "b-given", "logs/"},
		"not said, no value":    {given, answer[map[string]any]{isNone: true}, true, false, false, "", ""},
		"generated, no value":   {nil, answer[map[string]any]{isNone: true}, true, false, true, healthy(nil).spec.BucketName, "data/"},
	} {
		t.Run(name, func(t *testing.T) {
			f := healthy(test.given)
			if test.noValue {
				f.value = answer[value]{isNone: true}
			}
			f.spec, f.isSaid, f.isNamed = spec.Spec{}, false, false
			f.identify(test.said)
			if f.isSaid != test.isSaid || f.isNamed != test.isNamed || f.spec.BucketName != test.bucket || f.spec.Prefix != test.prefix {
				t.Errorf("said %t, named %t, bucket %q, prefix %q", f.isSaid, f.isNamed, f.spec.BucketName, f.spec.Prefix)
			}
			if f.isNamed && f.spec.PhysicalID != f.target.PhysicalID {
				t.Errorf("of %s, not %s", f.spec.PhysicalID, f.target.PhysicalID)
			}
		})
	}
}

// The properties in force are those of the last event that ended well.
func TestPropertiesInEvents(t *testing.T) {
	l := looker{target: healthy(nil).target}
	event := func(resource, physical string, status types.ResourceStatus, properties string) types.StackEvent {
		return types.StackEvent{LogicalResourceId: &resource, PhysicalResourceId: &physical, ResourceStatus: status, ResourceProperties: aws.String(properties)}
	}
	id := l.target.PhysicalID
	for name, test := range map[string]struct {
		event types.StackEvent
		want  bool
	}{
		"created":        {event("Disk", id, types.ResourceStatusCreateComplete, `{"Prefix":"x/"}`), true},
		"updated":        {event("Disk", id, types.ResourceStatusUpdateComplete, `{"Prefix":"x/"}`), true},
		"failed":         {event("Disk", id, types.ResourceStatusUpdateFailed, `{"Prefix":"x/"}`), false},
		"under way":      {event("Disk", id, types.ResourceStatusUpdateInProgress, `{"Prefix":"x/"}`), false},
		"another":        {event("Other", id, types.ResourceStatusCreateComplete, `{"Prefix":"x/"}`), false},
		"the set before": {event("Disk", "Disk-v1-other", types.ResourceStatusCreateComplete, `{"Prefix":"x/"}`), false},
		"cut off":        {event("Disk", id, types.ResourceStatusCreateComplete, `{"Prefix":"x`), false},
		"without":        {event("Disk", id, types.ResourceStatusCreateComplete, ""), false},
	} {
		if is := l.propertiesIn(test.event); (is != nil) != test.want || is != nil && is["Prefix"] != "x/" {
			t.Errorf("%s: %v", name, is)
		}
	}
}
