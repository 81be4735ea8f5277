package spec_test

import (
	"encoding/json"
	"testing"
	"time"

	"bucketuser/lambda/spec"
)

// CloudFormation sends numbers as text, and others may send them as numbers.
func TestServiceTimeout(t *testing.T) {
	for properties, want := range map[string]time.Duration{
		`{}`:                                     time.Hour,
		`{"ServiceTimeout": null}`:               time.Hour,
		`{"ServiceTimeout": "3600"}`:             time.Hour,
		`{"ServiceTimeout": "1800"}`:             30 * time.Minute,
		`{"ServiceTimeout": 1800}`:               30 * time.Minute,
		`{"ServiceTimeout": "1"}`:                time.Second,
		`{"ServiceTimeout": "0"}`:                time.Hour,
		`{"ServiceTimeout": -5}`:                 time.Hour,
		`{"ServiceTimeout": "3601"}`:             time.Hour,
		`{"ServiceTimeout": 1e30}`:               time.Hour,
		`{"ServiceTimeout": 1.5}`:                time.Hour,
		`{"ServiceTimeout": "an hour"}`:          time.Hour,
		`{"ServiceTimeout": {"Ref": "A"}}`:       time.Hour,
		`{"ServiceTimeout": "9999999999999999"}`: time.Hour,
	} {
		var given map[string]any
		if err := json.Unmarshal([]byte(properties), &given); err != nil {
			t.Fatal(err)
		}
		if got := spec.ServiceTimeout(given); got != want {
			t.Errorf("%s: %s, want %s", properties, got, want)
		}
	}
}
