package claim

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"bucketuser/lambda/spec"
)

// Emptying is the number of the last run of this very event that has begun to empty the bucket, from 1, or 0 where the
// tags say of none. What the run of another event has left says nothing. An event without a time has no runs that could be told
// from those of others.
func (c Claim) Emptying() int {
	sent, run := c.readEmptying()
	if c.of.Sent.IsZero() || !sent.Equal(c.of.Sent) {
		return 0
	}
	return run
}

// IsEmptiedByLater reports whether a later event than this one empties the bucket: its count stays.
func (c Claim) IsEmptiedByLater() bool {
	sent, run := c.readEmptying()
	return run > 0 && sent.After(c.of.Sent) && sent.Before(time.Now().Add(MaxClockLead))
}

// readEmptying reads the tag. Whatever no run has written counts as no tag.
func (c Claim) readEmptying() (sent time.Time, run int) {
	at, number, _ := strings.Cut(c.tags[spec.TagEmptying], " ")
	sent, err := time.Parse(time.RFC3339, at)
	run, noNumber := strconv.Atoi(number)
	if err != nil || noNumber != nil || run < 1 || c.State != Ours {
		return time.Time{}, 0
	}
	return sent, run
}

// BeginEmptying returns the tags of a bucket of which a run of this event begins to delete everything.
func (c Claim) BeginEmptying(run int) map[string]string {
	return c.with(map[string]string{spec.TagEmptying: fmt.Sprintf("%s %d", c.of.Sent.UTC().Format(time.RFC3339), run)})
}
