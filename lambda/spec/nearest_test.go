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
