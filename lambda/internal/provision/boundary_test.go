package provision_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

const noBoundary = "user clickhouse: IAM shows no permissions boundary"

// withoutBoundary is how a user comes to be without a boundary, and without the key that the secret names. An Update is
// refused within the limit: IAM may not show all of a user who was made a moment ago.
var withoutBoundary = map[string]struct {
	tamper func(*awsfake.AWS, answer)
	limit  time.Duration
}{
	"taken off, key deleted": {func(a *awsfake.AWS, c answer) {
		a.SetBoundary("clickhouse", "")
		a.DeleteKey(c.Data["AccessKeyId"])
	}, 15 * time.Second},
	"taken off, key made inactive": {func(a *awsfake.AWS, c answer) {
		a.SetBoundary("clickhouse", "")
		a.SetKeyActive(c.Data["AccessKeyId"], false)
	}, 15 * time.Second},
	"taken off, value overwritten": {func(a *awsfake.AWS, _ answer) {
		a.SetBoundary("clickhouse", "")
		a.PutSecretValue("clickhouse/s3", "nonsense")
	}, 15 * time.Second},
	"user made again": {func(a *awsfake.AWS, _ answer) {
		tags := a.Snapshot().Users["clickhouse"].Tags
		a.DeleteUser("clickhouse")
		a.AddUser("clickhouse", "/bucketuser/", tags)
	}, 135 * time.Second},
}

// A26: a user without a permissions boundary gets no key where the provider has one. Value and keys stay, also in the
// rollback. Neither is refused, as neither asks for a key. With the boundary put back the next Update makes one.
func TestA26NoKeyWithoutABoundary(t *testing.T) {
	changed := with("Access", "Full")
	for name, test := range withoutBoundary {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				created := w.created(named)
				<-time.After(time.Hour)
				test.tamper(w.AWS, created)
				was := keysAndValues(w.AWS.Snapshot())
				w.getsNoKey(changed, named, test.limit)
				w.getsNoKey(named, changed, test.limit)
				if diff := cmp.Diff(was, keysAndValues(w.AWS.Snapshot())); diff != "" {
					t.Errorf("value and keys (-before +after)\n%s", diff)
				}
				w.AWS.SetBoundary("clickhouse", sim.Boundary)
				w.credentials(w.succeeded(w.update(created.PhysicalResourceId, named, changed)))
			})
		})
	}
}

// getsNoKey fails the test unless an Update goes through in time without a key, with words in the log that say what to do.
func (w *bench) getsNoKey(p, old sim.Properties, limit time.Duration) {
	w.t.Helper()
	start := time.Now()
	logged := len(w.Log.String())
	w.succeeded(w.update(w.idOf(named), p, old))
	if log := w.Log.String()[logged:]; !strings.Contains(log, noBoundary) || !strings.Contains(log, "--user-name clickhouse --permissions-boundary "+sim.Boundary) {
		w.t.Errorf("does not say what to do: %s", log)
	}
	if took := time.Since(start); took > limit {
		w.t.Errorf("took %s", took)
	}
}

// A26: a Create meets a user with our tags whom it did not make: its own delivery was cut off, or somebody has made it.
func TestA26NoKeyInACreate(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.killedAfter("CreateUser", create(named))
		w.AWS.SetBoundary("clickhouse", "")
		w.refused(w.create(named), noBoundary)
		w.empty()
	})
	inWorld(t, func(w *bench) {
		w.killedAfter("CreateUser", create(named))
		w.credentials(w.create(named))
	})
}

// A26: the key that is in use stays, and the log says what is wrong.
func TestA26KeyInUseStays(t *testing.T) {
	const line = `"msg":"found the user without a permissions boundary"`
	inWorld(t, func(w *bench) {
		created := w.created(named)
		w.succeeded(w.update(created.PhysicalResourceId, named, named))
		if strings.Contains(w.Log.String(), line) {
			t.Error("a user with a boundary is in the log")
		}
		w.AWS.SetBoundary("clickhouse", "")
		updated := w.succeeded(w.update(created.PhysicalResourceId, with("Access", "Full"), named))
		if w.credentials(updated)["AWS_ACCESS_KEY_ID"] != created.Data["AccessKeyId"] {
			t.Error("the key has changed")
		}
		if !strings.Contains(w.Log.String(), line) {
			t.Errorf("the log does not say %s", line)
		}
	})
}

// A26: another boundary than the provider's is one. A provider without a boundary asks for none.
func TestA26WhereAKeyIsMade(t *testing.T) {
	for name, change := range map[string]func(*bench){
		"another boundary":            func(w *bench) { w.AWS.SetBoundary("clickhouse", "arn:aws:iam::123456789012:policy/earlier") },
		"a provider without boundary": func(w *bench) { w.AWS.SetBoundary("clickhouse", ""); w.Provider.BoundaryARN = "" },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				created := w.created(named)
				change(w)
				w.AWS.DeleteKey(created.Data["AccessKeyId"])
				w.credentials(w.succeeded(w.update(created.PhysicalResourceId, named, named)))
			})
		})
	}
}

// A26, law L4: what CreateUser was asked for counts, whatever IAM shows. A user who was found, and is so young that IAM
// may not show all of it, is looked at again.
func TestA26IAMShowsTheBoundaryLate(t *testing.T) {
	hidden := func(w *bench, d time.Duration) {
		w.AWS.SetBoundary("clickhouse", "")
		go func() { <-time.After(d); w.AWS.SetBoundary("clickhouse", sim.Boundary) }()
	}
	inWorld(t, func(w *bench) { // by this delivery
		w.at("CreateAccessKey", func() { hidden(w, 20*time.Second) })
		w.credentials(w.create(named))
		<-time.After(time.Minute)
	})
	inWorld(t, func(w *bench) { // by the delivery before
		w.killedAfter("CreateUser", create(named))
		hidden(w, 20*time.Second)
		w.credentials(w.create(named))
	})
	inWorld(t, func(w *bench) { // put back while the event runs
		created := w.created(named)
		<-time.After(time.Hour)
		w.AWS.SetBoundary("clickhouse", "")
		w.AWS.DeleteKey(created.Data["AccessKeyId"])
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "ListAccessKeys" {
				w.AWS.SetBoundary("clickhouse", sim.Boundary)
			}
			return awsfake.Decision{}
		})
		w.credentials(w.succeeded(w.update(created.PhysicalResourceId, named, named)))
	})
}
