package purge

import (
	"context"
	"time"
)

// deleter deletes what is listed of a span, at the pace of its lane, until the span is done.
func (e *emptying) deleter(ctx context.Context, s *span) error {
	for ctx.Err() == nil {
		b, pause, isDone := e.take(s)
		switch {
		case isDone:
			return nil
		case len(b.todos) == 0:
			wait(ctx, s, pause)
			continue
		}
		if err := e.underWay.Acquire(ctx, int64(b.bytes)); err != nil {
			return nil
		}
		e.do(func() error {
			defer e.underWay.Release(int64(b.bytes))
			err := b.delete(ctx, e)
			e.book(s, &b, err)
			return ignoreEnd(ctx, err)
		})
	}
	return nil
}

// wait waits until the span has changed, or for a pause if there is one.
func wait(ctx context.Context, s *span, pause time.Duration) {
	var over <-chan time.Time
	if pause > 0 {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-s.stirred:
	case <-over:
	case <-ctx.Done():
	}
}

// take takes the next batch of a span. Where there is none yet, it says after which pause there may be one.
func (e *emptying) take(s *span) (b batch, pause time.Duration, isDone bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	isLast := s.isListed || e.isCut
	s.lane.judge(now)
	s.lane.grow(now)
	switch n := s.lane.size(); {
	case s.isDone():
		e.end(s)
		return b, 0, true
	case e.isCut && len(s.waiting) == 0 && s.inFlight == 0 && s.asked == 0:
		return b, 0, true
	case len(s.waiting) == 0 || len(s.waiting) < n && !isLast && s.inFlight > 0: // more comes
		return b, 0, false
	case e.window.isFull():
		return b, 0, false
	case now.Before(s.lane.next):
		return b, s.lane.next.Sub(now), false
	default:
		var rest []todo
		b, rest = cut(s.waiting, n)
		clear(s.waiting[:len(b.todos)]) // the rest would keep them in memory
		s.waiting = rest
		s.bytes -= b.bytes
		e.bytes -= b.bytes
		b.sent, b.lane = now, s.lane
		s.lane.send(now, len(b.todos))
		s.inFlight += len(b.todos)
		e.window.keys += len(b.todos)
		e.changed.Broadcast() // there is room
		return b, 0, false
	}
}

// book notes what came of a batch. One without an answer has deleted nothing, as far as is known.
func (e *emptying) book(s *span, b *batch, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	s.inFlight -= len(b.todos)
	e.window.answered(now, b.sent, len(b.todos), b.deleted)
	e.stir() // there is room
	e.deleted += b.deleted
	if err != nil {
		e.unanswered += len(b.todos) - b.deleted
		return
	}
	e.answer = max(now.Sub(b.sent), e.answer*9/10)
	e.busy += b.busy
	if b.trouble != nil {
		e.trouble = b.trouble
	}
	e.refuse(b.refused, b.why)
	if b.lane == s.lane {
		s.lane.answered(now, s, b.sent, len(b.todos), b.busy)
	}
	if len(b.again) == 0 {
		return
	}
	for _, t := range b.again {
		s.bytes += int(t.bytes)
		e.bytes += int(t.bytes)
	}
	s.waiting = append(b.again, s.waiting...)
}
