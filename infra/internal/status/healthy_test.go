package status

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/lambda/spec"
)

// A change makes something different of facts, or nothing.
type change func(*facts)

func (c change) make(f *facts) {
	if c != nil {
		c(f)
	}
}

var (
	rotated = map[string]any{"RotateAfterDays": "30"}
	adopted = map[string]any{"BucketName": "theirs", "UserName": "u", "SecretName": "s", "OnDelete": "Retain"}
)

// Warnings are no faults: a monitor that was told of them would soon be ignored.
func TestHealthy(t *testing.T) {
	for name, test := range map[string]struct {
		properties map[string]any
		change     change
		warning    string // what is said of it, if anything
	}{
		"new":            {nil, nil, ""},
		"full":           {map[string]any{"Access": "Full"}, nil, ""},
		"read only":      {map[string]any{"Access": "ReadOnly", "Versioning": "true", "EnforceTls": "false"}, nil, ""},
		"own statements": {map[string]any{"Statements": []any{map[string]any{"Effect": "Deny", "Action": "s3:DeleteObject"}}}, nil, ""},
		"rotated":        {rotated, nil, ""},
		"after a rotation": {rotated, func(f *facts) {
			f.addKey("AKIAPREVIOUS", 35*day, true)
			f.usedBefore("AKIAPREVIOUS", 4*day)
			f.tagSecretWith(map[string]string{spec.TagPreviousKey: "AKIAPREVIOUS"})
		}, ""},
		"a consumer is late": {rotated, func(f *facts) {
			f.addKey("AKIAPREVIOUS", 35*day, true)
			f.usedBefore("AKIAPREVIOUS", time.Hour)
			f.tagSecretWith(map[string]string{spec.TagPreviousKey: "AKIAPREVIOUS"})
		}, "key AKIAPREVIOUS is the previous one, and works until the next rotation, made 35 days ago; it was used 60 minutes ago"},
		"an old key": {nil, func(f *facts) { f.keys.value[0].CreateDate = before(100 * day) }, "the key is 100 days old, and nothing replaces it"},
		"rotating": {rotated, func(f *facts) {
			f.secret.value.VersionIdsToStages["version-2"] = []string{labelPending}
			f.secret.value.NextRotationDate = before(time.Minute)
			f.pending = answer[time.Time]{value: *before(time.Minute)}
			f.addKey("AKIAPENDING", time.Minute, true)
			f.named.value["AKIAPENDING"] = []string{labelPending}
		}, ""},
		"adopted": {adopted, func(f *facts) {
			f.tags.value[spec.TagAdopted] = "true"
			f.outside.value = count{objects: 9, example: "theirs/1"}
		}, ""},
		"of an early version": {nil, func(f *facts) {
			tags := f.secret.value.Tags[:0]
			for _, tag := range f.secret.value.Tags {
				if key := aws.ToString(tag.Key); key != spec.TagFormat && key != spec.TagBucketOrigin {
					tags = append(tags, tag)
				}
			}
			f.secret.value.Tags = tags
		}, ""},
		"properties are not known": {nil, func(f *facts) { f.isSaid = false }, ""},
		"full, not known":          {map[string]any{"Access": "Full", "EnforceTls": "false"}, func(f *facts) { f.isSaid = false }, ""},
		"read only, not known":     {map[string]any{"Access": "ReadOnly", "Versioning": "true"}, func(f *facts) { f.isSaid = false }, ""},
		"data was left":            {nil, func(f *facts) { f.outside.value = count{objects: 1000, isMore: true, example: "old/part"} }, "more than 1,000 objects outside of it, such as old/part"},
		"an update failed":         {nil, func(f *facts) { f.stack.value.stack = "UPDATE_ROLLBACK_COMPLETE" }, "the last update of stack Storage failed, and was rolled back"},
		"being updated":            {nil, func(f *facts) { f.stack.value.stack = "UPDATE_IN_PROGRESS" }, "stack Storage is UPDATE_IN_PROGRESS"},
		"a key being made":         {nil, func(f *facts) { f.addKey("AKIANEW", time.Minute, true) }, "nothing speaks for key AKIANEW, which is new"},
		"a key switched off":       {nil, func(f *facts) { f.addKey("AKIAOFF", 90*day, false) }, "nothing speaks for key AKIAOFF, which is switched off"},
		"moved back by hand": {nil, func(f *facts) {
			f.addKey("AKIANEWER", day, true)
			f.named.value["AKIANEWER"] = []string{"AWSPREVIOUS"}
			f.tagSecretWith(map[string]string{spec.TagPreviousKey: "AKIACURRENT"})
		}, "AWSCURRENT was moved back by hand"},
		"rotated by others": {nil, func(f *facts) {
			*f = healthy(rotated)
			f.isSaid, f.spec.RotateAfterDays = true, 0
		}, "somebody has the secret rotated, on, every 30 days, the next one by 2026-11-30, by arn:aws:lambda"},
		"for clients elsewhere": {map[string]any{"VerifyCredentials": "false"}, func(f *facts) {
			f.tried.err = refusal("S3", "ListObjectsV2", "AccessDenied", "not from there")
		}, "does not let it in from here: not from there"},
	} {
		t.Run(name, func(t *testing.T) {
			f := healthy(test.properties)
			test.change.make(&f)
			r := judge(f)
			is := said(r, Warning)
			switch {
			case r.ExitCode != 0, r.Verdict != Healthy:
				t.Errorf("%s, exit %d: %s", r.Verdict, r.ExitCode, said(r, Fault, Unknown))
			case (is == "") != (test.warning == ""), !strings.Contains(is, test.warning):
				t.Errorf("warns of %q, want %q", is, test.warning)
			}
		})
	}
}

// Whoever answers a leak learns from which KeySerial on there is a new key. Absent in the secret, it is 0.
func TestSerialOfTheKey(t *testing.T) {
	for serial, want := range map[string]string{"": "KeySerial 0", "2": "KeySerial 2", "x": "KeySerial x"} {
		f := healthy(nil)
		if serial != "" {
			f.value.value.fields[spec.FieldKeySerial] = serial
		}
		r := judge(f)
		if is := said(r, OK); !strings.Contains(is, "works, made ") || !strings.Contains(is, " ago, "+want+"\n") {
			t.Errorf("%q: %s", serial, is)
		}
		if isKnown := r.KeySerial != nil && fmt.Sprintf("KeySerial %d", *r.KeySerial) == want; isKnown != (serial != "x") {
			t.Errorf("%q: %v in the JSON", serial, r.KeySerial)
		}
	}
	f := healthy(nil)
	f.value = answer[value]{err: noPair("AccessDenied")}
	if serial := judge(f).KeySerial; serial != nil {
		t.Errorf("%d of a secret that may not be read", *serial)
	}
}

// said is what a report says of checks in some of the states.
func said(r Report, states ...State) string {
	var lines []string
	for _, found := range r.Checks {
		for _, state := range states {
			if found.State == state {
				lines = append(lines, found.Check+": "+found.What)
			}
		}
	}
	return strings.Join(lines, "\n")
}
