package provision_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/sim"
)

// What an earlier version accepted and this one refuses, and names that S3 reserves, by the numbers of row and attack.

// patterned are a resource's properties as 0.1.0 has left them, by the text of the refusal.
var patterned = map[string]sim.Properties{`must not contain "{"`: braces, `must not contain "^"`: anchors}

const leftValue = "left a value that is refused where it is new"

// patternedLeft has the account of 0.1.0 with a prefix that is refused now.
func (w *bench) patternedLeft(p sim.Properties) {
	w.t.Helper()
	name := map[any]string{braces["Prefix"]: "created Prefix with braces", anchors["Prefix"]: "created Prefix with anchors"}[p["Prefix"]]
	startNamed(w.t, name).make(w)
	w.becomes("CREATE_COMPLETE")
	<-time.After(time.Hour)
}

func eachPatterned(t *testing.T, test func(w *bench, p sim.Properties, reason string)) {
	t.Helper()
	for reason, p := range patterned {
		t.Run(fmt.Sprint(p["Prefix"]), func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.patternedLeft(p)
				test(w, p, reason)
			})
		})
	}
}

// hasMarker fails the test unless the bucket holds the folder marker of the prefix.
func (w *bench) hasMarker(p sim.Properties, prefix string) {
	w.t.Helper()
	if objects := w.AWS.Snapshot().Buckets[w.parse(p).BucketName].Objects; len(objects[prefix]) == 0 {
		w.t.Errorf("no marker %s in %v", prefix, objects)
	}
}

// warnings are how many values the log says were left.
func (w *bench) warnings() (count int) {
	for _, message := range w.messages() {
		if message == leftValue {
			count++
		}
	}
	return count
}

// warned fails the test unless the log says of so many values that they were left.
func (w *bench) warned(want int) {
	w.t.Helper()
	if got := w.warnings(); got != want {
		w.t.Errorf("the log says %d times %q, want %d", got, leftValue, want)
	}
}

// Rows 21 and 40, A15: a Create is refused with all its faults in one message, before any call. The Delete finds nothing.
func TestRow21And40CreateIsRefused(t *testing.T) {
	for reason, p := range patterned {
		for _, access := range []string{"ReadOnly", "All"} {
			t.Run(fmt.Sprint(p["Prefix"], access), func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := plus(p, "Access", access)
					a := w.create(p)
					w.saysAll(a, reason)
					if access == "All" {
						w.saysAll(a, "Access: must be one of")
					}
					if calls := w.AWS.Calls(); len(calls) > 0 || a.PhysicalResourceId != "nothing-was-made" {
						t.Errorf("calls %v, id %s", calls, a.PhysicalResourceId)
					}
					w.succeeded(w.delete(a.PhysicalResourceId, p))
					w.empty()
				})
			})
		}
	}
}

// A15: a Create that comes again is refused again, and changes nothing.
func TestA15CreateThatComesAgainIsRefused(t *testing.T) {
	for reason, p := range patterned {
		t.Run(reason, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.saysAll(w.create(p), reason)
				for range 2 {
					<-time.After(time.Minute)
					a := w.play(create(p), nil).answer
					w.saysAll(a, reason)
					w.empty()
				}
				w.succeeded(w.play(remove(p), nil).answer)
				w.empty()
			})
		})
	}
}

// A15: a Create that an earlier version has begun, or carried out without being heard, is not new when it comes again.
func TestA15CreateThatWasBegunGoesOn(t *testing.T) {
	for _, name := range []string{"created Prefix with braces", "half created"} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				l, _ := readLeft(t, "0.1.0", startNamed(t, name))
				w.restore(l)
				was := w.value(braces)["AWS_ACCESS_KEY_ID"]
				<-time.After(time.Minute)
				a := w.succeeded(w.answered(w.AWS.Session("provider"), w.urlOf(l.Sent), "Create", "", braces, nil))
				w.warned(1)
				if key := w.credentials(a)["AWS_ACCESS_KEY_ID"]; was != "" && key != was {
					t.Errorf("another key: %s, was %s", key, was)
				}
				w.hasMarker(braces, "a{b}/")
				w.succeeded(w.delete(a.PhysicalResourceId, braces))
				w.empty()
			})
		})
	}
}

// A15: an Update that leaves the value passes, and so do its redelivery, its rollback, and the rollback's redelivery.
func TestA15UpdateThatLeavesTheValue(t *testing.T) {
	eachPatterned(t, func(w *bench, p sim.Properties, _ string) {
		key := w.value(p)["AWS_ACCESS_KEY_ID"]
		full := plus(p, "Access", "Full")
		for i, e := range []event{update(p, full, p), update(p, full, p), update(p, p, full), update(p, p, full)} {
			w.history(e)
			w.warned(i + 1)
			<-time.After(time.Minute)
		}
		if w.value(p)["AWS_ACCESS_KEY_ID"] != key {
			w.t.Error("another key")
		}
		w.hasMarker(p, w.parse(p).Prefix)
		w.history(remove(p))
		w.empty()
	})
}

// A15: an Update that brings the value is refused before it changes anything, and so is its redelivery.
func TestA15UpdateThatBringsTheValue(t *testing.T) {
	for reason, p := range patterned {
		for name, q := range map[string]sim.Properties{"in place": p, "replacement": renaming(p)} {
			t.Run(reason+" "+name, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.history(create(named))
					<-time.After(time.Hour)
					was := w.AWS.Snapshot()
					for range 2 {
						w.saysAll(w.play(update(named, q, named), nil).answer, reason)
						w.same(was)
						<-time.After(time.Minute)
					}
					w.saysAll(w.play(update(named, plus(q, "Access", "All"), named), nil).answer, reason, "Access: must be one of")
					w.warned(0)
					w.rollsBack(update(named, named, q))
					w.isServed(named)
				})
			})
		}
	}
}

// A15: another value of the same kind is new.
func TestA15UpdateFromOneValueToAnother(t *testing.T) {
	eachPatterned(t, func(w *bench, p sim.Properties, _ string) {
		q := plus(p, "Prefix", "x{y}z/")
		was := w.AWS.Snapshot()
		w.saysAll(w.play(update(p, q, p), nil).answer, `must not contain "{"`)
		w.same(was)
		w.rollsBack(update(p, p, q))
		w.hasMarker(p, w.parse(p).Prefix)
	})
}

// A15: the rollback of an Update that took the value away brings it back, in each delivery, at once or a moment late, and
// also where CloudFormation does not answer. Forward it is refused after it.
func TestA15RollbackBringsTheValueBack(t *testing.T) {
	for name, before := range map[string]func(w *bench) hook{
		"told":             func(*bench) hook { return nil },
		"not to be asked":  func(*bench) hook { return deny("DescribeStacks") },
		"nor the resource": func(*bench) hook { return deny("DescribeStackResource") },
		"a moment late": func(w *bench) hook {
			w.AWS.SetStackStatus(w.stackID, "UPDATE_IN_PROGRESS")
			return w.later("UPDATE_ROLLBACK_IN_PROGRESS", 3)
		},
	} {
		for _, good := range []sim.Properties{named, plus(named, "Prefix", "good", "Bogus", "1")} {
			t.Run(fmt.Sprint(name, good["Bogus"]), func(t *testing.T) {
				eachPatterned(t, func(w *bench, p sim.Properties, reason string) {
					if good["Bogus"] == nil {
						w.history(update(p, good, p))
						w.hasMarker(p, "data/")
					} else {
						w.saysAll(w.play(update(p, good, p), nil).answer, "Bogus: is not a property")
					}
					w.warned(0)
					<-time.After(time.Hour)
					w.AWS.SetStackStatus(w.stackID, "UPDATE_ROLLBACK_IN_PROGRESS")
					w.AWS.Before = before(w)
					for i := range 2 {
						w.history(update(p, p, good))
						w.warned(i + 1)
						<-time.After(time.Minute)
					}
					w.AWS.Before = nil
					w.AWS.SetStackStatus(w.stackID, "UPDATE_ROLLBACK_COMPLETE")
					w.hasMarker(p, w.parse(p).Prefix)
					<-time.After(time.Hour)

					w.history(update(p, named, p))
					<-time.After(time.Hour)
					w.AWS.SetStackStatus(w.stackID, "UPDATE_IN_PROGRESS")
					w.saysAll(w.play(update(p, p, named), nil).answer, reason)
				})
			})
		}
	}
}

// A15: a set with the value is replaced by one without it, or with it, since its own marker is no data; and is gone back
// to from each, whether the replacement was cut off or not.
func TestA15ReplacementFromAndBack(t *testing.T) {
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge"} {
		for _, prefix := range []any{"good/", "a{b}/"} {
			for _, killed := range []string{"", "CreateSecret", "CreateAccessKey"} {
				t.Run(fmt.Sprint(onDelete, prefix, killed), func(t *testing.T) {
					inWorld(t, func(w *bench) {
						w.patternedLeft(braces)
						p := plus(braces, "OnDelete", onDelete)
						w.history(update(p, p, braces))
						<-time.After(time.Hour)
						q := plus(renaming(p), "Prefix", prefix)
						from := q
						if killed == "" {
							w.history(update(p, q, p))
						} else {
							w.killedAfter(killed, update(p, q, p))
							from = p
						}
						<-time.After(time.Hour)
						w.history(update(from, p, q))
						w.hasMarker(p, "a{b}/")
						w.isServed(p)
						w.history(remove(q), remove(p))
						w.empty()
					})
				})
			}
		}
	}
}

// A15: a Delete takes the marker of the value for what it is, and what no version accepted for its default.
func TestA15Delete(t *testing.T) {
	eachPatterned(t, func(w *bench, p sim.Properties, _ string) {
		w.AWS.PutObject("my-data", "data/x", "1")
		w.refused(w.delete(w.idOf(p), p), "is not empty: 1 object")
		w.AWS.DeleteObject("my-data", "data/x")
		w.succeeded(w.delete(w.idOf(p), plus(p, "Access", "All", "Bogus", "1")))
		w.empty()
	})
	inWorld(t, func(w *bench) {
		w.history(create(named))
		w.succeeded(w.delete(w.idOf(named), with("Prefix", "a*")))
		w.empty()
	})
}

// Row 22: a bucket of an account regional namespace can be taken over and not made.
func TestRow22AccountRegionalNamespace(t *testing.T) {
	const name = "my-data-123456789012-eu-west-1-an"
	released := map[string]string{"bucketuser:owner": "released"}
	taken, purge := with("BucketName", name, "OnDelete", "Retain"), with("BucketName", name, "OnDelete", "Purge")
	t.Run("new", func(t *testing.T) {
		inWorld(t, func(w *bench) {
			a := w.refused(w.create(purge), `BucketName: must not end with "-an"`)
			if calls := w.AWS.Calls(); len(calls) > 0 {
				t.Errorf("calls: %v", calls)
			}
			w.succeeded(w.delete(a.PhysicalResourceId, purge))
			w.empty()
		})
	})
	t.Run("not there", func(t *testing.T) {
		inWorld(t, func(w *bench) {
			a := w.refused(w.create(taken), "bucket "+name+": is not there, and has a name that S3 reserves for buckets of an account regional namespace")
			w.empty()
			w.succeeded(w.delete(a.PhysicalResourceId, taken))
			w.empty()
			w.history(create(named))
			<-time.After(time.Hour)
			was := w.AWS.Snapshot()
			p, q := named, plus(taken, "UserName", "u-2", "SecretName", "s-2", "OnDelete", "DeleteIfEmpty")
			w.refused(w.play(update(p, q, p), nil).answer, `BucketName: must not end with "-an"`)
			w.same(was)
			w.rollsBack(update(p, p, q))
		})
	})
	t.Run("not known yet", func(t *testing.T) {
		inWorld(t, func(w *bench) {
			w.AWS.AddBucket(name, released)
			w.AWS.Before = notYet(time.Minute, noBucket, isCall("GetBucketTagging"))
			w.created(taken)
		})
	})
	t.Run("taken over", func(t *testing.T) {
		inWorld(t, func(w *bench) {
			w.AWS.AddBucket(name, released)
			w.AWS.PutObject(name, "theirs", "1")
			w.created(taken)
			<-time.After(time.Hour)
			was := w.AWS.Snapshot()
			w.refused(w.play(update(taken, purge, taken), nil).answer, "bucket "+name+": was adopted, so OnDelete must stay Retain")
			w.same(was)
			w.rollsBack(update(taken, taken, purge))
			w.succeeded(w.delete(w.idOf(taken), purge)) // whatever it says
			now := w.AWS.Snapshot()
			if b := now.Buckets[name]; b.Tags["bucketuser:owner"] != "released" || len(b.Objects["theirs"]) != 1 || len(now.Users)+len(now.Secrets) > 0 {
				t.Errorf("left: %+v, users %v, secrets %v", b, now.Users, now.Secrets)
			}
		})
	})
}

// Row 27: a statement in another spelling is written as it stands, and is not written again.
func TestRow27StatementsInAnySpelling(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("Statements", []any{
			map[string]any{"Sid": "Access-to specific.things", "Effect": "Allow", "Action": []any{"S3:getobjecttagging", "s3:GETBUCKETLOCATION"}},
			map[string]any{"Effect": "Deny", "Action": "*", "Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}}},
		})
		w.created(p)
		if policy := w.AWS.Snapshot().Buckets["my-data"].Policy; !strings.Contains(policy, "S3:getobjecttagging") || !strings.Contains(policy, "BucketUserStatement1Access-to specific.things") {
			t.Errorf("policy: %s", policy)
		}
		<-time.After(time.Hour)
		count := len(w.AWS.Calls())
		w.history(update(p, plus(p, "Trigger", "1"), p))
		for _, call := range w.AWS.Calls()[count:] {
			if call.Operation == "PutBucketPolicy" {
				t.Error("the policy was written again")
			}
		}
		w.history(update(p, named, plus(p, "Trigger", "1")))
		if policy := w.AWS.Snapshot().Buckets["my-data"].Policy; strings.Contains(policy, "BucketUserStatement") {
			t.Errorf("policy: %s", policy)
		}
	})
}
