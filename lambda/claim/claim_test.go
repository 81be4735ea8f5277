package claim_test

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/spec"
)

const stack = "arn:aws:cloudformation:eu-west-1:123456789012:stack/analytics/5f0c2b10-0000-11ee-be56-0242ac120002"

func specOf(t *testing.T, properties map[string]any) spec.Spec {
	t.Helper()
	s, err := spec.Parse(properties, stack, "Disk", spec.Provider{Partition: "aws", Region: "eu-west-1", Account: "123456789012", IAMPath: "/"})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type tags = map[string]string

// with returns a copy of tags with others; an empty value takes one away.
func with(base tags, pairs ...string) tags {
	changed := maps.Clone(base)
	for i := 0; i < len(pairs); i += 2 {
		if changed[pairs[i]] = pairs[i+1]; pairs[i+1] == "" {
			delete(changed, pairs[i])
		}
	}
	return changed
}

// What no version may change: things that earlier versions made are known by these tags.
func TestContract(t *testing.T) {
	s := specOf(t, map[string]any{"BucketName": "my-data", "UserName": "clickhouse", "SecretName": "clickhouse/s3"})
	want := tags{"bucketuser:owner": "Disk-v1-tgxfyxljlndw", "bucketuser:stack-id": stack, "bucketuser:logical-id": "Disk"}
	if diff := cmp.Diff(want, claim.OwnerTags(s)); diff != "" {
		t.Errorf("owner tags are promised since 0.1.0: without them nothing is known as ours any more\n%s", diff)
	}
}

func TestRead(t *testing.T) {
	s := specOf(t, nil)
	ours := claim.OwnerTags(s)
	for name, test := range map[string]struct {
		tags tags
		want claim.State
	}{
		"none":                     {nil, claim.Foreign},
		"somebody's":               {tags{"a": "b"}, claim.Foreign},
		"ours":                     {ours, claim.Ours},
		"ours, with others":        {with(ours, "a", "b"), claim.Ours},
		"another physical id":      {with(ours, spec.TagOwner, "x"), claim.Foreign},
		"another stack":            {with(ours, spec.TagStackID, "x"), claim.Foreign},
		"another logical id":       {with(ours, spec.TagLogicalID, "x"), claim.Foreign},
		"no logical id":            {with(ours, spec.TagLogicalID, ""), claim.Foreign},
		"adopted":                  {with(ours, spec.TagAdopted, "true"), claim.Adopted},
		"adopted by somebody":      {tags{spec.TagAdopted: "true"}, claim.Foreign},
		"not adopted":              {with(ours, spec.TagAdopted, "false"), claim.Ours},
		"released":                 {tags{spec.TagOwner: spec.Released}, claim.Released},
		"released, stack kept":     {with(ours, spec.TagOwner, spec.Released), claim.Released},
		"released by us":           {tags{spec.TagOwner: spec.Released, spec.TagReleasedBy: s.PhysicalID}, claim.Leaving},
		"released by another":      {tags{spec.TagOwner: spec.Released, spec.TagReleasedBy: "x"}, claim.Released},
		"ours, and a release left": {with(ours, spec.TagReleasedBy, s.PhysicalID), claim.Ours},
	} {
		if got := claim.Read(test.tags, s).State; got != test.want {
			t.Errorf("%s: state %d, want %d", name, got, test.want)
		}
	}
}

func TestCheckLate(t *testing.T) {
	s := specOf(t, nil)
	s.Sent = time.Now().UTC().Truncate(time.Second)
	at := func(d time.Duration) string { return s.Sent.Add(d).Format(time.RFC3339) }
	ours := claim.OwnerTags(s)
	for name, test := range map[string]struct {
		tags   tags
		sent   time.Time
		isLate bool
	}{
		"no event yet":              {ours, s.Sent, false},
		"an earlier one":            {with(ours, spec.TagLastEvent, at(-time.Second)), s.Sent, false},
		"this one":                  {with(ours, spec.TagLastEvent, at(0)), s.Sent, false},
		"a later one":               {with(ours, spec.TagLastEvent, at(time.Second)), s.Sent, true},
		"a later one, on adopted":   {with(ours, spec.TagLastEvent, at(time.Second), spec.TagAdopted, "true"), s.Sent, true},
		"a later one of another":    {with(ours, spec.TagLastEvent, at(time.Second), spec.TagStackID, "x"), s.Sent, false},
		"a time that is to come":    {with(ours, spec.TagLastEvent, at(time.Hour)), s.Sent, false},
		"no time":                   {with(ours, spec.TagLastEvent, "tomorrow"), s.Sent, false},
		"an event without its time": {with(ours, spec.TagLastEvent, at(time.Second)), time.Time{}, false},
	} {
		of := s
		of.Sent = test.sent
		err := claim.Read(test.tags, of).CheckLate()
		if errors.Is(err, claim.ErrLater) != test.isLate || errors.Is(err, claim.ErrLate) != test.isLate || err == nil == test.isLate {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestIsLaterFormat(t *testing.T) {
	s := specOf(t, nil)
	ours := claim.OwnerTags(s)
	for value, want := range map[string]bool{"": false, "1": false, "0": false, "-1": false, "2": false, "3": true, "10": true, "two": false, "2.0": false} {
		if got := claim.Read(with(ours, spec.TagFormat, value), s).IsLaterFormat(); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
	if claim.Read(tags{spec.TagOwner: spec.Released, spec.TagFormat: "3"}, s).IsLaterFormat() {
		t.Error("what was released has a format")
	}
	if (claim.Claim{}).IsLaterFormat() {
		t.Error("what does not exist has a format")
	}
}

// The number of the last run of this very event, and of no other.
func TestEmptying(t *testing.T) {
	s := specOf(t, nil)
	s.Sent = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ours := claim.OwnerTags(s)
	for name, test := range map[string]struct {
		tags tags
		sent time.Time
		want int
	}{
		"none":                   {ours, s.Sent, 0},
		"the second":             {with(ours, spec.TagEmptying, "2026-01-02T03:04:05Z 2"), s.Sent, 2},
		"in another zone":        {with(ours, spec.TagEmptying, "2026-01-02T03:04:05Z 2"), s.Sent.In(time.FixedZone("", 3600)), 2},
		"of an earlier event":    {with(ours, spec.TagEmptying, "2026-01-02T03:04:04Z 2"), s.Sent, 0},
		"of a later event":       {with(ours, spec.TagEmptying, "2026-01-02T03:04:06Z 2"), s.Sent, 0},
		"of one without a time":  {with(ours, spec.TagEmptying, "2026-01-02T03:04:05Z 2"), time.Time{}, 0},
		"no time at all":         {with(ours, spec.TagEmptying, "0001-01-01T00:00:00Z 2"), time.Time{}, 0},
		"no number":              {with(ours, spec.TagEmptying, "2026-01-02T03:04:05Z"), s.Sent, 0},
		"more than a number":     {with(ours, spec.TagEmptying, "2026-01-02T03:04:05Z 2 3"), s.Sent, 0},
		"a negative number":      {with(ours, spec.TagEmptying, "2026-01-02T03:04:05Z -2"), s.Sent, 0},
		"anything":               {with(ours, spec.TagEmptying, "x"), s.Sent, 0},
		"on an adopted bucket":   {with(ours, spec.TagEmptying, "2026-01-02T03:04:05Z 2", spec.TagAdopted, "true"), s.Sent, 0},
		"on a bucket of another": {with(ours, spec.TagEmptying, "2026-01-02T03:04:05Z 2", spec.TagOwner, "x"), s.Sent, 0},
	} {
		of := s
		of.Sent = test.sent
		if got := claim.Read(test.tags, of).Emptying(); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	for at, want := range map[string]bool{"2026-01-02T03:04:04Z 2": false, "2026-01-02T03:04:05Z 2": false, "2026-01-02T03:04:06Z 1": true, "2026-01-02T03:04:06Z x": false,
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + " 1": false} {
		if got := claim.Read(with(ours, spec.TagEmptying, at), s).IsEmptiedByLater(); got != want {
			t.Errorf("%s is of a later event: %t", at, got)
		}
	}
	written := claim.Read(with(ours, "theirs", "1"), s).BeginEmptying(3)
	if got := claim.Read(written, s).Emptying(); got != 3 || written["theirs"] != "1" {
		t.Errorf("%v is read as run %d", written, got)
	}
}

// Each change of tags, from what was read to what is written.
func TestTransitions(t *testing.T) {
	team := func(value string) map[string]any {
		return map[string]any{"Tags": []any{map[string]any{"Key": "team", "Value": value}}}
	}
	before, s := specOf(t, map[string]any{"Tags": []any{map[string]any{"Key": "old", "Value": "1"}}}), specOf(t, team("data"))
	s.Sent = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	scheduled := s
	scheduled.RotateAfterDays = 30
	unproven := scheduled
	unproven.VerifyCredentials = false
	ours := with(claim.OwnerTags(s), "theirs", "1")
	made := with(claim.OwnerTags(s), "team", "data", spec.TagLastEvent, "2026-01-02T03:04:05Z")
	released := tags{spec.TagOwner: spec.Released, "theirs": "1", spec.TagReleasedBy: "x"}
	adopted := with(made, "theirs", "1", spec.TagAdopted, "true")
	adopted[spec.TagFoundTags] = "" // none
	for name, test := range map[string]struct{ got, want tags }{
		"made":                          {claim.Made(s).Tags(), made},
		"made secret":                   {claim.MadeSecret(s, "made").Tags(), with(made, spec.TagFormat, "1", spec.TagBucketOrigin, "made")},
		"bucket kept":                   {claim.Read(with(ours, "old", "1", spec.TagLastEvent, "then"), s).KeepBucket(before, false), with(made, "theirs", "1", spec.TagLastEvent, "then")},
		"secret kept":                   {claim.Read(with(ours, "old", "1", spec.TagLastEvent, "then"), s).KeepSecret(before, "made"), with(made, "theirs", "1", spec.TagFormat, "1", spec.TagBucketOrigin, "made")},
		"secret of a later":             {claim.Read(with(ours, spec.TagFormat, "7"), s).KeepSecret(before, "made"), with(made, "theirs", "1", spec.TagFormat, "7", spec.TagBucketOrigin, "made")},
		"secret rotated":                {claim.Read(with(ours, spec.TagFormat, "2", spec.TagRotation, "t v", spec.TagAccess, "Full"), s).KeepSecret(before, "made"), with(made, "theirs", "1", spec.TagFormat, "2", spec.TagRotation, "t v", spec.TagBucketOrigin, "made")},
		"schedule":                      {claim.Read(with(ours, spec.TagFormat, "1"), scheduled).KeepSecret(before, "made"), with(made, "theirs", "1", spec.TagFormat, "2", spec.TagAccess, "ReadWrite", spec.TagBucketOrigin, "made")},
		"unproven schedule":             {claim.MadeSecret(unproven, "made").Tags(), with(made, spec.TagFormat, "2", spec.TagAccess, "ReadWrite unverified", spec.TagBucketOrigin, "made")},
		"note of a release":             {claim.Read(with(ours, spec.TagReleasedBy, "x"), s).KeepSecret(before, "made"), with(made, "theirs", "1", spec.TagFormat, "1", spec.TagBucketOrigin, "made")},
		"bucket adopted":                {claim.Read(with(released, spec.TagReleasedBy, ""), s).AdoptBucket(), adopted},
		"secret adopted":                {claim.Read(released, s).AdoptSecret("v1", "adopted"), with(made, "theirs", "1", spec.TagFormat, "1", spec.TagBefore, "v1", spec.TagBucketOrigin, "adopted")},
		"without a value":               {claim.Read(released, s).AdoptSecret("", "made"), with(made, "theirs", "1", spec.TagFormat, "1", spec.TagBucketOrigin, "made")},
		"bucket kept, half emptied":     {claim.Read(with(ours, spec.TagEmptying, "then 1", spec.TagLastEvent, "then"), s).KeepBucket(before, false), with(made, "theirs", "1")},
		"bucket adopted, half emptied":  {claim.Read(with(released, spec.TagReleasedBy, "", spec.TagEmptying, "then 1"), s).AdoptBucket(), adopted},
		"bucket released, half emptied": {claim.Read(with(ours, spec.TagEmptying, "then 1"), s).ReleaseBucket(), tags{spec.TagOwner: spec.Released, "theirs": "1"}},
		"bucket half emptied":           {claim.Read(with(ours, spec.TagEmptying, "then 1"), s).BeginEmptying(2), with(ours, spec.TagEmptying, "2026-01-02T03:04:05Z 2")},
		"bucket released":               {claim.Read(with(ours, spec.TagAdopted, "true", spec.TagLastEvent, "then"), s).ReleaseBucket(), tags{spec.TagOwner: spec.Released, "theirs": "1"}},
		"secret released": {claim.Read(with(ours, spec.TagBefore, "v1", spec.TagLastEvent, "then", spec.TagFormat, "2", spec.TagPreviousKey, "k", spec.TagRotation, "t v", spec.TagAccess, "Full"), s).ReleaseSecret(),
			with(ours, spec.TagOwner, spec.Released, spec.TagReleasedBy, s.PhysicalID)},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
