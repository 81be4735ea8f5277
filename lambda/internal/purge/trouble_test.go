package purge_test

import (
	"testing"
	"time"

	"bucketuser/lambda/internal/s3model"
)

// Whatever goes wrong, nothing is left, or the error says what and why.
func TestEmptiesUnderTrouble(t *testing.T) {
	for _, c := range []struct {
		name    string
		config  s3model.Config
		refuses bool
	}{
		{name: "SlowDown of keys", config: s3model.Config{Trouble: s3model.Trouble{KeySlowDown: 0.1}}},
		{name: "SlowDown of keys beyond a rate", config: s3model.Config{Partitions: one(1750)}},
		{name: "SlowDown as a whole beyond a rate", config: s3model.Config{Partitions: s3model.Partitions{Count: 1, Rates: []float64{1750}, IsWhole: true}}},
		{name: "InternalError of keys", config: s3model.Config{Trouble: s3model.Trouble{KeyInternalError: 0.1}}},
		{name: "503", config: s3model.Config{Trouble: s3model.Trouble{SlowDown: 0.1}}},
		{name: "500", config: s3model.Config{Trouble: s3model.Trouble{InternalError: 0.1}}},
		{name: "resets", config: s3model.Config{Trouble: s3model.Trouble{Reset: 0.1}}},
		{name: "control characters", config: s3model.Config{Set: set(s3model.Control, 0)}},
		{name: "null versions", config: s3model.Config{Set: set(s3model.Nulls, 0)}},
		{name: "no versions", config: s3model.Config{IsUnversioned: true}},
		{name: "uploads", config: s3model.Config{Uploads: 200}},
		{name: "locks", config: s3model.Config{Trouble: s3model.Trouble{Retained: 0.01}}, refuses: true},
		{name: "legal holds", config: s3model.Config{Trouble: s3model.Trouble{LegalHold: 0.01}}, refuses: true},
		{name: "all together", refuses: true, config: s3model.Config{Uploads: 200, Partitions: one(3500), Set: set(s3model.Control, 0),
			Trouble: s3model.Trouble{KeySlowDown: 0.05, KeyInternalError: 0.05, SlowDown: 0.05, InternalError: 0.05, Reset: 0.05, Retained: 0.01, LegalHold: 0.01}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.config.Set.Kind == "" {
				c.config.Set.Kind = s3model.UUIDs
			}
			c.config.Set.Entries, c.config.List, c.config.Delete = 5000, 30*ms, 30*ms
			o := play(t, scene{Config: c.config, beside: writer(3)})
			if c.refuses {
				wantRefused(t, o)
			} else {
				wantEmpty(t, o)
			}
			if o.Uploads > 0 || o.took > 15*time.Minute {
				t.Errorf("%d uploads are left, after %v", o.Uploads, o.took)
			}
		})
	}
}
