package provision_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
	"user lost":                   {retag("user", "owner", ""), "user clickhouse: lacks the tags", false},
	"user of another":             {retag("user", "owner", "Disk-v1-aaaaaaaaaaaa"), "user clickhouse: lacks the tags", false},
	"bucket lost":                 {retag("bucket", "owner", ""), "bucket my-data: lacks the tags", false},
	"bucket of another stack":     {retag("bucket", "stack-id", "x"), "bucket my-data: lacks the tags", false},
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
	"wider access in the tag":     {retag("secret", "access", "Full"), "does not let user clickhouse in", true},
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

// Requirement 4: patterns of the provider, and rotation that was turned off, refuse as well.
func TestR4ProviderAndSchedule(t *testing.T) {
	for name, change := range map[string]func(*bench){
		"pattern of secrets": func(w *bench) { w.Provider.SecretNamePattern = "other/*" },
		"pattern of buckets": func(w *bench) { w.Provider.BucketNamePattern = "other-*" },
		"another path":       func(w *bench) { w.Provider.IAMPath = "/other/" },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(rotated)
				change(w)
				w.rotatesNothing("clickhouse/s3", "")
			})
		})
	}
	inWorld(t, func(w *bench) {
		w.created(rotated)
		turn := w.begins(false)
		w.AWS.SetRotation("clickhouse/s3", "", 0)
		was := w.AWS.Snapshot()
		for _, step := range smfake.Steps() {
			turn.fails(step, "is not rotated by this function")
		}
		w.unchanged(was)
	})
}

// Requirement 4: a token that is not that of the rotation under way changes nothing. One that has become current, now or
// before, succeeds.
func TestR4Token(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(rotated)
		old := w.begins(false).does(smfake.Steps()...)
		w.AWS.EndRotation(old.begun, false)
		was := w.AWS.Snapshot()
		old.does(smfake.Steps()...)
		w.unchanged(was)
		passes(time.Hour)
		next := w.begins(false)
		was = w.AWS.Snapshot()
		old.does(smfake.Steps()...)
		unknown := turn{w, next.manager, next.begun}
		unknown.begun.Token = "5ec3e700-0000-4000-8000-aaaaaaaaaaaa"
		first := turn{w, next.manager, next.begun}
		for _, version := range was.Secrets["clickhouse/s3"].Versions {
			if !slices.Contains(version.Stages, "AWSPENDING") && version.ID != old.begun.Token {
				first.begun.Token = version.ID // has AWSPREVIOUS
			}
		}
		for _, step := range smfake.Steps() {
			unknown.fails(step, "the token is not that of the rotation under way")
			first.does(step)
		}
		w.unchanged(was)
		next.does(smfake.Steps()...)
		w.AWS.EndRotation(next.begun, false)
		was = w.AWS.Snapshot()
		for _, step := range smfake.Steps() { // two rotations later it has no label
			first.fails(step, "the token is not that of the rotation under way")
		}
		w.unchanged(was)
	})
}

// A26: a user whom IAM shows without a boundary gets no key by a rotation. With the boundary put back it does.
func TestA26RotationIsRefused(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(rotated)
		passes(time.Hour)
		w.AWS.SetBoundary("clickhouse", "")
		turn := w.begins(false)
		was := w.AWS.Snapshot()
		turn.fails(smfake.CreateSecret, "put-user-permissions-boundary")
		w.unchanged(was)
		w.AWS.SetBoundary("clickhouse", sim.Boundary)
		turn.does(smfake.Steps()...)
		w.works()
	})
}

// A26, with two keys: none is deleted to make room for one that is not made.
func TestA26RotationMakesNoRoom(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(rotated)
		w.rotate(smfake.How{})
		passes(time.Hour)
		w.AWS.SetBoundary("clickhouse", "")
		turn := w.begins(false)
		was := w.AWS.Snapshot()
		turn.fails(smfake.CreateSecret, "put-user-permissions-boundary")
		w.unchanged(was)
	})
}

// A37: a prefix is taken from the value, whatever characters it has, and stays as it is.
func TestA37PrefixOfAnyCharacters(t *testing.T) {
	for _, prefix := range []string{"data/", "a=1,b:2/", "a b%41 c/", "<&>'/", "a!(b)@/", strings.Repeat("x/", 128)} {
		for _, access := range []string{"ReadWrite", "ReadOnly", "Full"} {
			t.Run(prefix[:min(len(prefix), 20)]+access, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := with("RotateAfterDays", "30", "Prefix", prefix, "Access", access)
					w.created(p)
					was := w.value(named)
					w.rotate(smfake.How{})
					now := w.value(named)
					for _, changes := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
						if now[changes] == was[changes] {
							t.Errorf("%s stays", changes)
						}
						delete(was, changes)
						delete(now, changes)
					}
					if diff := cmp.Diff(was, now); diff != "" {
						t.Errorf("fields (-before +after)\n%s", diff)
					}
				})
			})
		}
	}
}

// Requirement 4: names that were given and generated, in each combination.
func TestR4EachCombinationOfNames(t *testing.T) {
	for given := range 8 {
		p := sim.Properties{"RotateAfterDays": "30"}
		for i, name := range []string{"BucketName", "UserName", "SecretName"} {
			if given&(1<<i) != 0 {
				p[name] = named[name]
			}
		}
		inWorld(t, func(w *bench) {
			w.created(p)
			was := w.value(p)["AWS_ACCESS_KEY_ID"]
			if err := w.manager(w.AWS.Session("rotation"), smfake.How{}).Rotate(w.t.Context(), w.parse(p).SecretName); err != nil {
				t.Fatalf("%v: %v", p, err)
			}
			if now := w.value(p)["AWS_ACCESS_KEY_ID"]; now == was {
				t.Errorf("%v: the key stays", p)
			}
			w.holdsKeys(p, was, w.value(p)["AWS_ACCESS_KEY_ID"])
		})
	}
}
