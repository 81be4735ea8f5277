package provision_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// A schedule on, off, and changed: requirement 8.

// isScheduled fails the test unless the secret is rotated every so many days by our function, or not at all for 0.
func (w *bench) isScheduled(days int) {
	w.t.Helper()
	is := w.AWS.Snapshot().Secrets["clickhouse/s3"].Rotation
	switch {
	case days == 0:
		if is != nil && is.Enabled {
			w.t.Errorf("is rotated: %+v", *is)
		}
	case is == nil || !is.Enabled || is.Days != int64(days) || is.Function != sim.RotationFunction:
		w.t.Errorf("is rotated: %+v, want every %d days", is, days)
	}
}

// Requirement 8: on, changed, off, on again. No rotation is begun, no key made, and the value stays.
func TestR8OnChangedOff(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		passes(time.Hour)
		was, old := w.currentOf(), named
		for _, days := range []int{30, 30, 9, 1, 1000, 0, 0, 44} {
			p := plus(named, "RotateAfterDays", strconv.Itoa(days))
			w.updates(p, old)
			w.isScheduled(days)
			if now := w.currentOf(); now.ID != was.ID || len(w.keys()) != 1 || w.isPending() {
				t.Errorf("%d: version %s, keys %v", days, now.ID, w.keys())
			}
			if access := w.secretTag("access"); (access == "ReadWrite") != (days > 0) || access != "" && days == 0 {
				t.Errorf("%d: access %q", days, access)
			}
			old = p
		}
		w.rotate(smfake.How{})
		w.succeeded(w.delete(w.idOf(named), old))
		w.empty()
	})
}

// Requirement 8: it follows the first commit alone, and asks for no rotation at once.
func TestR8FollowsTheCommit(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if in, ok := c.Input.(*secretsmanager.RotateSecretInput); ok && (aws.ToBool(in.RotateImmediately) || in.RotateImmediately == nil || w.versionWith("AWSCURRENT") == "") {
				t.Errorf("RotateSecret: %+v", in)
			}
			return awsfake.Decision{}
		}
		w.created(rotated)
		w.isScheduled(30)
		w.credentials(w.updatedAgain(rotated))
	})
}

func (w *bench) updatedAgain(p sim.Properties) answer {
	w.t.Helper()
	w.anew()
	return w.succeeded(w.update(w.idOf(p), plus(p, "Trigger", "again"), p))
}

// Requirement 8: the right of Secrets Manager to invoke the function is late: it is asked again for a while. For good, the Create fails
// and is undone, and an Update fails with the set as it was.
func TestR8LatePermission(t *testing.T) {
	for _, late := range []time.Duration{5 * time.Second, 30 * time.Second} {
		inWorld(t, func(w *bench) {
			w.AWS.LateFunction = time.Now().Add(late + 15*time.Second)
			w.created(rotated)
			w.isScheduled(30)
		})
	}
	inWorld(t, func(w *bench) {
		w.AWS.LateFunction = time.Now().Add(24 * time.Hour)
		w.refused(w.create(rotated), "cannot invoke the specified Lambda function")
	})
	inWorld(t, func(w *bench) {
		w.created(named)
		was := w.currentOf()
		w.AWS.LateFunction = time.Now().Add(24 * time.Hour)
		w.refused(w.update(w.idOf(named), rotated, named), "cannot invoke the specified Lambda function")
		w.AWS.SetStackStatus(stackID, "UPDATE_ROLLBACK_IN_PROGRESS")
		w.succeeded(w.update(w.idOf(named), named, rotated))
		w.isScheduled(0)
		if now := w.currentOf(); now.ID != was.ID || len(w.keys()) != 1 {
			t.Errorf("version %s, keys %v", now.ID, w.keys())
		}
	})
}

// Requirement 8: a provider without a function that rotates refuses a schedule before anything is made. Its rollback passes.
func TestR8ProviderThatDoesNotRotate(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.Provider.RotationFunctionARN = ""
		was := w.AWS.Snapshot()
		w.refused(w.create(rotated), "this provider has no function that rotates")
		w.unchanged(was)
	})
	inWorld(t, func(w *bench) {
		w.created(rotated)
		w.Provider.RotationFunctionARN = ""
		was := w.AWS.Snapshot()
		w.anew()
		w.refused(w.update(w.idOf(named), plus(rotated, "Prefix", "logs"), rotated), "this provider has no function that rotates")
		w.same(was)
		w.AWS.SetStackStatus(stackID, "UPDATE_ROLLBACK_IN_PROGRESS")
		w.updates(rotated, plus(rotated, "Prefix", "logs"))
		w.works()
	})
}

// Requirement 8: another function's schedule is left and logged where none is wanted, and replaced where one is.
func TestR8AnotherFunction(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		theirs := w.AWS.FunctionARN("theirs")
		w.AWS.SetRotation("clickhouse/s3", theirs, 7)
		w.updatesAgain(named)
		if is := w.AWS.Snapshot().Secrets["clickhouse/s3"].Rotation; !is.Enabled || is.Function != theirs || is.Days != 7 {
			t.Errorf("is rotated: %+v", is)
		}
		if !strings.Contains(w.Log.String(), "left the rotation of the secret by another function") {
			t.Error("the log does not say so")
		}
		w.updates(rotated, named)
		w.isScheduled(30)
	})
}

// Requirement 8: off takes a left AWSPENDING away and deletes its key, whatever the rotation has got to; so do a Delete and an undo.
func TestR8OffTakesWhatIsPending(t *testing.T) {
	for _, upTo := range [][]smfake.Step{{}, {smfake.CreateSecret}, {smfake.CreateSecret, smfake.TestSecret}} {
		for name, end := range map[string]func(w *bench){
			"off": func(w *bench) { w.updates(named, rotated) },
			"off, schedule gone by hand": func(w *bench) {
				w.AWS.SetRotation("clickhouse/s3", "", 0)
				w.updates(named, rotated)
			},
			"left from before": func(w *bench) {
				w.AWS.SetRotation("clickhouse/s3", "", 0)
				w.updates(plus(named, "Trigger", "1"), named)
			},
			"changed": func(w *bench) { w.updates(plus(rotated, "RotateAfterDays", "9"), rotated) },
		} {
			t.Run(name, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					first := w.aged()
					is := w.begins(false).does(upTo...)
					passes(time.Minute)
					end(w)
					w.hasKeys(first)
					if w.isPending() || w.secretTag("rotation") != "" {
						t.Errorf("AWSPENDING on %s, note %q", w.versionWith("AWSPENDING"), w.secretTag("rotation"))
					}
					is.fails(smfake.FinishSecret, "")
					w.holds(first)
				})
			})
		}
	}
}

// Requirement 8: a rollback restores the old schedule, makes no key and moves AWSCURRENT back nowhere, also where a rotation came in between.
func TestR8Rollback(t *testing.T) {
	for _, pair := range [][2]sim.Properties{{named, rotated}, {rotated, named}, {rotated, plus(rotated, "RotateAfterDays", "9")}} {
		for _, rotates := range []bool{false, true} {
			inWorld(t, func(w *bench) {
				w.created(pair[0])
				passes(time.Hour)
				w.updates(pair[1], pair[0])
				if rotates && pair[1]["RotateAfterDays"] != nil {
					w.rotate(smfake.How{})
				}
				current, all := w.keysInUse()
				w.AWS.SetStackStatus(stackID, "UPDATE_ROLLBACK_IN_PROGRESS")
				w.updates(pair[0], pair[1])
				w.hasKeys(all...)
				w.holds(current)
				w.isScheduled(map[any]int{nil: 0, "30": 30}[pair[0]["RotateAfterDays"]])
			})
		}
	}
}

// Requirement 8: a Create that fails at its schedule leaves nothing: undo ends the schedule.
func TestR8Undo(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.Before = deny("RotateSecret")
		w.refused(w.create(rotated), "RotateSecret")
		w.AWS.Before = nil
		if a := w.delete(w.idOf(rotated), rotated); a.Status != "SUCCESS" {
			t.Errorf("%+v", a)
		}
		w.empty()
	})
}

// Requirement 8: a Delete with a recovery window ends the schedule; the set that takes the secret over has none of it.
func TestR8RecoveryWindow(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := plus(rotated, "SecretRecoveryDays", "7")
		w.created(p)
		w.rotate(smfake.How{})
		w.begins(false).does(smfake.CreateSecret)
		w.succeeded(w.delete(w.idOf(p), p))
		q := with("SecretRecoveryDays", "7")
		w.anew()
		w.credentials(w.created(q))
		w.isScheduled(0)
		for _, key := range []string{"previous-key", "rotation", "access"} {
			if w.secretTag(key) != "" {
				t.Errorf("tag %s: %q", key, w.secretTag(key))
			}
		}
		passes(time.Hour)
		w.updates(plus(q, "RotateAfterDays", "30"), q)
		w.rotate(smfake.How{Attempts: 2})
		w.works()
	})
}

// Requirement 8: what Access says is kept for the rotation, in each change of it.
func TestR8AccessIsKept(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(rotated)
		old := rotated
		for _, test := range []struct{ access, verified, want string }{{"Full", "true", "Full"}, {"ReadOnly", "false", "ReadOnly unverified"},
			{"ReadWrite", "false", "ReadWrite unverified"}, {"ReadWrite", "true", "ReadWrite"}} {
			p := plus(rotated, "Access", test.access, "VerifyCredentials", test.verified)
			w.updates(p, old)
			if got := w.secretTag("access"); got != test.want {
				t.Errorf("access %q, want %q", got, test.want)
			}
			passes(time.Hour)
			w.rotate(smfake.How{})
			old = p
		}
	})
}

// Requirement 8: the Update that turns it on or off is cut off at each call and comes again, or goes back.
func TestR8CutOff(t *testing.T) {
	for name, is := range map[string]struct{ first, then event }{
		"on, again":  {update(named, rotated, named), update(named, rotated, named)},
		"on, back":   {update(named, rotated, named), update(named, named, rotated)},
		"off, again": {update(named, named, rotated), update(named, named, rotated)},
		"off, back":  {update(named, named, rotated), update(named, rotated, named)},
	} {
		t.Run(name, func(t *testing.T) {
			start := func(w *bench) {
				w.created(is.first.old)
				passes(time.Hour)
				if is.first.old["RotateAfterDays"] != nil {
					w.begins(false).does(smfake.CreateSecret)
				}
			}
			eachCut(t, "eu-west-1", start, is.first, func(w *bench) {
				passes(10 * time.Minute)
				w.succeeded(w.play(is.then, nil).answer)
				w.isScheduled(map[any]int{nil: 0, "30": 30}[is.then.p["RotateAfterDays"]])
				w.works()
				if all := w.keys(); len(all) != 1 && !slices.Contains(all, w.secretTag("previous-key")) && !w.isPending() {
					t.Errorf("keys: %v", all)
				}
				w.isServedAfterwards(is.then.p)
			})
		})
	}
}
