package cfnresource

import (
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/cfn"
)

// Unanswered is the error of a Remove that has come a part of its way when its time was over, and that goes on
// when Lambda delivers the event again. The Delete is not answered: CloudFormation waits, for as long as
// ServiceTimeout says. Whoever returns it knows that Lambda has a delivery left.
type Unanswered struct {
	Run     int     // of the event, from 1
	Deleted int64   // by this run
	Rate    float64 // deleted in a second
}

func (u *Unanswered) Error() string {
	return fmt.Sprintf("run %d: out of time after %d deletions, and to be delivered again", u.Run, u.Deleted)
}

// ErrUnanswered has Lambda deliver the event again: after one minute, and after two minutes the second time. It is what
// Lambda gets of an [Unanswered].
var ErrUnanswered = errors.New("delete: goes on in another delivery, see the log")

// unansweredBy is the error of an event that is left for its next delivery, or nil. Only a Delete ever is: what a
// Create or an Update has made is undone before the answer.
func unansweredBy(e Event, err error) *Unanswered {
	var later *Unanswered
	if e.RequestType != cfn.RequestDelete || !errors.As(err, &later) {
		return nil
	}
	return later
}
