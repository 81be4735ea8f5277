package provision_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// Whose a rotation is: A4, A26 and A37, and requirement 4.

// forges makes a secret of a stranger, with what the victim's has, or with other tags or another value. It is rotated
// by our function.
func (w *bench) forges(name string, change func(value map[string]string, tags map[string]string)) {
	w.t.Helper()
	value, tags := w.value(named), maps.Clone(w.AWS.Snapshot().Secrets["clickhouse/s3"].Tags)
	if change != nil {
		change(value, tags)
	}
	w.AWS.AddSecret(name, w.textOf(value), tags)
	w.AWS.SetRotation(name, sim.RotationFunction, 30)
}

// strangers gives a bucket and a user with tags of the victim's, and a key of that user.
func (w *bench) strangers(tags map[string]string) (key string) {
	mine := maps.Clone(tags)
	w.AWS.AddBucket("mine", mine)
	w.AWS.AddUser("mine", "/bucketuser/", mine)
	w.AWS.SetBoundary("mine", sim.Boundary)
	key, _ = w.AWS.AddKey("mine")
	return key
}

// A4: a stranger's secret bears the victim's tags and names our function. No key of the victim gets into it, nor
// into anything of the stranger's, and nothing in the account changes but what Secrets Manager itself does.
func TestA4SecretOfAStranger(t *testing.T) {
	for what, forge := range map[string]func(w *bench) (name string){
		"copy of all": func(w *bench) string { w.forges("clickhouse/mine", nil); return "clickhouse/mine" },
		"empty value": func(w *bench) string {
			w.forges("clickhouse/mine", func(value, _ map[string]string) { clear(value) })
			return "clickhouse/mine"
		},
		"his own key in the value": func(w *bench) string {
			w.forges("clickhouse/mine", func(value, tags map[string]string) { value["AWS_ACCESS_KEY_ID"] = w.strangers(tags) })
			return "clickhouse/mine"
		},
		"his own user and bucket": func(w *bench) string {
			w.forges("clickhouse/mine", func(value, tags map[string]string) {
				value["AWS_ACCESS_KEY_ID"] = w.strangers(tags)
				value["S3_BUCKET"], value["S3_USER_ARN"] = "mine", "arn:aws:iam::123456789012:user/bucketuser/mine"
			})
			return "clickhouse/mine"
		},
		"the victim's user in his own resource": func(w *bench) string {
			w.forges("clickhouse/mine", func(_, tags map[string]string) {
				tags["bucketuser:owner"] = w.parse(with("SecretName", "clickhouse/mine")).PhysicalID
			})
			return "clickhouse/mine"
		},
		"another stack": func(w *bench) string {
			w.forges("clickhouse/mine", func(_, tags map[string]string) {
				tags["bucketuser:stack-id"] = strings.Replace(stackID, "5f0c", "5f0d", 1)
			})
			return "clickhouse/mine"
		},
		"made after the first was deleted by hand": func(w *bench) string {
			value, tags := w.currentValue(named), w.AWS.Snapshot().Secrets["clickhouse/s3"].Tags
			w.AWS.DeleteSecret("clickhouse/s3", 0)
			w.AWS.AddSecret("clickhouse/s3", value, tags)
			w.AWS.SetRotation("clickhouse/s3", sim.RotationFunction, 30)
			return "clickhouse/s3"
		},
	} {
		t.Run(what, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(rotated)
				passes(time.Hour)
				w.rotatesNothing(forge(w), "")
			})
		})
	}
}

// rotatesNothing fails the test unless each step of a rotation is refused, and changes nothing.
func (w *bench) rotatesNothing(name, why string) {
	w.t.Helper()
	begun, manager := w.AWS.BeginRotation(name, false), w.manager(w.AWS.Session("rotation"), smfake.How{})
	if begun.Token == "" {
		w.t.Fatal("the secret is not rotated")
	}
	was := w.AWS.Snapshot()
	for _, step := range smfake.Steps() {
		err := manager.Step(w.t.Context(), begun, step)
		if err == nil || !strings.Contains(err.Error(), why) {
			w.t.Errorf("%s: %v, want %q", step, err, why)
		}
		w.unchanged(was)
	}
	if w.called("CreateAccessKey") > 1 {
		w.t.Error("a key was made")
	}
}

// misfit is something about a set by which no rotation may begin.
type misfit struct {
	make  func(*bench)
	why   string
	heals bool // an Update heals it
}

// field has somebody write another value of a field into the secret.
func field(name, value string) func(*bench) {
	return func(w *bench) {
		fields := w.value(named)
		fields[name] = value
		w.AWS.PutSecretValue("clickhouse/s3", w.textOf(fields))
	}
}

// retag has somebody write another value of a tag to a part of the set.
func retag(part, key, value string) func(*bench) {
	return func(w *bench) {
		tags := maps.Clone(w.tagsOf(w.parse(named), part))
		if tags["bucketuser:"+key] = value; value == "" {
			delete(tags, "bucketuser:"+key)
		}
		w.setTags(w.parse(named), part, tags)
	}
}

const notOfOne = "its tags and its value are not those of one resource"

var misfits = map[string]misfit{
	"owner of another":            {retag("secret", "owner", "Disk-v1-aaaaaaaaaaaa"), notOfOne, false},
	"no owner":                    {retag("secret", "owner", ""), notOfOne, false},
	"logical id of another":       {retag("secret", "logical-id", "Other"), notOfOne, false},
	"stack of another":            {retag("secret", "stack-id", strings.Replace(stackID, "5f0c", "5f0d", 1)), notOfOne, false},
	"user lost":                   {retag("user", "owner", ""), "user clickhouse: exists in this account and does not belong to this resource", false},
	"user of another":             {retag("user", "owner", "Disk-v1-aaaaaaaaaaaa"), "user clickhouse: exists in this account and does not belong to this resource", false},
	"bucket lost":                 {retag("bucket", "owner", ""), "bucket my-data: exists in this account and does not belong to this resource", false},
	"bucket of another stack":     {retag("bucket", "stack-id", "x"), "bucket my-data: exists in this account and does not belong to this resource", false},
	"user gone":                   {func(w *bench) { w.AWS.DeleteUser("clickhouse") }, "user clickhouse", true},
	"bucket gone":                 {func(w *bench) { w.AWS.DeleteBucket("my-data") }, "bucket my-data", true},
	"user of another secret":      {retag("user", "secret", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:other"), "does not name secret", true},
	"user says no secret":         {retag("user", "secret", ""), "does not name secret", true},
	"bucket in the value":         {field("S3_BUCKET", "other"), notOfOne, true},
	"user in the value":           {field("S3_USER_ARN", "arn:aws:iam::123456789012:user/bucketuser/other"), notOfOne, true},
	"user of a path in the value": {field("S3_USER_ARN", "arn:aws:iam::123456789012:user/admin/clickhouse"), notOfOne, true},
	"account in the value":        {field("S3_USER_ARN", "arn:aws:iam::210987654321:user/bucketuser/clickhouse"), notOfOne, true},
	"key of another":              {field("AWS_ACCESS_KEY_ID", "AKIAOTHEROTHEROTHER1"), "names a key that is not of user", true},
	"prefix in the value":         {field("S3_PREFIX", "other/"), "does not let user clickhouse in under other/", true},
	"no prefix in the value":      {field("S3_PREFIX", ""), "does not let user clickhouse in under", true},
	"wider prefix in the value":   {field("S3_PREFIX", "d"), "does not let user clickhouse in under d", true},
	"no JSON":                     {func(w *bench) { w.AWS.PutSecretValue("clickhouse/s3", "nonsense") }, notOfOne, true},
	"tombstone":                   {func(w *bench) { w.AWS.PutSecretValue("clickhouse/s3", "null") }, notOfOne, true},
	"no tag of access":            {retag("secret", "access", ""), "has no tag bucketuser:access", false},
	"later format":                {retag("secret", "format", laterFormat), "later version", false},
	"another function":            {func(w *bench) { w.AWS.SetRotation("clickhouse/s3", w.AWS.FunctionARN("other"), 30) }, "is not rotated by this function", true},
	"KMS key dead":                {func(w *bench) { w.AWS.SetKmsKeyUsable("", false) }, "its value cannot be read", false},
	"policy gone":                 {func(w *bench) { _ = w.AWS.SetBucketPolicy("my-data", "") }, "policy of bucket my-data", true},
}

// A4 and requirement 4: whatever does not fit is refused in words before a key is made, in each step. What an Update
// heals is rotated after that.
func TestA4WhatDoesNotFitIsRefused(t *testing.T) {
	for name, is := range misfits {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(rotated)
				passes(time.Hour)
				is.make(w)
				passes(time.Hour)
				w.rotatesNothing("clickhouse/s3", is.why)
				if is.heals {
					w.updates(plus(rotated, "Trigger", "1"), rotated)
					w.rotate(smfake.How{})
				}
			})
		})
	}
}
