package provision_test

import (
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/smfake"
)

// A KeySerial that is raised asks for another key: the one before is no answer to that.
func TestKeySerialFailsWithoutANewKey(t *testing.T) {
	inWorld(t, func(w *bench) {
		created := w.created(named)
		was, _ := w.keysInUse()
		w.AWS.Before = only("GetObject", awsfake.Refuse(invalid)) // the proof
		w.refused(w.update(created.PhysicalResourceId, with("KeySerial", "1"), named), "what Access ReadWrite promises")
		w.AWS.Before = nil
		if now, all := w.keysInUse(); now != was || len(all) != 1 {
			t.Errorf("keys: %s, then %s; the user has %v", was, now, all)
		}
	})
}

// A value that lies beside the current one may become current while its key has its lease.
func TestKeySerialWaitsForAKeyThatMayBeCommitted(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		raised := update(named, with("KeySerial", "1"), named)
		w.killedAfter("PutSecretValue", raised)
		start := time.Now()
		w.history(raised)
		if _, all := w.keysInUse(); len(all) != 2 || time.Since(start) < 5*time.Minute {
			t.Errorf("took %s; the user has %v", time.Since(start), all)
		}
	})
}

// Secrets Manager may take AWSPENDING off at any new value. The key of the rotation is spoken for all the same, until the
// rotation is given up.
func TestRotationWithoutItsLabelIsGivenUp(t *testing.T) {
	for name, e := range map[string]event{
		"KeySerial":    update(rotated, scheduled("KeySerial", "1"), rotated),
		"schedule off": update(rotated, named, rotated),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.AWS.Abandonment = awsfake.AbandonedByAny
				w.history(create(rotated), step(rotated, smfake.CreateSecret))
				w.killedAfter("PutSecretValue", e) // which was to be the fence
				w.history(e)
				if current, all := w.keysInUse(); len(all) > 2 || unspoken(w.AWS.Snapshot(), false) != "" || name == "schedule off" && len(all) != 1 {
					t.Errorf("keys: %s; the user has %v", current, all)
				}
			})
		})
	}
}

// The value of a rotation that is given up can be read: its key goes, or the event fails.
func TestKeyOfAnEndedRotationGoes(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(rotated), step(rotated, smfake.CreateSecret))
		w.AWS.Before = only("DeleteAccessKey", awsfake.Refuse(awsfake.Unavailable))
		w.refused(w.update(w.idOf(rotated), named, rotated), "access key")
		w.AWS.Before = nil
		w.history(hourLater(update(rotated, with("Access", "Full"), rotated)))
		if _, all := w.keysInUse(); len(all) != 1 {
			t.Errorf("the user has %v", all)
		}
	})
}
