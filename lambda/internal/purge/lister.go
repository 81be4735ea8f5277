package purge

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sourcegraph/conc/pool"

	"bucketuser/lambda/internal/awscall"
)

// lister lists one span after the other, until all are listed.
func (e *emptying) lister(ctx context.Context) error {
	for {
		s, marks := e.next(ctx)
		switch {
		case s == nil:
			return nil
		case marks != nil:
			if err := e.divide(ctx, s, marks); err != nil {
				return err
			}
		default:
			if err := e.listSpan(ctx, s); err != nil {
				return err
			}
		}
	}
}

// next waits for something to do: a span that nobody lists yet, or one to divide at marks. There is nothing more once
// all spans are listed.
func (e *emptying) next(ctx context.Context) (s *span, marks []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for ctx.Err() == nil && !e.isCut {
		if len(e.queue) > 0 {
			s, e.queue = e.queue[0], e.queue[1:]
			return s, nil
		}
		if s, marks := e.widest(); s != nil {
			s.isDivided = true
			e.dividing++
			return s, marks
		}
		if !slices.ContainsFunc(e.spans, func(s *span) bool { return !s.isListed }) {
			break
		}
		e.idle++
		e.changed.Wait()
		e.idle--
	}
	return nil, nil
}

// widest is the span of which most is left, and where it can be divided. One is divided at a time, and more where many
// listers wait: to ask about all marks takes a call for each.
func (e *emptying) widest() (*span, []string) {
	for e.mayDivide && e.dividing < 1+e.idle/perDivider {
		var widest *span
		for _, s := range e.spans {
			if s.isDivisible() && (widest == nil || s.isWiderThan(widest)) {
				widest = s
			}
		}
		if widest == nil {
			break
		}
		if marks := marksBetween(widest.known, widest.end); len(marks) > 0 {
			return widest, marks
		}
		widest.isWhole = true
	}
	return nil, nil
}

// A found is the first key behind a mark, if there is any.
type found struct {
	mark, first string
	isAny       bool
}

// divide asks what is behind each of the marks, beside each other, and splits the span there.
func (e *emptying) divide(ctx context.Context, s *span, marks []string) error {
	asking := pool.NewWithResults[found]().WithContext(ctx).WithCancelOnError().WithFirstError()
	for _, mark := range marks {
		asking.Go(func(ctx context.Context) (found, error) {
			page, err := e.listed.list(ctx, "", cursor{key: mark}, 1)
			switch {
			case err != nil || len(page.Entries) == 0 && page.IsLast:
				return found{mark: mark}, err
			case len(page.Entries) == 0: // something comes, and it is not said yet what
				return found{mark, page.next.key, true}, nil
			}
			return found{mark, page.Entries[0].Key, true}, nil
		})
	}
	all, err := asking.Wait()
	e.begin(ctx, e.parts(s, all, err)...)
	return ignoreEnd(ctx, err)
}

// parts are what the span is divided into by what was found behind the marks. A page that is being listed comes first, or
// what of it is behind the marks would be listed again. An error divides nothing.
func (e *emptying) parts(s *span, all []found, err error) []*span {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.dividing--
	if err != nil {
		s.isDivided = false
		return nil
	}
	slices.SortFunc(all, func(a, b found) int { return strings.Compare(a.mark, b.mark) })
	if s.told = all; s.asked > 0 {
		return nil
	}
	return s.split(1 + e.idle)
}

// ignoreEnd drops an error where the time is over: the caller tells that.
func ignoreEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// listSpan lists a span to its end.
func (e *emptying) listSpan(ctx context.Context, s *span) error {
	for {
		size := e.awaitRoom(ctx, s)
		if size == 0 {
			return nil
		}
		asked := time.Now()
		page, err := e.listed.list(ctx, "", s.at, size)
		isGone := s.at.version != "" && awscall.IsCode(err, "InvalidArgument") // that version, by now
		if isGone {
			page, err = e.listed.list(ctx, "", cursor{key: s.from}, pageSize)
		}
		if err != nil {
			return ignoreEnd(ctx, err)
		}
		e.begin(ctx, e.arrived(s, page, isGone, time.Since(asked))...)
	}
}

// arrived takes a page of a span, and returns what the span is divided into if that has waited for the page. A page that
// begins the span again has what waits to be deleted as well.
func (e *emptying) arrived(s *span, page Page, isAgain bool, took time.Duration) []*span {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := s.bytes
	if isAgain {
		s.waiting, s.bytes = nil, 0
	}
	s.asked = 0
	s.accept(page)
	e.bytes += s.bytes - before
	e.page = max(took, e.page*9/10)
	s.stir()
	e.changed.Broadcast()
	return s.split(1 + e.idle)
}

// awaitRoom waits until the span may be listed further, and returns for how many entries. That are none once it is listed
// to its end, or once there is only the time to delete what is listed.
func (e *emptying) awaitRoom(ctx context.Context, s *span) int32 {
	e.mu.Lock()
	defer e.mu.Unlock()
	for ctx.Err() == nil && !e.isCut && !s.isListed && e.isFull(s) {
		e.changed.Wait()
	}
	if !e.isCut && !s.isListed && e.isLate(ctx) {
		e.isCut = true
		e.log.Info("stopped listing, so that what is listed is deleted in time", "bucket", e.Name)
		e.changed.Broadcast()
		e.stir()
	}
	if ctx.Err() == nil && !e.isCut && !s.isListed {
		s.asked = s.size()
	}
	return s.asked
}

// isFull reports whether enough of a span, or of all, waits to be deleted. The caller holds the lock.
func (e *emptying) isFull(s *span) bool {
	if s.bytes > mostOfSpan || e.bytes > mostWaiting {
		return true
	}
	return len(s.waiting) > 0 && !s.lane.cut.IsZero() && float64(e.waitingIn(s.lane)) > s.lane.pace(time.Now())*mostAhead.Seconds()
}

// waitingIn is how many keys of a lane wait to be deleted, or may be about to.
func (e *emptying) waitingIn(l *lane) (keys int) {
	for _, s := range e.spans {
		if s.lane == l {
			keys += len(s.waiting) + int(s.asked)
		}
	}
	return keys
}
