package provision_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// What a replacement does to data, each input by the number of its row or attack.

// replaces is the Update that gives a resource other names, and back the one by which CloudFormation goes back from it
// where it has failed.
func (m making) replaces() event { return update(m.p, renaming(m.p), m.p) }
func (m making) back() event     { return update(m.p, m.p, renaming(m.p)) }

// Row 30: names change while the old bucket holds data. That is refused unless OnDelete is Retain, in every delivery,
// with the account as it was, and so it stays when CloudFormation goes back.
func TestRow30(t *testing.T) {
	for _, m := range append(makings(t, "DeleteIfEmpty"), makings(t, "Purge")...) {
		t.Run(m.name, func(t *testing.T) {
			inRegion(t, m.region, func(w *bench) {
				m.make(w)
				name := w.parse(m.p).BucketName
				w.AWS.PutObject(name, "data/x", "1")
				was := w.AWS.Snapshot()
				for range 2 {
					a := w.refused(w.play(m.replaces(), nil).answer, name)
					if w.unchanged(was); a.PhysicalResourceId != w.idOf(m.p) {
						t.Errorf("answers %s", a.PhysicalResourceId)
					}
				}
				w.history(m.back())
				w.unchanged(was, append(m.before, ignoreLastEvent)...)
				if m.onDelete == "Purge" {
					w.history(remove(m.p))
					w.empty()
					return
				}
				w.refused(w.play(remove(m.p), nil).answer, name)
			})
		})
	}
}

// Row 30, its kind: what counts as data, and an old bucket that is gone. The same where the old bucket cannot be looked
// at: nobody knows what it holds.
func TestRow30WhatCountsAsData(t *testing.T) {
	for name, test := range map[string]struct {
		arrange   func(*awsfake.AWS)
		before    hook
		isRefused bool
	}{
		"nothing":             {func(*awsfake.AWS) {}, nil, false},
		"the probe":           {func(a *awsfake.AWS) { a.PutObject("my-data", "data/.bucketuser-probe", "") }, nil, false},
		"no bucket":           {func(a *awsfake.AWS) { a.DeleteBucket("my-data") }, nil, false},
		"outside the prefix":  {func(a *awsfake.AWS) { a.PutObject("my-data", "x", "1") }, nil, true},
		"marker with content": {func(a *awsfake.AWS) { a.PutObject("my-data", "data/", "1") }, nil, true},
		"probe with content":  {func(a *awsfake.AWS) { a.PutObject("my-data", "data/.bucketuser-probe", "1") }, nil, true},
		"an empty object":     {func(a *awsfake.AWS) { a.PutObject("my-data", "data/x", "") }, nil, true},
		"an old version": {func(a *awsfake.AWS) {
			a.SetVersioning("my-data", "Enabled")
			a.PutObject("my-data", "x", "1")
			a.DeleteObject("my-data", "x")
		}, nil, true},
		"no right to the tags":    {func(*awsfake.AWS) {}, denied("my-data", "GetBucketTagging"), true},
		"no right to the content": {func(*awsfake.AWS) {}, denied("my-data", "ListObjectVersions"), true},
		"a Deny for everybody":    {func(a *awsfake.AWS) { denyAll(a, "my-data") }, nil, true},
	} {
		for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
			t.Run(name+" "+onDelete, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := with("OnDelete", onDelete)
					w.created(p)
					<-time.After(time.Hour)
					test.arrange(w.AWS)
					was := w.AWS.Snapshot()
					w.AWS.Before = test.before
					a := w.update(w.idOf(p), other(p), p)
					if test.isRefused && onDelete != "Retain" {
						w.refused(a, "my-data")
						w.unchanged(was)
						return
					}
					if test.before == nil && name != "a Deny for everybody" { // the mark could not be written
						w.succeeded(a)
					}
					w.keeps(was, p, thingsOfASet, ignoreLastEvent, ignoreMarks)
				})
			})
		}
	}
}

// denied refuses operations on a bucket for good.
func denied(bucket string, operations ...string) hook {
	return func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if isCall(operations...)(c) && (c.Target == bucket || strings.HasPrefix(c.Target, bucket+"/")) {
			return awsfake.Refuse(awsfake.AccessDenied)
		}
		return awsfake.Decision{}
	}
}

// A1a, A1b: what tells a Delete that the other set is there. CloudFormation names it, or the secret that the mark
// names bears the tags of the other set, or that one cannot be looked at.
var tellings = map[string]func(w *bench, p, other sim.Properties) answer{
	"CloudFormation": func(w *bench, p, other sim.Properties) answer {
		w.anew()
		w.AWS.SetResourceStatus(w.stackID, sim.LogicalID, "UPDATE_COMPLETE")
		w.AWS.SetPhysicalResourceID(w.stackID, sim.LogicalID, w.idOf(other))
		<-time.After(time.Minute)
		return w.deliver(w.AWS.Session("provider"), "Delete", w.idOf(p), p, nil)
	},
	"the secret": func(w *bench, p, _ sim.Properties) answer {
		w.anew()
		return w.delete(w.idOf(p), p)
	},
	"the secret alone": func(w *bench, p, _ sim.Properties) answer {
		w.anew()
		w.AWS.Before = deny("DescribeStackResource")
		defer func() { w.AWS.Before = nil }()
		return w.delete(w.idOf(p), p)
	},
	"a secret that is hidden": func(w *bench, p, other sim.Properties) answer {
		w.anew()
		name := w.parse(other).SecretName
		arn := w.AWS.Snapshot().Secrets[name].ARN
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Service == "secretsmanager" && (c.Target == name || c.Target == arn) {
				return awsfake.Refuse(awsfake.AccessDenied)
			}
			return awsfake.Decision{}
		}
		defer func() { w.AWS.Before = nil }()
		return w.delete(w.idOf(p), p)
	},
}

// A1a: consumers of the old key write to the old bucket after a replacement has checked that it is empty. The Delete
// that cleans up never empties it, whatever OnDelete says: it revokes, and DeleteBucket alone decides.
func TestA1a(t *testing.T) {
	for _, m := range everyMaking(t) {
		for i, telling := range slices.Sorted(maps.Keys(tellings)) {
			for j, late := range []string{"data/late", ""} {
				cleanUp := tellings[telling]
				if !m.tries(2*i+j, 2*len(tellings)) && !m.tries(2*i+j+3, 2*len(tellings)) {
					continue
				}
				t.Run(strings.Join([]string{m.name, "told by", telling, late}, " "), func(t *testing.T) {
					inRegion(t, m.region, func(w *bench) {
						m.make(w)
						w.history(m.replaces())
						w.writes(m.p, late)
						w.cleansUp(m, late != "", func() answer { return cleanUp(w, m.p, renaming(m.p)) })
					})
				})
			}
		}
	}
}

// writes puts an object into the bucket of a set, unless its key is empty.
func (w *bench) writes(p sim.Properties, key string) {
	if key != "" {
		w.AWS.PutObject(w.parse(p).BucketName, key, "1")
	}
}

// cleansUp has the old set be deleted, twice, and fails the test unless it is revoked, its bucket released if it
// holds data, and the new set as it was.
func (w *bench) cleansUp(m making, holdsData bool, cleanUp func() answer) {
	w.t.Helper()
	was := w.AWS.Snapshot()
	for range 2 {
		w.succeeded(cleanUp())
		w.isGone(m.p, "secret", "user")
		w.keeps(was, renaming(m.p), thingsOfASet)
		if holdsData || m.isAdopted {
			w.isReleased(was, m.p)
		} else {
			w.isGone(m.p, "bucket")
		}
	}
}

// A1b: a dependant writes to the new bucket, and a sibling fails. CloudFormation goes back by an Update and a Delete
// of the new set, or by that Delete alone. Neither empties the new bucket, and the old set is as it was: its own
// Delete does what OnDelete says, as the new set is gone.
func TestA1b(t *testing.T) {
	for _, m := range everyMaking(t) {
		for i, telling := range slices.Sorted(maps.Keys(tellings)) {
			for j, way := range []string{"Update and Delete", "Delete and Update", "Delete"} {
				cleanUp := tellings[telling]
				if !m.tries(i+j, len(tellings)) {
					continue
				}
				t.Run(strings.Join([]string{m.name, "told by", telling, "by", way}, " "), func(t *testing.T) {
					inRegion(t, m.region, func(w *bench) {
						m.make(w)
						w.goesBackFrom(m, way, func() answer { return cleanUp(w, renaming(m.p), m.p) })
						w.endsAsItSays(m)
					})
				})
			}
		}
	}
}

// goesBackFrom replaces a set that holds data or not, has the new one be written to, and goes back in a way.
func (w *bench) goesBackFrom(m making, way string, cleanUp func() answer) {
	w.t.Helper()
	q := renaming(m.p)
	was := w.AWS.Snapshot()
	w.history(m.replaces())
	w.writes(q, "data/z")
	if way == "Update and Delete" {
		w.history(update(q, m.p, q))
		w.unchangedBut(was, m, q)
	}
	now := w.AWS.Snapshot()
	for range 2 {
		w.succeeded(cleanUp())
		w.isGone(q, "secret", "user")
		w.isReleased(now, q)
		w.keeps(now, m.p, thingsOfASet)
	}
	if way == "Delete and Update" {
		w.anew()
		w.history(update(m.p, m.p, m.p))
		w.unchangedBut(was, m, q)
	}
}

// unchangedBut fails the test unless the old set is as it was before the replacement, without a mark.
func (w *bench) unchangedBut(was awsfake.Snapshot, m making, _ sim.Properties) {
	w.t.Helper()
	w.keeps(was, m.p, thingsOfASet, append(m.before, ignoreLastEvent)...)
}

// endsAsItSays deletes a set that nothing is to take the place of.
func (w *bench) endsAsItSays(m making) {
	w.t.Helper()
	w.writes(m.p, "data/more")
	was := w.AWS.Snapshot()
	w.anew()
	switch a := w.play(remove(m.p), nil).answer; m.onDelete {
	case "DeleteIfEmpty":
		w.refused(a, "is not empty")
		w.keeps(was, m.p, thingsOfASet)
	case "Purge":
		w.succeeded(a)
		w.isGone(m.p, thingsOfASet...)
	default:
		w.succeeded(a)
		w.isGone(m.p, "secret", "user")
		w.isReleased(was, m.p)
	}
}
