package claim

import (
	"errors"
	"fmt"
)

var (
	// ErrLate says that an event came late: CloudFormation no longer waits for it. Whatever
	// it would make, nobody would remove. CloudFormation drops the answer.
	ErrLate = errors.New("CloudFormation no longer waits for this event")

	// ErrLater says why: a later event has ensured the set. It is an ErrLate.
	ErrLater = fmt.Errorf("%w: a later one has come", ErrLate)
)
