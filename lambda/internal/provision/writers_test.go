package provision_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// While a bucket is emptied nobody writes to it, and afterwards everybody may who might before.

var purged = with("OnDelete", "Purge", "Versioning", "true")

// isClosed reports whether the policy of the bucket has our statement that denies everybody to write.
func (w *bench) isClosed() bool {
	return strings.Contains(w.AWS.Snapshot().Buckets["my-data"].Policy, `"Sid":"BucketUserDenyWrites"`)
}

// write has somebody write an object who has all rights of the account.
func (w *bench) write(key string) error {
	operator := s3.NewFromConfig(w.AWS.Session("operator").Config())
	_, err := operator.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: aws.String("my-data"), Key: &key})
	return err
}

// slow has each call of the function take 100 ms, with an outcome for some operations.
func (w *bench) slow(operations map[string]awsfake.Decision) {
	w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if c.Caller == "role/provider" {
			<-time.After(100 * time.Millisecond)
		}
		return operations[c.Operation]
	}
}

// deletedBeside deletes the resource while somebody writes to its bucket every 70 ms.
func (w *bench) deletedBeside(p sim.Properties) answer {
	ctx, stop := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			_ = w.write(fmt.Sprintf("theirs/%d", i)) // refused, or the bucket is gone
			<-time.After(70 * time.Millisecond)
		}
	}()
	a := w.play(remove(p), nil).answer
	stop()
	<-done
	return a
}

func TestPurgeStopsWriters(t *testing.T) {
	for name, others := range map[string][]string{"nobody else's": nil, "with statements of others": {allowing("TheirBackup", "them")}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.history(create(purged))
				w.fill()
				w.addOther("them")
				if others != nil {
					w.addStatements(others...)
				}
				w.slow(nil)
				w.succeeded(w.deletedBeside(purged))
				w.isGone(purged, "secret", "user", "bucket")
				w.holdsLines("denied everybody to write to the bucket while it is emptied my-data")
			})
		})
	}
}

// What refuses the statement is tried once, logged, and changes nothing of how the Delete ends.
func TestPurgeGoesOnWhereWritersCannotBeStopped(t *testing.T) {
	for name, d := range map[string]awsfake.Decision{
		"denied":   awsfake.Refuse(awsfake.AccessDenied),
		"too long": awsfake.Refuse(&awsfake.Error{Status: 400, Code: "PolicyTooLarge", Message: "too large"}),
	} {
		for _, operation := range []string{"GetBucketPolicy", "PutBucketPolicy"} {
			t.Run(operation+" "+name, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.history(create(purged))
					w.fill()
					before := w.called(operation)
					w.AWS.Before = only(operation, d)
					start := time.Now()
					w.succeeded(w.play(remove(purged), nil).answer)
					if calls := w.called(operation) - before; calls != 1 || time.Since(start) > 5*time.Second {
						t.Errorf("%d calls in %v", calls, time.Since(start))
					}
					w.empty()
					w.holdsLines("could not deny everybody to write to the bucket while it is emptied my-data")
				})
			})
		}
	}
}

// A call that does not come to an end is given up after five seconds.
func TestStoppingWritersHoldsUpNoDelete(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(purged))
		w.fill()
		w.AWS.Before = func(ctx context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "PutBucketPolicy" {
				<-ctx.Done()
				return awsfake.Refuse(ctx.Err())
			}
			return awsfake.Decision{}
		}
		start := time.Now()
		w.succeeded(w.play(remove(purged), nil).answer)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		w.empty()
	})
}

// A statement of others that names a user who is gone keeps S3 from taking any policy.
func TestWritersAreNotStoppedBesideAUserWhoIsGone(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(purged))
		w.fill()
		w.addOther("gone")
		w.addStatements(allowing("TheirBackup", "gone"))
		w.AWS.DeleteUser("gone")
		before := w.called("PutBucketPolicy")
		w.succeeded(w.play(remove(purged), nil).answer)
		if calls := w.called("PutBucketPolicy") - before; calls != 0 {
			t.Errorf("tried to write the policy %d times", calls)
		}
		w.holdsLines("could not deny everybody to write to the bucket while it is emptied my-data")
	})
}

// Nothing is to be stopped in a bucket that holds nothing but our own objects, or that stays.
func TestOnlyAPurgeOfDataStopsWriters(t *testing.T) {
	for name, test := range map[string]struct {
		p    sim.Properties
		make func(*bench)
	}{
		"empty": {purged, func(w *bench) { w.history(create(purged)) }},
		"unversioned, with marker and probe": {with("OnDelete", "Purge"), func(w *bench) {
			w.history(create(with("OnDelete", "Purge")))
			w.AWS.PutObject("my-data", "data/.bucketuser-probe", "")
		}},
		"retained": {retain, filled(retain)},
		"adopted": {purged, func(w *bench) {
			w.offer()
			filled(retain)(w)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				test.make(w)
				before := w.called("PutBucketPolicy")
				w.succeeded(w.play(remove(test.p), nil).answer)
				if calls := w.called("PutBucketPolicy") - before; calls != 0 {
					t.Errorf("wrote the policy %d times", calls)
				}
			})
		})
	}
}

// A Delete that dies leaves the bucket closed. It is repeated, or the resource is made again, or another Delete releases.
func TestDiesWhileWritersAreStopped(t *testing.T) {
	for name, next := range map[string]struct {
		events []event
		isGone bool
	}{
		"again":                    {[]event{remove(purged)}, true},
		"made again":               {[]event{create(purged)}, false},
		"made again, and updated":  {[]event{create(purged), update(purged, plus(purged, "Access", "ReadOnly"), purged)}, false},
		"made again with Retain":   {[]event{create(retain), remove(retain)}, false},
		"removed with Retain":      {[]event{remove(retain)}, false},
		"made again, then removed": {[]event{create(purged), remove(purged)}, true},
	} {
		for _, operation := range []string{"PutBucketPolicy", "DeleteObjects"} {
			t.Run(operation+", "+name, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.diesPurging(operation)
					w.history(next.events...)
					if _, isThere := w.AWS.Snapshot().Buckets["my-data"]; isThere == next.isGone || w.isClosed() {
						t.Errorf("bucket there: %v, closed: %v", isThere, w.isClosed())
					}
				})
			})
		}
	}
}

// diesPurging has a Delete die after an operation, with something left in the bucket.
func (w *bench) diesPurging(operation string) {
	w.t.Helper()
	w.history(create(purged))
	w.fill()
	w.slow(nil)
	w.killedAfter(operation, remove(purged))
	w.AWS.PutObject("my-data", "data/more", "1")
	if err := w.write("data/theirs"); operation == "PutBucketPolicy" && (!w.isClosed() || err == nil) {
		w.t.Errorf("the bucket is open for writers: %v", err)
	}
	w.anew()
}

// A Delete that fails for good leaves the bucket to those who may write to it, with the statements of others. The resource
// can be made again.
func TestFailedPurgeLetsWritersInAgain(t *testing.T) {
	for _, tls := range []string{"true", "false"} {
		for isAlone, isVisible := range both(yesAndNo, yesAndNo) {
			t.Run(fmt.Sprintf("EnforceTls %s, alone %v, seen at once %v", tls, isAlone, isVisible), func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := plus(purged, "EnforceTls", tls)
					w.locked(p)
					if w.addOther("them"); !isAlone {
						w.addStatements(allowing("TheirBackup", "them"))
					}
					if !isVisible {
						w.AWS.History = time.Hour
						w.AWS.Before = w.asOfBeforeItWasClosed()
					}
					w.refused(w.delete(w.idOf(p), p), "AccessDenied")
					w.AWS.Before = nil
					w.isOpen(!isAlone, tls == "true")
					w.anew()
					w.works(w.succeeded(w.play(create(p), nil).answer).Data["AccessKeyId"])
				})
			})
		}
	}
}

// locked makes a set whose bucket cannot be emptied.
func (w *bench) locked(p sim.Properties) {
	w.history(create(p))
	w.fill()
	w.AWS.LockObject("my-data", "data/locked", w.AWS.PutObject("my-data", "data/locked", "1"), true)
}

// isOpen fails the test unless somebody may write to the bucket, and its policy has the statements that it should have.
func (w *bench) isOpen(hasTheirs, enforcesTLS bool) {
	w.t.Helper()
	policy := w.AWS.Snapshot().Buckets["my-data"].Policy
	if w.isClosed() || strings.Contains(policy, "TheirBackup") != hasTheirs || strings.Contains(policy, "InsecureTransport") != enforcesTLS {
		w.t.Errorf("policy: %s", policy)
	}
	if err := w.write("data/theirs"); err != nil {
		w.t.Errorf("somebody who may write: %v", err)
	}
}

// asOfBeforeItWasClosed has the second read of the policy miss the last write of it.
func (w *bench) asOfBeforeItWasClosed() hook {
	reads := 0
	return oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if c.Operation != "GetBucketPolicy" {
			return awsfake.Decision{}
		}
		if reads++; reads < 2 {
			return awsfake.Decision{}
		}
		return awsfake.Stale(w.Writes(c)[0])
	})
}

// Taking the statement off is best effort: the Delete fails for what it failed for.
func TestFailedPurgeCannotLetWritersIn(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := plus(purged, "EnforceTls", "false")
		w.locked(p)
		w.AWS.Before = deny("DeleteBucketPolicy")
		w.refused(w.play(remove(p), nil).answer, "object \"data/locked\"")
		w.holdsLines("could not let writers into the bucket again my-data")
		if !w.isClosed() {
			t.Error("the bucket is open")
		}
	})
}

// The folder marker of a resource that is made again meets the statement. However late the policy is written, and S3
// knows it, the marker is there in the end.
func TestMarkerFollowsWhatStoppedWriters(t *testing.T) {
	for late, lag := range both([]time.Duration{0, time.Second, time.Minute}, []time.Duration{0, 20 * time.Second}) {
		t.Run(fmt.Sprintf("policy after %v, known after %v", late, lag), func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.history(create(purged))
				w.fill()
				w.killedAfter("PutBucketPolicy", remove(purged))
				for key := range w.AWS.Snapshot().Buckets["my-data"].Objects {
					w.AWS.DeleteObject("my-data", key)
				}
				w.anew()
				w.latePolicy(late, lag)
				w.history(create(purged))
				versions := w.AWS.Snapshot().Buckets["my-data"].Objects["data/"]
				if len(versions) == 0 || versions[len(versions)-1].DeleteMarker {
					t.Errorf("marker: %+v", versions)
				}
			})
		})
	}
}

// latePolicy has the function write a policy late, and S3 deny the function to write objects for a time after that.
func (w *bench) latePolicy(late, lag time.Duration) {
	var written atomic.Pointer[time.Time]
	w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
		switch c.Operation {
		case "GetPublicAccessBlock":
			<-time.After(late)
		case "PutBucketPolicy":
			now := time.Now()
			written.CompareAndSwap(nil, &now)
		case "PutObject":
			if at := written.Load(); at != nil && time.Since(*at) < lag && c.Caller == "role/provider" {
				return awsfake.Refuse(awsfake.AccessDenied)
			}
		}
		return awsfake.Decision{}
	}
}

// An Update takes the statement off, too, and also one that writes no policy, since its user is lost. That is no repair.
func TestUpdateLetsWritersIn(t *testing.T) {
	for _, isLost := range yesAndNo {
		t.Run(fmt.Sprintf("user lost %v", isLost), func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.history(create(purged))
				w.addStatements(`{"Sid":"BucketUserDenyWrites","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::my-data/*"}`)
				if isLost {
					w.loses(purged, losses[0], "user")
				}
				w.history(update(purged, plus(purged, "Trigger", "1"), purged))
				if w.isClosed() {
					t.Error("the bucket is closed")
				}
				if strings.Contains(w.Log.String(), "repaired what was changed by hand") {
					t.Errorf("log: %s", w.Log.String())
				}
			})
		})
	}
}
