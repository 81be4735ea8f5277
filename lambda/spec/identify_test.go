package spec_test

import (
	"testing"

	"bucketuser/lambda/spec"
)

// A rotation knows names and tags, and no properties. Only what the properties gave or left out counts.
func TestIdentifyFindsWhatWasGiven(t *testing.T) {
	for _, given := range []map[string]any{
		nil,
		{"BucketName": "my-data"},
		{"UserName": "alice"},
		{"SecretName": "my/secret"},
		{"BucketName": "my-data", "UserName": "alice"},
		{"BucketName": "my-data", "UserName": "alice", "SecretName": "my/secret"},
	} {
		s := mustParse(t, given)
		names := spec.Names{User: s.UserName, Bucket: s.BucketName, Secret: s.SecretName}
		got, ok := spec.Identify(s.PhysicalID, s.StackID, s.LogicalID, names, s.Provider)
		if !ok || got.PhysicalID != s.PhysicalID || got.UserARN() != s.UserARN() || got.BucketName != s.BucketName {
			t.Errorf("%v: %v %+v", given, ok, got)
		}
	}
}

// Tags are claims: whoever copies those of another resource has another secret, user or bucket.
func TestA4IdentifyRefusesWhatDoesNotFit(t *testing.T) {
	s := mustParse(t, map[string]any{"BucketName": "my-data"})
	names := spec.Names{User: s.UserName, Bucket: s.BucketName, Secret: s.SecretName}
	other := s.Provider
	other.Account = "999999999999"
	narrow := s.Provider
	narrow.BucketNamePattern = "clickhouse-*"
	for name, test := range map[string]struct {
		id, stack, logical string
		names              spec.Names
		provider           spec.Provider
	}{
		"another id":           {s.PhysicalID + "x", s.StackID, s.LogicalID, names, s.Provider},
		"another stack":        {s.PhysicalID, s.StackID + "x", s.LogicalID, names, s.Provider},
		"another resource":     {s.PhysicalID, s.StackID, "Other", names, s.Provider},
		"another user":         {s.PhysicalID, s.StackID, s.LogicalID, spec.Names{User: "alice", Bucket: names.Bucket, Secret: names.Secret}, s.Provider},
		"another bucket":       {s.PhysicalID, s.StackID, s.LogicalID, spec.Names{User: names.User, Bucket: "other", Secret: names.Secret}, s.Provider},
		"another secret":       {s.PhysicalID, s.StackID, s.LogicalID, spec.Names{User: names.User, Bucket: names.Bucket, Secret: "bucketuser/mine"}, s.Provider},
		"nothing":              {"", "", "", spec.Names{}, s.Provider},
		"another account":      {s.PhysicalID, s.StackID, s.LogicalID, names, other},
		"outside of a pattern": {s.PhysicalID, s.StackID, s.LogicalID, names, narrow},
	} {
		if _, ok := spec.Identify(test.id, test.stack, test.logical, test.names, test.provider); ok {
			t.Errorf("%s: is this resource's", name)
		}
	}
}
