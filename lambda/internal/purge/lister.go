package purge

import (
	"context"
	"slices"
	"strings"

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

// widest is the span of which most is left, and where it can be divided.
func (e *emptying) widest() (*span, []string) {
	for e.mayDivide && e.dividing < dividers {
		var widest *span
		for _, s := range e.spans {
			if s.isDivisible() && (widest == nil || s.isWiderThan(widest)) {
				widest = s
			}
		}
		if widest == nil {
			break
		}
		if marks := marksBetween(widest.at.key, widest.end); len(marks) > 0 {
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
			page, next, err := e.list(ctx, "", cursor{key: mark}, 1)
			switch {
			case err != nil || len(page.Entries) == 0 && page.IsLast:
				return found{mark: mark}, err
			case len(page.Entries) == 0: // something comes, and it is not said yet what
				return found{mark, next.key, true}, nil
			}
			return found{mark, page.Entries[0].Key, true}, nil
		})
	}
	all, err := asking.Wait()
	slices.SortFunc(all, func(a, b found) int { return strings.Compare(a.mark, b.mark) })
	e.mu.Lock()
	e.dividing--
	s.isDivided = false
	var parts []*span
	if err == nil {
		parts = s.split(all, 1+e.idle)
	}
	e.mu.Unlock()
	e.begin(ctx, parts...)
	return ignoreEnd(ctx, err)
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
	for e.awaitRoom(ctx, s) {
		e.mu.Lock()
		size := s.size()
		e.mu.Unlock()
		page, next, err := e.list(ctx, "", s.at, size)
		if s.at.version != "" && awscall.IsCode(err, "InvalidArgument") { // that version is gone by now
			page, next, err = e.list(ctx, "", cursor{key: s.from}, pageSize)
		}
		if err != nil {
			return ignoreEnd(ctx, err)
		}
		e.mu.Lock()
		before := s.bytes
		s.accept(page, next)
		e.bytes += s.bytes - before
		s.stir()
		e.changed.Broadcast()
		e.mu.Unlock()
	}
	return nil
}

// awaitRoom waits until the span may be listed further. It may not once it is listed to its end, nor once there is only
// the time to delete what is listed.
func (e *emptying) awaitRoom(ctx context.Context, s *span) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for ctx.Err() == nil && !e.isCut && !s.isListed && (s.bytes > mostOfSpan || e.bytes > mostWaiting) {
		e.changed.Wait()
	}
	if !e.isCut && e.isLate(ctx) {
		e.isCut = true
		e.log.Info("listing ends before the deadline", "bucket", e.Name)
		e.changed.Broadcast()
		for _, s := range e.spans {
			s.stir()
		}
	}
	return ctx.Err() == nil && !e.isCut && !s.isListed
}
