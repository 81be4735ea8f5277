package walk_test

import (
	"maps"

	"pgregory.net/rapid"

	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// names that stacks are given, one row for each set: none, all of them, or the
// bucket's alone.
var nameSets = []sim.Properties{
	{},
	{"BucketName": "data-a", "UserName": "user-a", "SecretName": "keys/a"},
	{"BucketName": "data-b", "UserName": "user-b", "SecretName": "keys/b"},
	{"BucketName": "data-c"},
	{"BucketName": "data-a"},
}

// loneRenames keep one name of the first set and change the others.
var loneRenames = []sim.Properties{
	{"BucketName": "data-b", "UserName": "user-a", "SecretName": "keys/b"},
	{"BucketName": "data-a", "UserName": "user-b", "SecretName": "keys/b"},
	{"BucketName": "data-b", "UserName": "user-b", "SecretName": "keys/a"},
}

// values that change in place.
var values = map[string][]any{
	"Prefix":                          {"data/", "logs/", "a b/%c/"},
	"FolderMarker":                    {"true", "false"},
	"Access":                          {"ReadWrite", "ReadOnly", "Full"},
	"EnforceTls":                      {"true", "false"},
	"Versioning":                      {nil, "false", "true"},
	"AbortIncompleteUploadsAfterDays": {nil, "7", "0", "3"},
	"ExpireNoncurrentAfterDays":       {nil, "0", "1", "30"},
	"SecretRecoveryDays":              {"0", "7"},
	"VerifyCredentials":               {"true", "false"},
	"Tags":                            {nil, []any{sim.Properties{"Key": "team", "Value": "data"}}, []any{sim.Properties{"Key": "team", "Value": "a+b/c"}, sim.Properties{"Key": "x", "Value": ""}}},
	"Statements":                      {nil, []any{sim.Properties{"Effect": "Allow", "Action": "s3:GetObjectTagging"}}},
	"SecretKmsKeyId":                  {"", "alias/mine"},
	"KeySerial":                       {nil, "1", "2", "7"},
	"PreviousKey":                     {nil, "Delete"},
	"RotateAfterDays":                 {nil, "30", "60", "90"},
}

var valueNames = []string{"Prefix", "FolderMarker", "Access", "EnforceTls", "Versioning", "AbortIncompleteUploadsAfterDays", "ExpireNoncurrentAfterDays",
	"SecretRecoveryDays", "VerifyCredentials", "Tags", "Statements", "SecretKmsKeyId", "KeySerial", "PreviousKey", "RotateAfterDays", "RotateAfterDays"}

var onDeletes = []any{spec.DeleteIfEmpty, spec.Purge, spec.Retain}

// drawValues changes up to three properties. Versions expire only where there are any: everything else is refused for the
// state of the account.
func drawValues(t *rapid.T, p sim.Properties) sim.Properties {
	p = maps.Clone(p)
	for range rapid.IntRange(1, 3).Draw(t, "changes") {
		name := rapid.SampledFrom(valueNames).Draw(t, "property")
		if value := rapid.SampledFrom(values[name]).Draw(t, "value"); value == nil {
			delete(p, name)
		} else {
			p[name] = value
		}
	}
	if p["Versioning"] != "true" {
		delete(p, "ExpireNoncurrentAfterDays")
	}
	return p
}

func withNames(p, given sim.Properties) sim.Properties {
	p = maps.Clone(p)
	for _, name := range []string{"BucketName", "UserName", "SecretName"} {
		delete(p, name)
	}
	maps.Copy(p, given)
	return p
}
