package spec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/spec"
)

// limited is a provider with patterns.
func limited(bucket, secret string) spec.Provider {
	p := provider
	p.BucketNamePattern, p.SecretNamePattern = bucket, secret
	return p
}

func TestNamesOutsideThePatternsAreRefused(t *testing.T) {
	const advice = "; have the provider deployed with another pattern, or give a resource that is new a name that does"
	tests := []struct {
		name       string
		provider   spec.Provider
		properties map[string]any
		want       string // "" is accepted
	}{
		{"no patterns", limited("", ""), map[string]any{"BucketName": "any", "SecretName": "any"}, ""},
		{"generated names, default patterns", limited("bucketuser-*", "bucketuser/*"), nil, ""},
		{"inside", limited("clickhouse-*", "clickhouse/*"), map[string]any{"BucketName": "clickhouse-a", "SecretName": "clickhouse/a/b"}, ""},
		{"the star stands for nothing", limited("clickhouse*", ""), map[string]any{"BucketName": "clickhouse"}, ""},
		{"star in the middle", limited("click*-prod", ""), map[string]any{"BucketName": "clickhouse-prod"}, ""},
		{"user names have no pattern", limited("bucketuser-*", "bucketuser/*"), map[string]any{"UserName": "any"}, ""},
		{"bucket", limited("clickhouse-*", ""), map[string]any{"BucketName": "data"},
			"BucketName: data does not match the provider's parameter BucketNamePattern clickhouse-*" + advice},
		{"end", limited("*-prod", ""), map[string]any{"BucketName": "a-prod-2"},
			"BucketName: a-prod-2 does not match the provider's parameter BucketNamePattern *-prod" + advice},
		{"beginning", limited("clickhouse-*", ""), map[string]any{"BucketName": "my-clickhouse-a"},
			"BucketName: my-clickhouse-a does not match the provider's parameter BucketNamePattern clickhouse-*" + advice},
		{"secret", limited("", "clickhouse/*"), map[string]any{"SecretName": "other/a"},
			"SecretName: other/a does not match the provider's parameter SecretNamePattern clickhouse/*" + advice},
		{"a dot is a dot", limited("", "a.b*"), map[string]any{"SecretName": "axb"},
			"SecretName: axb does not match the provider's parameter SecretNamePattern a.b*" + advice},
		{"generated names, other patterns", limited("clickhouse-*", "clickhouse/*"), nil,
			"BucketName: bucketuser-123456789012-eu-west-1-wnuuuk2rxytm does not match the provider's parameter BucketNamePattern clickhouse-*" + advice +
				"; SecretName: bucketuser/Disk-wnuuuk2rxytm does not match the provider's parameter SecretNamePattern clickhouse/*" + advice},
		{"beside other faults", limited("clickhouse-*", "clickhouse/*"), map[string]any{"BucketName": "A", "SecretName": "x", "Access": "All"},
			"BucketName: must be 3 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends; " +
				"Access: must be one of ReadOnly, ReadWrite, Full; SecretName: x does not match the provider's parameter SecretNamePattern clickhouse/*" + advice},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := spec.Parse(test.properties, stackID, "Disk", test.provider)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

// A pattern that was narrowed must not turn a Delete into a leak: the names are
// still known, and it is left to the caller what a refusal to read them means.
func TestDeleteKnowsNamesOutsideThePatterns(t *testing.T) {
	properties := map[string]any{"BucketName": "old-data", "SecretName": "old/secret"}
	wide, err := spec.ParseForDelete(properties, stackID, "Disk", provider)
	if err != nil {
		t.Fatal(err)
	}
	narrow, err := spec.ParseForDelete(properties, stackID, "Disk", limited("new-*", "new/*"))
	if err != nil {
		t.Fatal(err)
	}
	if narrow.PhysicalID != wide.PhysicalID || narrow.BucketName != "old-data" || narrow.SecretName != "old/secret" {
		t.Errorf("%s, %s, %s", narrow.PhysicalID, narrow.BucketName, narrow.SecretName)
	}
	for property, want := range map[string]bool{"BucketName": true, "SecretName": true, "UserName": false} {
		if narrow.Outside().Has(property) != want || wide.Outside().Has(property) {
			t.Errorf("%s: outside %v and %v", property, narrow.Outside(), wide.Outside())
		}
	}
}
