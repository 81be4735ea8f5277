package provision_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// What is made beside each other must not be made before what it relies on, however long that takes.

// slowly carries out an event whose calls of some kinds take half a minute each. It returns when each kind of call began for the first
// time, and when it ended: a write for the last time, a read for the first.
func (w *bench) slowly(e event, slow ...string) (began, ended map[string]time.Time) {
	w.t.Helper()
	var mu sync.Mutex
	began, ended = map[string]time.Time{}, map[string]time.Time{}
	w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
		kind := kindOf(c)
		mu.Lock()
		if began[kind].IsZero() {
			began[kind] = time.Now()
		}
		mu.Unlock()
		time.Sleep(callTime)
		if slices.Contains(slow, c.Operation) {
			time.Sleep(30 * time.Second)
		}
		mu.Lock()
		defer mu.Unlock()
		if ended[kind].IsZero() || isWrite(c) {
			ended[kind] = time.Now()
		}
		return awsfake.Decision{}
	}
	defer func() { w.AWS.Before = nil }()
	if r := w.play(e, nil); r.err != nil || !e.isAnsweredBy(r.answer) {
		w.t.Fatalf("%s: %+v %v", e.kind, r.answer, r.err)
	}
	return began, ended
}

// Each call of a Create is slow in turn. Nobody is let in before access is blocked, nothing is committed before all else is in
// place and proven, and whoever is let in exists.
func TestNothingOfACreateIsTooEarly(t *testing.T) {
	p := with("Versioning", "true", "Tags", []any{map[string]any{"Key": "a", "Value": "b"}})
	after := map[string][]string{
		"CreateSecret by role":                    {"DescribeSecret by role", "GetUser by role", "GetBucketTagging by role"},
		"CreateUser by role":                      {"CreateSecret by role"},
		"CreateBucket by role":                    {"CreateSecret by role"},
		"CreateAccessKey by role":                 {"CreateUser by role"},
		"PutBucketPolicy by role":                 {"PutPublicAccessBlock by role", "CreateUser by role"},
		"PutBucketVersioning by role":             {"PutBucketPolicy by role"},
		"PutObject by user":                       {"PutBucketPolicy by role", "CreateAccessKey by role"},
		"PutBucketLifecycleConfiguration by role": {"PutBucketVersioning by role"},
		"PutSecretValue by role": {"PutObject by user", "GetObject by user", "ListObjectsV2 by user", "DeleteObject by user",
			"PutBucketVersioning by role", "PutBucketLifecycleConfiguration by role", "PutObject by role", "DescribeStackResource by role"},
	}
	for _, slow := range []string{"none", "CreateSecret", "CreateUser", "CreateBucket", "CreateAccessKey", "PutPublicAccessBlock", "PutBucketPolicy",
		"PutBucketVersioning", "PutBucketLifecycleConfiguration", "PutObject", "GetObject", "DeleteObject", "DescribeStackResource"} {
		t.Run(slow, func(t *testing.T) {
			inRegion(t, "eu-west-1", func(w *bench) {
				w.knowsAtOnce()
				began, ended := w.slowly(create(p), slow)
				w.isAfter(after, began, ended)
			})
		})
	}
}

// knowsAtOnce has AWS know them at once.
func (w *bench) knowsAtOnce() { w.AWS.UserPropagation, w.AWS.KeyPropagation = 0, 0 }

func (w *bench) isAfter(after map[string][]string, began, ended map[string]time.Time) {
	w.t.Helper()
	for kind, befores := range after {
		for _, before := range befores {
			if began[kind].IsZero() || ended[before].IsZero() || began[kind].Before(ended[before]) {
				w.t.Errorf("%s began %s before the end of %s", kind, ended[before].Sub(began[kind]), before)
			}
		}
	}
}

// The same of a Delete: it changes nothing before it has looked at all, access goes first, and nothing is deleted in the
// bucket before that, nor the bucket before the user.
func TestNothingOfADeleteIsTooEarly(t *testing.T) {
	looks := []string{"DescribeStackResource by role", "GetUser by role", "GetBucketTagging by role", "ListObjectVersions by role"}
	after := map[string][]string{
		"DeleteSecret by role":    looks,
		"DeleteAccessKey by role": {"DeleteSecret by role"},
		"DeleteUser by role":      {"DeleteAccessKey by role"},
		"DeleteObject by role":    {"DeleteAccessKey by role"},
		"DeleteBucket by role":    {"DeleteUser by role", "DeleteObject by role"},
	}
	for _, slow := range []string{"none", "GetUser", "DeleteSecret", "DeleteAccessKey", "DeleteUser", "DeleteObject"} {
		t.Run(slow, func(t *testing.T) {
			inRegion(t, "eu-west-1", func(w *bench) {
				w.history(create(named))
				passes(time.Hour)
				began, ended := w.slowly(remove(named), slow)
				w.isAfter(after, began, ended)
			})
		})
	}
}

// The question whether a Delete is late is asked beside the look, and again after a look that has waited.
func TestDeleteAsksAgainAfterItHasWaited(t *testing.T) {
	for _, d := range []time.Duration{0, time.Second, 90 * time.Second} {
		t.Run(d.String(), func(t *testing.T) {
			inRegion(t, "eu-west-1", func(w *bench) {
				w.history(create(named))
				passes(time.Hour)
				start, asked := time.Now(), time.Duration(-1)
				w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
					switch {
					case c.Operation == "DescribeStackResource":
						asked = time.Since(start)
					case c.Operation == "GetUser" && time.Since(start) < d:
						return awsfake.Refuse(&awsfake.Error{Status: 404, Code: "NoSuchEntity", Message: "cannot be found"})
					}
					return awsfake.Decision{}
				})
				// The secret is not old, so that what is missing is looked for.
				w.AWS.TagSecret("clickhouse/s3", map[string]string{"bucketuser:last-event": start.UTC().Add(-time.Minute).Format(time.RFC3339)})
				w.succeeded(w.delete(w.idOf(named), named))
				if asked < d {
					t.Errorf("asked after %s", asked)
				}
			})
		})
	}
}

// A bucket that was listed beside the look is not deleted by that list once data has come: the Delete is refused as
// always, and what somebody has written at the key of the marker stays.
func TestDeleteDoesNotTrustItsList(t *testing.T) {
	for _, at := range []string{"DeleteSecret", "DeleteAccessKey", "DeleteUser", "DeleteBucket"} {
		t.Run(at, func(t *testing.T) {
			inRegion(t, "eu-west-1", func(w *bench) {
				w.history(create(named))
				passes(time.Hour)
				w.at(at, func() { w.AWS.PutObject("my-data", "data/x", "1") })
				w.refused(w.delete(w.idOf(named), named), "bucket my-data: is not empty: it holds 1 object")
				if objects := w.AWS.Snapshot().Buckets["my-data"].Objects; len(objects["data/x"]) != 1 {
					t.Errorf("objects: %v", objects)
				}
			})
		})
	}
}

// A rule that somebody adds while another setting is written stays: what was read before that is read again.
func TestSettingIsReadAgainAfterAnother(t *testing.T) {
	inRegion(t, "eu-west-1", func(w *bench) {
		w.history(create(named))
		passes(time.Hour)
		theirs := types.LifecycleRule{ID: new(string), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: new(string)},
			Expiration: &types.LifecycleExpiration{Days: new(int32)}}
		*theirs.ID, *theirs.Expiration.Days = "theirs", 90
		w.at("PutBucketPolicy", func() {
			if err := w.AWS.SetLifecycle("my-data", []types.LifecycleRule{theirs}); err != nil {
				t.Error(err)
			}
		})
		p := with("Access", "Full", "AbortIncompleteUploadsAfterDays", "3")
		w.succeeded(w.update(w.idOf(named), p, named))
		rules := w.AWS.Snapshot().Buckets["my-data"].Lifecycle
		if !slices.ContainsFunc(rules, func(r awsfake.LifecycleRule) bool { return r.ID == "theirs" }) || len(rules) != 2 {
			t.Errorf("rules: %+v", rules)
		}
	})
}

// A Create that was cut off right after its commit leaves its probe, and the next delivery takes that along, also where
// the bucket is versioned.
func TestProbeGoesAfterTheCommit(t *testing.T) {
	for _, p := range []sim.Properties{named, with("Versioning", "true"), with("Access", "ReadOnly")} {
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			inRegion(t, region, func(w *bench) {
				w.killedInItsCommit(p)
				if isLeft := w.hasProbe(); !isLeft && len(p) > len(named) {
					t.Errorf("%v: no probe was left", p)
				}
				passes(time.Minute)
				w.history(create(p))
				if w.hasProbe() {
					t.Errorf("%v: the probe is left", p)
				}
			})
		}
	}
}

// killedInItsCommit has a Create commit before the calls that are made beside that, and die.
func (w *bench) killedInItsCommit(p sim.Properties) {
	session, url := w.AWS.Session("provider"), w.begin("Create", "", p, nil)
	w.Run(sim.Last, func(c awsfake.Call) awsfake.Decision {
		if c.Operation == "PutSecretValue" {
			return awsfake.Lose(awsfake.Killed)
		}
		return awsfake.Decision{}
	}, func() { _, _ = w.invoke(session, url, "Create", "", p, nil) })
}

func (w *bench) hasProbe() bool {
	for key := range w.AWS.Snapshot().Buckets["my-data"].Objects {
		if strings.HasSuffix(key, "probe") {
			return true
		}
	}
	return false
}
