package provision_test

import (
	"slices"
	"testing"
	"time"
)

// A6, its kind: a KeySerial has named the current key as the previous one and is about to commit, when an Update of the value
// comes. That goes by the tag, which names the current key, and must not take the key of an earlier version for the
// previous one: its user has it no more. Nor may it sweep the key in grace where a tag was written by an event that lost.
func TestA6TagOfAnotherEventThatIsAboutToCommit(t *testing.T) {
	for _, operation := range []string{"PutSecretValue", "UpdateSecretVersionStage"} {
		t.Run(operation, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(named)
				time.Sleep(time.Hour)
				w.succeeded(w.update(w.idOf(named), with("KeySerial", "1"), named))
				time.Sleep(time.Hour)
				was, _ := w.keysInUse()
				raised, moved := with("KeySerial", "2"), with("KeySerial", "1", "Prefix", "logs")
				w.at(operation, func() { w.succeeded(w.update(w.idOf(named), moved, with("KeySerial", "1"))) })
				w.update(w.idOf(named), raised, with("KeySerial", "1"))
				time.Sleep(time.Hour)
				w.succeeded(w.update(w.idOf(named), raised, raised))
				if current, all := w.keysInUse(); current == was || len(all) != 2 || !slices.Contains(all, was) {
					t.Errorf("the key in grace is %s, the current one %s; the user has %v", was, current, all)
				}
			})
		})
	}
}

// A tag that names a key which is gone does not cost the one in grace its life.
func TestA6TagThatNamesAKeyThatIsGone(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		time.Sleep(time.Hour)
		raised := with("KeySerial", "1")
		w.succeeded(w.update(w.idOf(named), raised, named))
		_, before := w.keysInUse()
		w.AWS.TagSecret("clickhouse/s3", map[string]string{"bucketuser:previous-key": "AKIAFAKE999999999999"})
		time.Sleep(time.Hour)
		w.succeeded(w.update(w.idOf(named), raised, raised))
		if _, after := w.keysInUse(); !slices.Equal(before, after) {
			t.Errorf("keys: %v, then %v", before, after)
		}
	})
}
