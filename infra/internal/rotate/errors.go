package rotate

import (
	"fmt"
	"time"
)

// An OffError says that nothing rotates the secret, and how its key is replaced all the same.
type OffError struct {
	Resource string
	Next     int // lowest KeySerial that makes a new key, or 0 where it is not known
}

func (e *OffError) Error() string {
	serial := "one more than it is"
	if e.Next > 0 {
		serial = fmt.Sprint(e.Next)
	}
	return fmt.Sprintf("no schedule is on, so Secrets Manager has no function to rotate with: set KeySerial of resource %s to %s and update its stack, "+
		"which makes a new key. The one before goes on working, but is deleted at once where PreviousKey is Delete: set Keep with it "+
		"if consumers need time. Or set RotateAfterDays, and rotate then", e.Resource, serial)
}

// A FailedError says why a rotation failed. The key in use is as it was.
type FailedError struct {
	Reason, Step string
	Log          string // command that reads it
	Stream       string // of the log
}

func (e *FailedError) Error() string {
	text := "the rotation failed"
	if e.Step != "" {
		text += " in the step " + e.Step
	}
	text += ": " + e.Reason + "\nThe key in use is as it was, and Secrets Manager tries again by itself. The log has more"
	if e.Stream != "" {
		text += ", in the stream " + e.Stream
	}
	return text + ":\n  " + e.Log
}

// An UnfinishedError says that nobody waits any longer.
type UnfinishedError struct {
	Took      time.Duration
	What      string // how far it was
	Log       string
	IsTimeout bool // and not that somebody has ended the program
}

func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("the rotation is not done after %s: %s\nIt goes on in AWS: bucketuser status shows how it ends, and the log how far it is:\n  %s",
		e.Took.Round(time.Second), e.What, e.Log)
}
