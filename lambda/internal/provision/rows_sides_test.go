package provision_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// Both sides of a replacement once more: when it is over, while AWS lags, and where an event is cut off.

// A1: with the old set gone the new one is deleted as OnDelete says, whether an Update has taken its mark off or not, and
// whether CloudFormation says anything or not.
func TestA1NewSideIsDeletedAsItSays(t *testing.T) {
	long(t)
	for _, m := range everyMaking(t) {
		for before, isUpdated := range both([]hook{nil, deny("DescribeStackResource")}, yesAndNo) {
			t.Run(m.name, func(t *testing.T) {
				inRegion(t, m.region, func(w *bench) {
					m.make(w)
					q := renaming(m.p)
					w.history(m.replaces(), remove(m.p))
					if isUpdated {
						w.history(update(q, q, q))
						for _, thing := range []string{"bucket", "secret"} {
							w.keepsTags(w.tagsOf(w.parse(q), thing), replacesTag, "", supersededTag, "")
						}
					}
					<-time.After(time.Hour)
					w.AWS.Before = before
					w.endsAsItSays(making{p: q, onDelete: m.onDelete})
				})
			})
		}
	}
}

// A1: as long as the old set is there an Update of the new one leaves the mark, and the Delete of either releases.
func TestA1MarkStaysWhileTheOldSetIsThere(t *testing.T) {
	p := with("OnDelete", "Purge")
	q := other(p)
	for name, next := range map[string]event{"the new set": remove(q), "the old set": remove(p)} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.history(create(p), update(p, q, p), update(q, plus(q, "Access", "Full"), q))
				w.keepsTags(w.tagsOf(w.parse(q), "bucket"), replacesTag, w.idOf(p)+" clickhouse/s3 clickhouse")
				w.writes(next.p, "data/x")
				was := w.AWS.Snapshot()
				w.history(next)
				w.isReleased(was, next.p)
			})
		})
	}
}

// A1: three sets in a row, the Deletes of the first two come late, in either order, and each of them has data by then.
func TestA1Chain(t *testing.T) {
	a := with("OnDelete", "Purge")
	b := other(a)
	c := plus(a, "BucketName", "my-data-3", "UserName", "clickhouse-3", "SecretName", "clickhouse/s3-3")
	for telling, cleanUp := range tellings {
		t.Run(telling, func(t *testing.T) {
			for _, order := range [][]sim.Properties{{a, b}, {b, a}} {
				inWorld(t, func(w *bench) {
					w.history(create(a), update(a, b, a), update(b, c, b))
					w.writes(a, "data/a")
					w.writes(b, "data/b")
					was := w.AWS.Snapshot()
					for _, p := range order {
						w.succeeded(cleanUp(w, p, c))
						w.isGone(p, "secret", "user")
					}
					w.isReleased(was, b)
					if w.idOf(order[0]) == w.idOf(a) || telling == "CloudFormation" { // else what has replaced it is gone
						w.isReleased(was, a)
					}
					w.keeps(was, c, thingsOfASet)
				})
			}
		})
	}
}

// A1a: the Delete comes at once after the replacement, while reads are from before the mark. CloudFormation names the
// other set, or one of the two marks shows.
func TestA1aWhileTheMarkDoesNotShow(t *testing.T) {
	for name, test := range map[string]struct {
		telling string
		lag     func(*awsfake.AWS)
	}{
		"both lag":    {"CloudFormation", func(a *awsfake.AWS) { a.BucketLag, a.SecretLag = 100*time.Second, 100*time.Second }},
		"bucket lags": {"the secret alone", func(a *awsfake.AWS) { a.BucketLag = 100 * time.Second }},
		"secret lags": {"the secret alone", func(a *awsfake.AWS) { a.SecretLag = 100 * time.Second }},
	} {
		for _, onDelete := range onDeletes {
			t.Run(name+" "+onDelete, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := with("OnDelete", onDelete)
					w.history(create(p))
					<-time.After(time.Hour)
					w.history(update(p, other(p), p))
					test.lag(w.AWS)
					w.writes(p, "data/late")
					was := w.AWS.Snapshot()
					w.succeeded(tellings[test.telling](w, p, other(p)))
					w.isGone(p, "secret", "user")
					w.isReleased(was, p)
				})
			})
		}
	}
}

// A1a: things of either set lose their tags between the replacement and the Delete that cleans up. No data goes, and
// deleting again ends.
func TestA1aBesideLostTags(t *testing.T) {
	long(t)
	for onDelete, isOfNewSet := range both(onDeletes, yesAndNo) {
		for things, telling := range both(subsets(), []string{"CloudFormation", "the secret", "the secret alone"}) {
			t.Run(strings.Join([]string{onDelete, strings.Join(things, " and "), telling}, ", "), func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := with("OnDelete", onDelete)
					w.history(create(p), update(p, other(p), p))
					w.writes(p, "data/late")
					<-time.After(time.Hour)
					l, of := losses[len(things)%2], p
					if isOfNewSet {
						of = other(p)
					}
					w.loses(of, l, things...)
					w.cleansUpAtLast(p, func() answer { return tellings[telling](w, p, other(p)) })
				})
			})
		}
	}
}

// cleansUpAtLast has an old set be deleted until that succeeds, and fails the test if data goes, or if the Delete fails
// more than once.
func (w *bench) cleansUpAtLast(p sim.Properties, cleanUp func() answer) {
	w.t.Helper()
	was := w.AWS.Snapshot()
	if a := cleanUp(); a.Status == "FAILED" {
		<-time.After(time.Hour)
		w.succeeded(cleanUp())
	}
	w.keeps(was, other(p), thingsOfASet)
	if b := w.AWS.Snapshot().Buckets["my-data"]; len(b.Objects["data/late"]) != 1 {
		w.t.Errorf("data is gone: %+v", b)
	}
}

// A1a: somebody writes between the last look into the bucket and DeleteBucket, which alone decides.
func TestA1aDeleteBucketDecides(t *testing.T) {
	for _, m := range everyMaking(t) {
		t.Run(m.name, func(t *testing.T) {
			inRegion(t, m.region, func(w *bench) {
				m.make(w)
				w.history(m.replaces())
				w.at("DeleteBucket", func() { w.writes(m.p, "data/late") })
				w.anew()
				w.history(remove(m.p))
				w.isGone(m.p, "secret", "user")
				b, ok := w.AWS.Snapshot().Buckets[w.parse(m.p).BucketName]
				if !m.isAdopted && len(b.Objects["data/late"]) != 1 || !ok || b.Tags["bucketuser:owner"] != "released" {
					t.Errorf("bucket: %+v", b)
				}
			})
		})
	}
}

// A1b: the Update that goes back is cut off at each call, and comes again, as another delivery or as an event of its own.
func TestA1bGoingBackIsCutOff(t *testing.T) {
	for onDelete, isAnew := range both(onDeletes, yesAndNo) {
		p := with("OnDelete", onDelete)
		q := other(p)
		t.Run(onDelete+" "+againOrAnew(isAnew), func(t *testing.T) {
			var was awsfake.Snapshot
			start := func(w *bench) {
				w.history(create(p))
				was = w.AWS.Snapshot()
				w.history(update(p, q, p))
				w.writes(q, "data/z")
				w.writes(p, "data/late")
				<-time.After(time.Hour)
			}
			eachCut(t, regionOf(isAnew), start, update(q, p, q), func(w *bench) {
				w.anewAfterAnHour(isAnew)
				w.history(update(q, p, q))
				w.keeps(was, p, []string{"secret", "user"}, ignoreLastEvent)
				now := w.AWS.Snapshot()
				w.history(remove(q))
				w.isReleased(now, q)
				w.isGone(q, "secret", "user")
				w.keeps(now, p, thingsOfASet)
			})
		})
	}
}

// A1b: a mark that is refused does not keep CloudFormation from going back, and the new set says by itself what it replaces.
func TestA1bGoesBackWithoutTheMark(t *testing.T) {
	for _, operation := range []string{"TagResource", "PutBucketTagging"} {
		for _, onDelete := range onDeletes {
			t.Run(operation+" "+onDelete, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := with("OnDelete", onDelete)
					q := other(p)
					w.history(create(p), update(p, q, p))
					w.writes(q, "data/z")
					<-time.After(time.Hour)
					w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
						if c.Operation == operation && isOfNewSet(c) {
							return awsfake.Refuse(awsfake.AccessDenied)
						}
						return awsfake.Decision{}
					}
					w.history(update(q, p, q))
					w.AWS.Before = nil
					was := w.AWS.Snapshot()
					w.history(remove(q))
					w.isReleased(was, q)
					w.isGone(q, "secret", "user")
				})
			})
		}
	}
}

// A1: names go back while the Delete of the first set has failed for good: that set is there, with data, as is the second.
func TestA1NamesGoBack(t *testing.T) {
	p := with("OnDelete", "Purge")
	q := other(p)
	inWorld(t, func(w *bench) {
		w.history(create(p), update(p, q, p))
		w.writes(p, "data/a")
		w.writes(q, "data/b")
		<-time.After(time.Hour)
		was := w.AWS.Snapshot()
		if a := w.play(update(q, p, q), nil).answer; a.Status == "FAILED" && !strings.Contains(a.Reason, "not empty") {
			t.Errorf("answer: %s", a.Reason)
		}
		w.history(remove(q))
		w.isReleased(was, q)
		w.keeps(was, p, []string{"user"})
		if len(w.AWS.Snapshot().Buckets["my-data"].Objects["data/a"]) != 1 {
			t.Error("data is gone")
		}
	})
}
