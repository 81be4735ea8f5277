package provision_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// Attacks on the function by an AWS that lags, each by its number.

// A8: in us-east-1 CreateBucket answers 200 for a bucket that another resource made three seconds ago, and sets no
// tags. Nothing is changed until tags show whose it is, and others' tags are final at once.
func TestA8BucketThatAnotherResourceMadeAMomentAgo(t *testing.T) {
	for _, what := range []awsfake.NewBuckets{awsfake.AllUnknown, awsfake.TagsUnknown} {
		for _, d := range []time.Duration{0, 5 * time.Second, 90 * time.Second} {
			for _, region := range []string{"us-east-1", "eu-west-1"} { // there it is BucketAlreadyOwnedByYou
				t.Run(strings.Join([]string{string(what), d.String(), region}, " "), func(t *testing.T) {
					inRegion(t, region, func(w *bench) {
						took := w.meetsABucket(what, d, foreignTags, "bucket my-data: exists in this account and does not belong to this resource")
						if took > d+15*time.Second {
							t.Errorf("took %s", took)
						}
					})
				})
			}
		}
	}
}

// A8: no tags for the whole patience means that the bucket is not ours. It stays, and nothing of it is undone.
func TestA8BucketThatNeverShowsTags(t *testing.T) {
	for _, region := range []string{"us-east-1", "eu-west-1"} {
		inRegion(t, region, func(w *bench) {
			took := w.meetsABucket(awsfake.AllUnknown, 0, nil, "bucket my-data: ")
			if took < 115*time.Second || took > 150*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// meetsABucket has a Create meet a bucket that somebody has made after its look. The Create must fail and leave
// the bucket alone. It returns how long that took.
func (w *bench) meetsABucket(what awsfake.NewBuckets, d time.Duration, tags map[string]string, reason string) time.Duration {
	w.t.Helper()
	w.AWS.LenientCreateBucket, w.AWS.BucketPropagation, w.AWS.NewBuckets = true, d, what
	w.AWS.AddBucket("theirs", tags)
	theirs := w.AWS.Snapshot().Buckets["theirs"]
	w.AWS.DeleteBucket("theirs")
	isMade := false
	w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if c.Operation == "CreateBucket" && !isMade {
			isMade = true
			w.AWS.AddBucket("my-data", tags)
		}
		if c.Service == "s3" && isWrite(c) && c.Operation != "CreateBucket" {
			w.t.Errorf("%s of a bucket that is not ours", c)
		}
		return awsfake.Decision{}
	})
	w.AWS.Before = first(takesTime, w.AWS.Before)
	start := time.Now()
	a := w.refused(w.create(named), reason)
	took := time.Since(start)
	w.succeeded(w.delete(a.PhysicalResourceId, named))
	now := w.AWS.Snapshot()
	if diff := difference(awsfake.Snapshot{Buckets: map[string]awsfake.Bucket{"my-data": theirs}}, awsfake.Snapshot{Buckets: now.Buckets}); diff != "" {
		w.t.Errorf("the bucket: %s", diff)
	}
	if len(now.Users)+len(now.Secrets) > 0 {
		w.t.Errorf("left: %+v", now)
	}
	return took
}

// A8, its kind: our own tags, shown late, make the bucket ours. Until then nothing is changed.
func TestA8NothingIsChangedUntilOurTagsShow(t *testing.T) {
	inRegion(t, "us-east-1", func(w *bench) {
		var made time.Time
		shows := since("CreateBucket", 20*time.Second, noTags, isCall("GetBucketTagging"))
		w.AWS.Before = oneByOne(func(ctx context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "CreateBucket" && made.IsZero() {
				made = time.Now()
			}
			if c.Service == "s3" && isWrite(c) && c.Operation != "CreateBucket" && time.Since(made) < 20*time.Second {
				t.Errorf("%s before the tags show", c)
			}
			return shows(ctx, c)
		})
		w.created(named)
	})
}

// A17: a status counts only if it was set more than two seconds after the event was sent. Then anything but the
// event's own is against it.
func TestA17StatusCountsOnlyIfItIsNewer(t *testing.T) {
	against := map[string][]string{
		"Create": {"CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"},
		"Update": {"CREATE_IN_PROGRESS", "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"},
		"Delete": {"CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_FAILED"},
	}
	for kind, statuses := range against {
		for _, status := range append(statuses, strings.ToUpper(kind)+"_IN_PROGRESS") {
			for _, later := range []time.Duration{-time.Minute, 0, time.Second, 2 * time.Second, 3 * time.Second, time.Minute} {
				t.Run(strings.Join([]string{kind, status, later.String()}, " "), func(t *testing.T) {
					inWorld(t, func(w *bench) { w.readsStatus(kind, status, later) })
				})
			}
		}
	}
}

// readsStatus delivers an event, to which a status that was set so much later is final or not. A Create that is
// late leaves nothing, and every other event the account as it was.
func (w *bench) readsStatus(kind, status string, later time.Duration) {
	w.t.Helper()
	id := w.idOf(named)
	if kind != "Create" {
		w.created(named)
	}
	<-time.After(time.Until(time.Now().Truncate(time.Second).Add(time.Hour))) // the time of an event has whole seconds
	was := w.AWS.Snapshot()
	set := func() {
		w.AWS.SetResourceStatus(stackID, sim.LogicalID, status)
		w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, id)
	}
	if later < 0 {
		set()
		<-time.After(-later)
	}
	changed := with("Access", "Full")
	w.sign(kind, id, changed, named)
	if later >= 0 {
		<-time.After(later)
		set()
	}
	a := w.deliver(w.AWS.Session("provider"), kind, id, changed, named)
	if later <= 2*time.Second || status == strings.ToUpper(kind)+"_IN_PROGRESS" {
		w.succeeded(a)
		return
	}
	w.refused(a, "CloudFormation no longer waits for this event")
	w.unchanged(was)
}

// A17: a Delete heeds a status only about its own physical id. Behind it stands the time of the last event.
func TestA17DeleteHeedsItsOwnIdAlone(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		w.sign("Delete", w.idOf(named), named, nil)
		<-time.After(time.Minute)
		w.AWS.SetResourceStatus(stackID, sim.LogicalID, "UPDATE_COMPLETE")
		w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, w.idOf(renamed))
		w.deletesWithin(15 * time.Second)
	})
	inWorld(t, func(w *bench) {
		w.history(create(named), remove(named), create(named))
		<-time.After(time.Hour)
		was := w.AWS.Snapshot()
		w.AWS.SetResourceStatus(stackID, sim.LogicalID, "DELETE_IN_PROGRESS")
		w.refused(w.deliverLate("Delete", w.idOf(named), named, nil), laterHasCome)
		w.unchanged(was)
	})
}

// A31: a Delete of what was never made answers without waiting under its own id, and looks for two minutes under
// an id that CloudFormation has made up.
func TestA31DeleteOfWhatWasNeverMade(t *testing.T) {
	for _, p := range []sim.Properties{named, with("OnDelete", "Purge"), with("OnDelete", "Retain"), {}} {
		for _, test := range []struct {
			isInvented      bool
			atLeast, atMost time.Duration
		}{{false, 0, time.Second}, {true, 110 * time.Second, 125 * time.Second}} {
			inWorld(t, func(w *bench) {
				id := w.idOf(p)
				if test.isInvented {
					id = inventedID
				}
				w.AWS.Before = takesTime
				start := time.Now()
				w.succeeded(w.delete(id, p))
				if took := time.Since(start); took < test.atLeast || took > test.atMost {
					t.Errorf("%s took %s", id, took)
				}
			})
		}
	}
}

// A31: under an id that CloudFormation has made up, a Delete finds what a Create has left that died after any of
// its writes, whatever lags.
func TestA31DeleteAfterACreateThatDied(t *testing.T) {
	for name, law := range map[string]func(*awsfake.AWS){
		"none":    func(*awsfake.AWS) {},
		"buckets": func(a *awsfake.AWS) { a.BucketPropagation, a.BucketLag = 90*time.Second, time.Minute },
		"users":   func(a *awsfake.AWS) { a.UserLag = 90 * time.Second },
		"secrets": func(a *awsfake.AWS) { a.SecretLag = time.Minute },
		"all": func(a *awsfake.AWS) {
			a.BucketPropagation, a.UserLag, a.SecretLag, a.ConflictPropagation = time.Minute, time.Minute, time.Minute, 10*time.Second
		},
	} {
		for _, operation := range []string{"CreateSecret", "CreateUser", "CreateBucket", "PutBucketPolicy", "CreateAccessKey", "PutSecretValue"} {
			t.Run(name+" "+operation, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.AWS.History, w.AWS.SecretHistory = 2*time.Minute, true
					w.killedAfter(operation, create(named))
					law(w.AWS)
					w.AWS.Before = takesTime
					start := time.Now()
					w.succeeded(w.delete(inventedID, named))
					w.empty()
					if took := time.Since(start); took > 260*time.Second {
						t.Errorf("took %s", took)
					}
				})
			})
		}
	}
}

// A31: a Delete whose parts are missing by hand looks for them for two minutes at most, and not at all if the
// set is older than twenty minutes.
func TestA31DeleteOfWhatIsMissingByHand(t *testing.T) {
	for age, limit := range map[time.Duration]time.Duration{time.Second: 125 * time.Second, 21 * time.Minute: 15 * time.Second} {
		isMissing(t, "bucket", age, limit, func(a *awsfake.AWS) { a.DeleteBucket("my-data") })
		isMissing(t, "user", age, limit, func(a *awsfake.AWS) { a.DeleteUser("clickhouse") })
		isMissing(t, "user and bucket", age, limit, func(a *awsfake.AWS) { a.DeleteUser("clickhouse"); a.DeleteBucket("my-data") })
	}
	secretIsMissing(t, time.Second, 125*time.Second)
}

// A31: the same where the secret is missing, which has the time of the last event.
func TestA31DeleteOfAnOldSetWithoutItsSecret(t *testing.T) {
	secretIsMissing(t, 21*time.Minute, 135*time.Second)
}

func secretIsMissing(t *testing.T, age, limit time.Duration) {
	isMissing(t, "secret", age, limit, func(a *awsfake.AWS) { a.DeleteSecret("clickhouse/s3", 0) })
	isMissing(t, "secret and user", age, limit, func(a *awsfake.AWS) { a.DeleteSecret("clickhouse/s3", 0); a.DeleteUser("clickhouse") })
	isMissing(t, "secret and bucket", age, limit, func(a *awsfake.AWS) { a.DeleteSecret("clickhouse/s3", 0); a.DeleteBucket("my-data") })
}

func isMissing(t *testing.T, name string, age, limit time.Duration, takeAway func(*awsfake.AWS)) {
	t.Run(name+" after "+age.String(), func(t *testing.T) {
		inWorld(t, func(w *bench) {
			w.created(named)
			<-time.After(age)
			takeAway(w.AWS)
			w.deletesWithin(limit)
		})
	})
}
