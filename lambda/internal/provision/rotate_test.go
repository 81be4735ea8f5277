package provision_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// rotated are the properties of a resource whose secret is rotated by a schedule.
var rotated = with("RotateAfterDays", "30")

// rotationTimeout is the time that Lambda gives the function that rotates.
const rotationTimeout = 10 * time.Minute

// manager is Secrets Manager, which calls the function that rotates in a process of a session.
func (w *bench) manager(session *awsfake.Session, how smfake.How) smfake.Service {
	function := w.Rotates(session)
	return smfake.Service{AWS: w.AWS, How: how, Invoke: func(ctx context.Context, payload []byte) error {
		ctx, cancel := context.WithTimeout(ctx, rotationTimeout)
		defer cancel()
		return function(ctx, payload)
	}}
}

// rotate has Secrets Manager rotate the secret once, and fails the test unless all steps succeed.
func (w *bench) rotate(how smfake.How) {
	w.t.Helper()
	if err := w.manager(w.AWS.Session("rotation"), how).Rotate(w.t.Context(), "clickhouse/s3"); err != nil {
		w.t.Fatalf("rotation: %v\n%s", err, w.Log.String())
	}
}

// keysInUse are the ids of the key in the value and of all keys of the user.
func (w *bench) keysInUse() (current string, all []string) {
	w.t.Helper()
	return w.value(named)["AWS_ACCESS_KEY_ID"], w.keys()
}

func TestRotationBySchedule(t *testing.T) {
	for name, how := range map[string]smfake.How{
		"as documented":    {},
		"keeps AWSPENDING": {KeepsPending: true},
		"each step twice":  {Twice: true},
		"newer spelling":   {SnakeCase: true},
		"by name":          {ByName: true},
		"without a token":  {WithoutToken: true},
		"twice and kept":   {Twice: true, KeepsPending: true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(rotated)
				for range 2 {
					w.rotatesOnce(how)
					time.Sleep(time.Hour)
				}
				w.succeeded(w.delete(w.idOf(rotated), rotated))
				w.empty()
			})
		})
	}
}

// rotatesOnce fails the test unless a rotation makes a new key current and leaves the one before working.
func (w *bench) rotatesOnce(how smfake.How) {
	w.t.Helper()
	was, _ := w.keysInUse()
	w.rotate(how)
	now, all := w.keysInUse()
	if now == was || len(all) != 2 || !slices.Contains(all, was) {
		w.t.Errorf("keys: %s, then %s; the user has %v", was, now, all)
	}
	if tags := w.AWS.Snapshot().Secrets["clickhouse/s3"].Tags; tags["bucketuser:previous-key"] != was || tags["bucketuser:rotation"] != "" || tags["bucketuser:format"] != "2" {
		w.t.Errorf("tags: %v", tags)
	}
}

func TestRotationByKeySerial(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.created(named)
		first, _ := w.keysInUse()
		raised := with("KeySerial", "1")
		w.succeeded(w.update(created.PhysicalResourceId, raised, named))
		second, all := w.keysInUse()
		if first == second || len(all) != 2 || w.value(named)["BUCKETUSER_KEY_SERIAL"] != "1" {
			t.Fatalf("keys: %s, then %s; the user has %v", first, second, all)
		}
		for _, again := range [][2]sim.Properties{{raised, named}, {named, raised}, {raised, raised}} {
			w.succeeded(w.update(created.PhysicalResourceId, again[0], again[1]))
			if now, all := w.keysInUse(); now != second || len(all) != 2 {
				t.Errorf("keys: %s, then %s; the user has %v", second, now, all)
			}
		}
	})
}

// A key that the resource asks for and that cannot be proven is no key: the Update fails, and the one before stays.
func TestKeySerialFailsWithItsKey(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.created(named)
		first, _ := w.keysInUse()
		time.Sleep(time.Minute)
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "PutObject" && strings.HasPrefix(c.Caller, "user/") {
				return awsfake.Refuse(awsfake.AccessDenied)
			}
			return awsfake.Decision{}
		}
		leaked := with("KeySerial", "1", "PreviousKey", "Delete")
		w.refused(w.update(created.PhysicalResourceId, leaked, named), "its new key cannot do what Access ReadWrite promises")
		if now, all := w.keysInUse(); now != first || len(all) != 1 || w.value(named)["BUCKETUSER_KEY_SERIAL"] != "" {
			t.Errorf("keys: %s, then %s; the user has %v", first, now, all)
		}
		w.AWS.Before = nil
		w.succeeded(w.update(created.PhysicalResourceId, named, leaked))
		if now, all := w.keysInUse(); now != first || len(all) != 1 {
			t.Errorf("after the rollback: keys: %s, then %s; the user has %v", first, now, all)
		}
	})
}

func TestPreviousKeyIsDeletedByTheUpdateThatAsks(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.created(named)
		first, _ := w.keysInUse()
		time.Sleep(time.Minute)
		leaked := with("KeySerial", "1", "PreviousKey", "Delete")
		w.succeeded(w.update(created.PhysicalResourceId, leaked, named))
		if second, all := w.keysInUse(); first == second || len(all) != 1 {
			t.Fatalf("keys: %s, then %s; the user has %v", first, second, all)
		}
	})
}

// An Update makes up for what the user must say for a rotation.
func TestRotationGoesOnWithAUserWhoWasMadeAgain(t *testing.T) {
	for name, harm := range map[string]func(*bench){
		"deleted": func(w *bench) { w.AWS.DeleteUser("clickhouse") },
		"tags replaced, and those of the resource put back": func(w *bench) {
			w.AWS.SetUserTags("clickhouse", claim.OwnerTags(w.parse(rotated)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				created := w.created(rotated)
				time.Sleep(time.Hour)
				harm(w)
				w.succeeded(w.update(created.PhysicalResourceId, plus(rotated, "Access", "Full"), rotated))
				time.Sleep(time.Hour)
				w.rotate(smfake.How{})
				if current, all := w.keysInUse(); len(all) != 2 || !slices.Contains(all, current) {
					t.Errorf("the key is %s, the user has %v", current, all)
				}
			})
		})
	}
}

func TestEnablingTestMakesNoKey(t *testing.T) {
	for name, how := range map[string]smfake.How{"empty": {}, "current value": {TestsValue: true}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(rotated)
				was, _ := w.keysInUse()
				if err := w.manager(w.AWS.Session("rotation"), how).Test(w.t.Context(), "clickhouse/s3"); err != nil {
					t.Fatal(err)
				}
				if now, all := w.keysInUse(); now != was || len(all) != 1 {
					t.Errorf("keys: %s, then %s; the user has %v", was, now, all)
				}
			})
		})
	}
}
