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
	listers        = 12    // ranges that are listed
	dividers       = 3     // of them, that are asked where to divide
	mostOfSpan     = 256e3 // bytes of the entries of a range that wait to be deleted, before its listing goes on
	mostWaiting    = 8e6   // the same of all ranges
	mostUnderWay   = 8e6   // bytes of all calls that delete
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
	e := &emptying{Bucket: b, log: log, begun: time.Now(), underWay: semaphore.NewWeighted(mostUnderWay)}
	e.changed = sync.NewCond(&e.mu)
	parts := pool.New().WithContext(ctx).WithCancelOnError().WithFirstError()
	parts.Go(e.rounds)
	parts.Go(e.abortUploads)
	err := parts.Wait()
	var refused *Refused
	switch {
	case e.isCut || ctx.Err() != nil:
		return e.unfinished(err)
	case err == nil || errors.As(err, &refused) || awscall.IsNoBucket(err):
		return err
	}
	return awscall.Again(fmt.Errorf("%w; %d entries are deleted so far", err, e.deleted))
}

// An emptying is one call of Empty.
type emptying struct {
	Bucket
	log      *slog.Logger
	begun    time.Time
	underWay *semaphore.Weighted // bytes of calls that delete

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

	deleted, busy int
	answer        time.Duration // that the latest calls took
	refused       Refused
	first         []Entry // of those, a few
}

// fewRounds is how often it goes round at most where each round finds little: somebody keeps writing. DeleteBucket
// tells then.
const fewRounds = 10

// rounds goes round until a listing of the bucket returns nothing.
func (e *emptying) rounds(ctx context.Context) error {
	for number := 1; ; number++ {
		page, next, err := e.list(ctx, "", cursor{}, pageSize)
		if err != nil || len(page.Entries) == 0 && page.IsLast || number > fewRounds && page.IsLast {
			return err
		}
		if e.Begin != nil && number == 1 {
			e.Begin(page)
		}
		if err := e.round(ctx, number, page, next); err != nil || e.isCut || ctx.Err() != nil {
			return err
		}
		if err := e.ask(ctx); err != nil {
			return err
		}
	}
}

// round deletes what is listed from a first page on. Only the first round divides: so one that follows finds everything
// in whatever order the keys are listed.
func (e *emptying) round(ctx context.Context, number int, first Page, next cursor) error {
	e.refused, e.first = Refused{Bucket: e.Name}, nil
	ctx, e.stop = context.WithCancelCause(ctx)
	defer e.stop(nil)
	defer context.AfterFunc(ctx, e.wake)()
	e.work = conc.NewWaitGroup()
	e.mayDivide = number == 1
	s := newSpan("", "", &lane{rate: firstRate, grown: time.Now()})
	s.accept(first, next)
	e.bytes = s.bytes
	e.begin(ctx, s)
	for range listers {
		e.do(func() error { return e.lister(ctx) })
	}
	beside, done := context.WithCancel(ctx)
	defer done()
	go e.report(beside)
	e.work.Wait()
	return context.Cause(ctx)
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
	for _, entry := range e.first {
		err := e.Delete(ctx, entry)
		if err == nil {
			e.deleted++
			return nil
		}
		if e.refused.Cause == nil {
			e.refused.Cause = err
		}
	}
	return &e.refused
}

// wake has all listers and deleters look at what they wait for.
func (e *emptying) wake() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changed.Broadcast()
	for _, s := range e.spans {
		s.stir()
	}
}

// begin has spans listed and deleted.
func (e *emptying) begin(ctx context.Context, spans ...*span) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.spans = append(e.spans, spans...)
	for _, s := range spans {
		if !s.isListed {
			e.queue = append(e.queue, s)
		}
		e.do(func() error { return e.deleter(ctx, s) })
	}
	e.changed.Broadcast()
}

// end takes a span away that is done. The caller holds the lock.
func (e *emptying) end(s *span) {
	e.spans = slices.DeleteFunc(e.spans, func(other *span) bool { return other == s })
	delete(s.lane.tallies, s)
	e.changed.Broadcast()
}

// refuse notes what S3 refuses to delete. The caller holds the lock.
func (e *emptying) refuse(entries []Entry) {
	const few = 10
	for _, entry := range entries {
		if e.refused.Count++; e.refused.Count <= few {
			e.refused.Keys = append(e.refused.Keys, entry.Key)
			e.first = append(e.first, entry)
		}
	}
}

// unfinished is the error of an emptying that is out of time.
func (e *emptying) unfinished(cause error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	u := &Unfinished{Bucket: e.Name, Deleted: int64(e.deleted), Rate: float64(e.deleted) / time.Since(e.begun).Seconds(), Left: int64(e.left()), Cause: cause}
	if e.refused.Count > 0 {
		u.Cause = &e.refused
	}
	return u
}
