package spec_test

import (
	"strings"
	"testing"
)

func TestDidYouMean(t *testing.T) {
	for name, want := range map[string]string{
		"Prefx": "; did you mean Prefix?", "prefix": "; did you mean Prefix?", "bucket_name": "; did you mean BucketName?",
		"OnDeletion": "; did you mean OnDelete?", "EnforceTLS": "; did you mean EnforceTls?", "Tag": "; did you mean Tags?",
		"RotateAfterDay": "; did you mean RotateAfterDays?", "SecretKmsKeyArn": "; did you mean SecretKmsKeyId?",
		"Bucket": "", "Owner": "", "Zoo": "", "": "", "x": "", strings.Repeat("Prefix", 50): "",
	} {
		_, err := parse(map[string]any{name: "a/"})
		if want := name + ": is not a property of Custom::BucketUser" + want; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// The word itself is not repeated: it may be anything.
func TestDidYouMeanAValue(t *testing.T) {
	for _, test := range []struct{ name, value, want string }{
		{"Access", "Readonly", "must be one of ReadOnly, ReadWrite, Full; did you mean ReadOnly?"},
		{"Access", "READWRITE", "must be one of ReadOnly, ReadWrite, Full; did you mean ReadWrite?"},
		{"Access", "s3cr3t", "must be one of ReadOnly, ReadWrite, Full"},
		{"OnDelete", "retain", "must be one of DeleteIfEmpty, Purge, Retain; did you mean Retain?"},
		{"OnDelete", "Delete", "must be one of DeleteIfEmpty, Purge, Retain"},
		{"PreviousKey", "Deleted", "must be one of Keep, Delete; did you mean Delete?"},
	} {
		_, err := parse(map[string]any{test.name: test.value})
		if want := test.name + ": " + test.want; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", test.value, err, want)
		}
	}
}
