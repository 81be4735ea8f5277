package provision_test

import (
	"context"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// What an AWS that lags shows of rights and users, and in reads, each input by the number of its row.

// isLook finds the first looks at what there is, and the question to CloudFormation.
var isLook = isCall("DescribeStackResource", "DescribeSecret", "GetUser", "GetBucketTagging", "ListBuckets")

// Row 4, law L2: everything but the first looks is refused for 8 s. One deadline serves the whole event.
func TestRow4LateRights(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.Before = notYet(8*time.Second, awsfake.AccessDenied, func(c awsfake.Call) bool { return !isLook(c) })
		w.credentials(w.created(named))
	})
	for _, l := range lives() {
		calm := l.live(t, "eu-west-1", nil)
		for _, d := range []time.Duration{8 * time.Second, 30 * time.Second} {
			t.Run(l.name+" "+d.String(), func(t *testing.T) {
				got := l.live(t, "eu-west-1", func(w *bench) hook { w.AWS.DelayRights("provider", d, "*"); return nil })
				got.isAs(t, calm)
				got.tookAtMost(t, calm.took+d+15*time.Second)
			})
		}
	}
}

// Row 4, its kind: each single operation of each event is refused for 8 s, the looks too. A refused look at the
// own bucket of an adoption is one of them. Undoing begins when the event has failed.
func TestRow4EachCallIsRefused(t *testing.T) {
	ofRole := func(c awsfake.Call) bool { return c.Caller == "role/provider" && c.Service != "cloudformation" }
	eachCall(t, "eu-west-1", lives(), 8*time.Second, awsfake.AccessDenied, ofRole)
	eachCall(t, "us-east-1", livesNamed("create"), 8*time.Second, awsfake.AccessDenied, ofRole)
}

// Row 4: a right that is missing for good fails the event, which says that it is missing.
func TestRow4RightThatNeverComes(t *testing.T) {
	calm := lives()[0].live(t, "eu-west-1", nil)
	writes := func(c awsfake.Call) bool { return c.Caller == "role/provider" && !isLook(c) }
	for _, kind := range calm.kinds(writes) {
		t.Run(kind, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.AWS.Before = notYet(time.Hour, awsfake.AccessDenied, isKind(kind))
				start := time.Now()
				w.refused(w.create(named), "until the role has its rights")
				if took := time.Since(start); took < 44*time.Second || took > 200*time.Second {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// Row 5, law L3: the answer of DeleteUser is lost, and its repetition is refused since the user is gone. GetUser
// tells that, and the Delete goes on within seconds.
func TestRow5LostAnswerOfDeleteUser(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.UserPath = spec.DefaultIAMPath
		w.created(named)
		<-time.After(time.Hour)
		w.AWS.Before = lostOnce("DeleteUser")
		w.deletesWithin(15 * time.Second)
	})
}

// lostOnce has the answer of an operation be lost, the first time.
func lostOnce(operation string) hook {
	isLost := false
	return oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if c.Operation != operation || isLost {
			return awsfake.Decision{}
		}
		isLost = true
		return awsfake.Lose(awsfake.ConnectionReset)
	})
}

func (w *bench) deletesWithin(limit time.Duration) {
	w.t.Helper()
	w.AWS.Before = first(takesTime, w.AWS.Before)
	start := time.Now()
	w.succeeded(w.delete(w.idOf(named), named))
	w.AWS.Before = nil
	w.empty()
	if took := time.Since(start); took > limit {
		w.t.Errorf("took %s, and at most %s is right", took, limit)
	}
}

// Row 5, its kind: every call on the user of a Delete and of undoing is refused since the user is gone, by a lost answer
// or by hand. An old user is not waited for, a young one at most two minutes.
func TestRow5UserIsGoneAtEachCall(t *testing.T) {
	for age, limit := range map[time.Duration]time.Duration{time.Hour: 15 * time.Second, time.Second: 135 * time.Second} {
		for _, operation := range []string{"ListAccessKeys", "DeleteAccessKey", "DeleteUser"} {
			t.Run(operation+" after "+age.String(), func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.AWS.UserPath = spec.DefaultIAMPath
					w.created(named)
					<-time.After(age)
					w.at(operation, func() { w.AWS.DeleteUser("clickhouse") })
					w.deletesWithin(limit)
				})
				inWorld(t, func(w *bench) {
					w.AWS.UserPath = spec.DefaultIAMPath
					w.created(named)
					<-time.After(age)
					w.AWS.Before = lostOnce(operation)
					w.deletesWithin(limit)
				})
				inWorld(t, func(w *bench) {
					w.AWS.UserPath = spec.DefaultIAMPath
					w.AWS.Before = first(only("PutBucketPolicy", awsfake.Refuse(invalid)), lostOnce(operation))
					w.refused(w.create(named), "no lag at all")
					w.empty()
				})
			})
		}
	}
}

// Row 6, laws L3 and L4: a user is not known for 5 s after CreateUser, and its path is not either. The refusal of
// CreateAccessKey says that nothing happened, so it is repeated.
func TestRow6NewUserIsNotKnown(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.UserPath, w.AWS.UserLag = spec.DefaultIAMPath, 5*time.Second
		w.credentials(w.created(named))
		w.succeeded(w.delete(w.idOf(named), named))
		w.empty()
	})
	for _, l := range aged(lives()) {
		calm := l.live(t, "eu-west-1", nil)
		for _, d := range []time.Duration{5 * time.Second, 90 * time.Second} {
			t.Run(l.name+" "+d.String(), func(t *testing.T) {
				got := l.live(t, "eu-west-1", func(w *bench) hook { w.AWS.UserPath, w.AWS.UserLag = spec.DefaultIAMPath, d; return nil })
				got.isAs(t, calm)
				got.tookAtMost(t, calm.took+2*d+60*time.Second)
			})
		}
	}
}

// Row 6, its kind: each call on a user is refused, or answers that there is no such user, for 5 s.
func TestRow6EachCallOnAUser(t *testing.T) {
	onUser := func(c awsfake.Call) bool {
		return c.Service == "iam" && c.Operation != "GetUser" && c.Operation != "CreateUser"
	}
	eachCall(t, "eu-west-1", lives(), 5*time.Second, awsfake.AccessDenied, onUser)
	eachCall(t, "eu-west-1", lives(), 5*time.Second, noEntity, onUser)
	isLook := func(c awsfake.Call) bool { return c.Operation == "GetUser" }
	eachCall(t, "eu-west-1", lives(), 5*time.Second, noEntity, isLook)
}

// Row 7, law L4: an adoption reads "released" again after it wrote the owner. What was written counts, so the bucket
// stays somebody's, and no Purge empties it.
func TestRow7AdoptionReadsAnOldTag(t *testing.T) {
	retain, purge := with("OnDelete", "Retain"), with("OnDelete", "Purge")
	for _, d := range []time.Duration{5 * time.Second, 20 * time.Second, 90 * time.Second} {
		t.Run(d.String(), func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released", "theirs": "1"})
				w.AWS.PutObject("my-data", "data/x", "1")
				<-time.After(time.Hour)
				w.AWS.BucketLag = d
				w.created(retain)
				w.keepsTags(w.AWS.Snapshot().Buckets["my-data"].Tags, "bucketuser:owner", w.idOf(retain), "bucketuser:adopted", "true", "theirs", "1")
				w.refused(w.update(w.idOf(retain), purge, retain), "bucket my-data: was adopted, so OnDelete must stay Retain")
				w.succeeded(w.update(w.idOf(retain), retain, purge))
				w.succeeded(w.delete(w.idOf(purge), purge))
				b := w.AWS.Snapshot().Buckets["my-data"]
				w.keepsTags(b.Tags, "bucketuser:owner", "released", "bucketuser:adopted", "", "theirs", "1")
				if len(b.Objects["data/x"]) != 1 || b.Policy != "" {
					t.Errorf("bucket: %+v", b)
				}
			})
		})
	}
}

// Row 7, its kind: each event while everything that is read of buckets, users and secrets is from before its last
// write. A setting that an Update changes back is written, whatever the read says.
func TestRow7EachReadIsOld(t *testing.T) {
	laws := map[string]func(*awsfake.AWS, time.Duration){
		"bucket": func(a *awsfake.AWS, d time.Duration) { a.BucketLag = d },
		"user":   func(a *awsfake.AWS, d time.Duration) { a.UserLag = d },
		"secret": func(a *awsfake.AWS, d time.Duration) { a.SecretLag = d },
	}
	for _, l := range aged(lives()) {
		calm := l.live(t, "eu-west-1", nil)
		for name, law := range laws {
			for _, d := range []time.Duration{5 * time.Second, time.Minute} {
				t.Run(name+"/"+l.name+" "+d.String(), func(t *testing.T) {
					l.live(t, "eu-west-1", func(w *bench) hook { law(w.AWS, d); return nil }).isAs(t, calm)
				})
			}
		}
	}
	for name, law := range laws {
		t.Run(name+"/update and back at once", func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(named)
				<-time.After(3 * time.Minute)
				was := settled(w.AWS)
				law(w.AWS, 90*time.Second)
				w.succeeded(w.update(w.idOf(named), everything, named))
				w.succeeded(w.update(w.idOf(named), named, everything))
				if diff := difference(was, settled(w.AWS)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// Row 7: a read does detect a competitor, who has adopted the bucket since. It stays the competitor's.
func TestRow7CompetitorIsSeen(t *testing.T) {
	for _, operation := range []string{"GetBucketLifecycleConfiguration", "PutBucketPolicy", "CreateAccessKey"} {
		t.Run(operation, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released"})
				w.at(operation, func() { w.AWS.TagBucket("my-data", foreignTags) })
				retain := with("OnDelete", "Retain")
				w.refused(w.create(retain), "bucket my-data: exists in this account and does not belong to this resource")
				w.keepsTags(w.AWS.Snapshot().Buckets["my-data"].Tags, "bucketuser:owner", "Other-v1-x")
			})
		})
	}
}

// Row 8, law L5: a Delete reads CREATE_COMPLETE, which is older than the Delete. It proves nothing.
func TestRow8StatusOlderThanTheEvent(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		w.AWS.SetResourceStatus(stackID, sim.LogicalID, "CREATE_COMPLETE")
		w.AWS.SetPhysicalResourceID(stackID, sim.LogicalID, w.idOf(named))
		<-time.After(time.Minute)
		w.AWS.StatusPropagation = 20 * time.Second
		w.deletesWithin(15 * time.Second)
	})
}

// Row 8, its kind: each event reads the status that was there before it, whatever that was.
func TestRow8EachEventReadsTheStatusBeforeIt(t *testing.T) {
	statuses := map[string][]string{
		"Create": {"", "CREATE_FAILED", "DELETE_COMPLETE", "DELETE_SKIPPED"},
		"Update": {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE"},
		"Delete": {"CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_COMPLETE", "UPDATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED"},
	}
	for _, l := range aged(lives()) {
		if l.name == "create again" {
			continue // CloudFormation has set the status long ago
		}
		calm := l.live(t, "eu-west-1", nil)
		for _, status := range statuses[l.event.kind] {
			t.Run(l.name+" after "+status, func(t *testing.T) {
				got := l.live(t, "eu-west-1", func(w *bench) hook {
					id := w.idOf(l.event.id)
					w.AWS.SetResourceStatus(w.stackID, sim.LogicalID, status)
					w.AWS.SetPhysicalResourceID(w.stackID, sim.LogicalID, id)
					<-time.After(time.Minute)
					w.AWS.StatusPropagation = 20 * time.Second
					return nil
				})
				got.isAs(t, calm)
				got.tookAtMost(t, calm.took+time.Minute+10*time.Second)
			})
		}
	}
}
