package purge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/sourcegraph/conc/pool"
	"golang.org/x/sync/semaphore"

	"bucketuser/lambda/internal/awscall"
)

// How much goes on beside each other, and how much of it is kept in memory.
const (
	listers        = 12          // ranges that are listed
	perDivider     = 5           // idle listers for which one more is asked where to divide
	mostOfSpan     = 384e3       // bytes of the entries of a range that wait to be deleted, before its listing goes on
	mostWaiting    = 8e6         // the same of all ranges
	mostUnderWay   = 8e6         // bytes of all calls that delete
	mostAlone      = 128         // calls that delete one entry
	mostAhead      = time.Second // that listing is ahead of deleting, at the pace of a lane
	progressPeriod = 5 * time.Second
)

// Empty deletes every version and delete marker, however many there are, and aborts every unfinished upload. The user's
// key must be gone before, since an object that is written meanwhile may stay. Repeating it goes on where it stopped.
//
// The keys are divided into ranges, which are listed and deleted beside each other, each at the pace that S3 takes: see
// lane. What is listed last must be nothing; otherwise it goes round again.
//
// It returns [*Unfinished] where the time of ctx is over, and [*Refused] where S3 refuses to delete some entries and all
// others are deleted. A bucket that does not exist is an error.
func (b Bucket) Empty(ctx context.Context, log *slog.Logger) error {
	e := &emptying{Bucket: b, listed: b.inTurns(), log: log, begun: time.Now(), underWay: semaphore.NewWeighted(mostUnderWay), alone: semaphore.NewWeighted(mostAlone)}
	e.changed = sync.NewCond(&e.mu)
	var err error
	parts := pool.New().WithContext(ctx).WithCancelOnError()
	parts.Go(func(ctx context.Context) error {
		if err = e.rounds(ctx); errors.As(err, new(*Refused)) {
			return nil // uploads can be aborted all the same
		}
		return err
	})
	parts.Go(e.abortUploads)
	_ = parts.Wait() // the uploads tell the log what is wrong with them
	if e.End != nil {
		e.End(int64(e.deleted+e.aborted), time.Since(e.begun), e.uploads)
	}
	switch {
	case errors.Is(err, errOutOfTime):
		return e.unfinished()
	case err == nil || errors.As(err, new(*Refused)) || awscall.IsNoBucket(err):
		return err
	}
	return awscall.Again(fmt.Errorf("%w; %d entries are deleted so far", err, e.deleted))
}

// An emptying is one call of Empty.
type emptying struct {
	Bucket
	listed   Bucket // the same, for listings
	log      *slog.Logger
	begun    time.Time
	underWay *semaphore.Weighted // bytes of calls that delete
	alone    *semaphore.Weighted // calls that delete one entry

	work *conc.WaitGroup // of a round: listers, deleters and their calls
	stop context.CancelCauseFunc

	mu        sync.Mutex
	changed   *sync.Cond // a span has begun, was listed or has ended
	spans     []*span    // that are not done
	queue     []*span    // those that nobody lists yet
	dividing  int        // listers that ask where to divide
	idle      int        // listers that wait for something to do
	bytes     int        // of all entries that wait to be deleted
	mayDivide bool       // ranges
	isCut     bool       // listing has ended, so that what is listed can be deleted in time
	hasBegun  bool       // something was listed

	window                 window
	deleted, busy, aborted int
	unanswered             int           // entries that were asked to be deleted, in calls without an answer
	answer, page           time.Duration // that the latest deletes and listings took
	uploads                error         // why some are left
	trouble                error         // the last answer that S3 is too busy, or has an error of its own
	refused                Refused       // in this round
	first                  []ID          // of those, a few
}

// fewRounds is how often it goes round at most where a round finds little: somebody keeps writing. DeleteBucket tells
// then.
const fewRounds = 10

// errOutOfTime says that the time of an emptying is over.
var errOutOfTime = errors.New("out of time")

// rounds goes round until a listing of the bucket returns nothing, or only what S3 refuses to delete.
func (e *emptying) rounds(ctx context.Context) error {
	var refused error // what the round before was refused
	for number, few := 1, 0; ; number++ {
		isOld := number == 1 && e.First != nil && len(e.First.Entries) > 0
		page, err := e.firstPage(ctx, isOld)
		if err != nil {
			return inTime(ctx, err, refused)
		}
		if page.IsLast {
			few++
		}
		if isEnd, err := e.isEnd(page, few, refused); isEnd {
			return err
		}
		before := e.deleted
		if err := e.round(ctx, number, page); err != nil {
			return inTime(ctx, err, refused)
		}
		isAny := e.deleted > before
		if refused = e.ask(ctx); refused != nil && (!isAny && !isOld || ctx.Err() != nil) {
			return refused // nothing was listed twice, nor too early, so that the count is right
		}
	}
}

// firstPage is the first page of a round. One that was listed before the emptying may begin it, and proves nothing.
func (e *emptying) firstPage(ctx context.Context, isOld bool) (Page, error) {
	if isOld {
		return *e.First, nil
	}
	return e.listed.list(ctx, "", cursor{}, pageSize)
}

// isEnd reports whether the first page of a round is the last one: it holds nothing, or only what the round before was
// refused, or there were rounds enough that found little.
func (e *emptying) isEnd(page Page, few int, refused error) (is bool, _ error) {
	switch {
	case !page.IsLast:
		return false, nil
	case len(page.Entries) == 0:
		return true, nil
	}
	return few > fewRounds || refused != nil && len(page.Entries) == int(e.refused.Count), refused
}

// inTime is the error of an emptying that has met err: where the time is over, what is known to be refused says more.
func inTime(ctx context.Context, err, refused error) error {
	isOver := ctx.Err() != nil || errors.Is(err, errOutOfTime)
	switch {
	case isOver && refused != nil:
		return refused
	case isOver:
		return errOutOfTime
	}
	return err
}

// round deletes what is listed from a first page on. Only the first round divides: so one that follows finds everything
// in whatever order the keys are listed.
func (e *emptying) round(ctx context.Context, number int, first Page) error {
	if e.Begin != nil && number == 1 {
		e.Begin(first)
	}
	e.refused, e.first = Refused{Bucket: e.Name}, nil
	outer := ctx
	ctx, e.stop = context.WithCancelCause(ctx)
	defer e.stop(nil)
	defer context.AfterFunc(ctx, e.wake)()
	e.work = conc.NewWaitGroup()
	e.mayDivide = number == 1
	s := newSpan("", "", &lane{rate: firstRate, grown: time.Now()})
	s.accept(first)
	e.bytes = s.bytes
	e.begin(ctx, s)
	for range listers {
		e.do(func() error { return e.lister(ctx) })
	}
	reports, done := context.WithCancel(ctx)
	var beside conc.WaitGroup
	defer beside.Wait()
	defer done()
	beside.Go(func() { e.report(reports) })
	e.work.Wait()
	cause := context.Cause(ctx)
	if outer.Err() != nil || cause == nil && e.isCut {
		return errOutOfTime
	}
	return cause
}

// do runs a part of a round beside the others. Its error ends the round.
func (e *emptying) do(part func() error) {
	e.work.Go(func() {
		err := errPanicked
		defer func() {
			if err != nil {
				e.stop(err)
			}
		}()
		err = part()
	})
}

// errPanicked ends a round of which a part has panicked. The panic goes on in the round.
var errPanicked = errors.New("panicked")

// ask tries the first entries that S3 has refused once more, one by one: the rights of the role may have been late. It
// returns nil if one of them is deleted, so that another round makes sense.
func (e *emptying) ask(ctx context.Context) error {
	if e.refused.Count == 0 {
		return nil
	}
	for i, id := range e.first {
		err := e.Delete(ctx, id)
		switch {
		case err == nil:
			e.deleted++
			return nil
		case ctx.Err() == nil && i == 0: // it says more than what stands with a key
			e.refused.Cause = err
		}
	}
	refused := e.refused
	return &refused
}

// wake has all listers and deleters look at what they wait for.
func (e *emptying) wake() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changed.Broadcast()
	e.stir()
}

// stir wakes the deleters of all spans. The caller holds the lock.
func (e *emptying) stir() {
	for _, s := range e.spans {
		s.stir()
	}
}

// begin has spans listed and deleted.
func (e *emptying) begin(ctx context.Context, spans ...*span) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.spans = append(e.spans, spans...)
	e.hasBegun = true
	for _, s := range spans {
		if !s.isListed {
			e.queue = append(e.queue, s)
		}
		e.do(func() error { return e.deleter(ctx, s) })
	}
	e.changed.Broadcast()
}

// end takes a span away that is done. One that is not done when listing ends stays: so much is left. The caller holds the
// lock.
func (e *emptying) end(s *span) {
	e.spans = slices.DeleteFunc(e.spans, func(other *span) bool { return other == s })
	delete(s.lane.tallies, s)
	e.changed.Broadcast()
}

// refuse notes what S3 refuses to delete, and why it refuses the first. The caller holds the lock.
func (e *emptying) refuse(ids []ID, why error) {
	const few = 10
	if e.refused.Count == 0 {
		e.refused.Cause = why
	}
	for _, id := range ids {
		if e.refused.Count++; e.refused.Count <= few {
			e.refused.Keys = append(e.refused.Keys, id.Key)
			e.first = append(e.first, id)
		}
	}
}

// unfinished is the error of an emptying that is out of time.
func (e *emptying) unfinished() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	deleted := e.deleted + e.aborted
	u := &Unfinished{Bucket: e.Name, Deleted: int64(deleted), Rate: float64(deleted) / max(time.Since(e.begun).Seconds(), 1e-3), Cause: e.trouble}
	for _, s := range e.spans {
		u.Left += int64(len(s.waiting))
	}
	u.Estimate = int64(e.left() + e.unanswered)
	u.IsListed = e.hasBegun && len(e.spans) == 0 && e.unanswered == 0
	if refused := e.refused; refused.Count > 0 {
		u.Left += refused.Count
		u.Estimate += refused.Count
		u.Cause = &refused
	}
	return u
}
