package provision_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/spec"
)

// settled is the account without what may differ between two ways to one end: the
// numbers in generated ids, when the last event came, the earlier values of a secret, all
// values of one that cannot be read, and versioning that was on for a while, which S3 can
// only suspend.
func settled(a *awsfake.AWS) awsfake.Snapshot {
	now := numbered(a.Snapshot())
	for _, tags := range allTags(now) {
		delete(tags, spec.TagLastEvent)
	}
	pended(now)
	labelled(now)
	forgetRotations(now)
	forgetVersions(now)
	for name, secret := range now.Secrets {
		if secret.DeletedDays > 0 {
			secret.Versions, secret.Rotation = nil, nil
		}
		if secret.Tags["bucketuser:before"] != "" {
			secret.Tags["bucketuser:before"] = "<version>"
		}
		now.Secrets[name] = secret
	}
	for name, bucket := range now.Buckets {
		if bucket.Versioning == "Suspended" {
			bucket.Versioning = ""
			now.Buckets[name] = bucket
		}
	}
	return now.Normalized()
}

// allTags are the tags of everything.
func allTags(now awsfake.Snapshot) (all []map[string]string) {
	for _, user := range now.Users {
		all = append(all, user.Tags)
	}
	for _, bucket := range now.Buckets {
		all = append(all, bucket.Tags)
	}
	for _, secret := range now.Secrets {
		all = append(all, secret.Tags)
	}
	return all
}

// numbered replaces the id of a version in a tag by the place of the version, and the
// time of an event by its place among those times.
func numbered(now awsfake.Snapshot) awsfake.Snapshot {
	var times []string
	for _, tags := range allTags(now) {
		times = append(times, tags[spec.TagLastEvent])
	}
	slices.Sort(times)
	times = slices.Compact(times)
	for _, tags := range allTags(now) {
		if last := tags[spec.TagLastEvent]; last != "" {
			tags[spec.TagLastEvent] = fmt.Sprintf("<event %d>", slices.Index(times, last)-len(times))
		}
	}
	for _, secret := range now.Secrets {
		for i, version := range secret.Versions {
			if secret.Tags["bucketuser:before"] == version.ID {
				secret.Tags["bucketuser:before"] = fmt.Sprintf("<version %d>", i+1)
			}
		}
	}
	return now
}

// fingerprint is the same for two accounts in the same state.
func fingerprint(a *awsfake.AWS) string { return fingerprintOf(a.Snapshot()) }

func fingerprintOf(now awsfake.Snapshot) string { return numbered(now).NormalizedJSON() }

// unsafe says what is wrong with the account at any moment, also in the middle of
// an event: whoever can read a secret must be able to work with it, since a consumer
// may read it as soon as it is there.
func unsafe(now awsfake.Snapshot) string {
	for name, secret := range now.Secrets {
		if secret.DeletedDays > 0 || secret.Tags["bucketuser:owner"] == "released" {
			continue
		}
		for _, version := range secret.Versions {
			fields := fieldsOf(version)
			if !slices.Contains(version.Stages, "AWSCURRENT") || version.ID == secret.Tags["bucketuser:before"] || fields == nil {
				continue
			}
			if reason := unusable(now, fields); reason != "" {
				return "secret " + name + " can be read, but " + reason
			}
		}
	}
	return ""
}

// fieldsOf are the fields of a value, or nil where it is no object of strings.
func fieldsOf(v awsfake.SecretVersion) (fields map[string]string) {
	if json.Unmarshal([]byte(v.Value), &fields) != nil {
		return nil
	}
	return fields
}

func unusable(now awsfake.Snapshot, fields map[string]string) string {
	arn := fields["S3_USER_ARN"]
	user := now.Users[arn[strings.LastIndex(arn, "/")+1:]]
	want := awsfake.AccessKey{ID: fields["AWS_ACCESS_KEY_ID"], Secret: fields["AWS_SECRET_ACCESS_KEY"], Active: true}
	if !slices.Contains(user.Keys, want) {
		return fmt.Sprintf("its key is not a key of the user, who has %d", len(user.Keys))
	}
	bucket, ok := now.Buckets[fields["S3_BUCKET"]]
	if !ok {
		return "its bucket is gone"
	}
	if !strings.Contains(bucket.Policy, `"`+arn+`"`) {
		return "the bucket's policy does not let the user in"
	}
	return ""
}

// difference describes in one line how an account differs from what it should be.
func difference(want, got awsfake.Snapshot) string {
	diff := cmp.Diff(want, got)
	var changed []string
	for line := range strings.Lines(diff) {
		if line = strings.TrimSpace(strings.ReplaceAll(line, "\u00a0", " ")); strings.HasPrefix(line, "+") || strings.HasPrefix(line, "-") {
			changed = append(changed, line)
		}
	}
	return strings.Join(changed, " ")
}
