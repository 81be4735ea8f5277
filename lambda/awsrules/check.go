package awsrules

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
)

// Check plays the rule outside of a test and returns what differs from AWS, or nil. So a rule can be played that is
// known not to hold, and two answers to it can be compared.
func (r Rule) Check(ctx context.Context, a Account) error {
	rec := &record{ctx: ctx}
	done := make(chan struct{})
	go func() { // Fatalf ends this goroutine alone
		defer close(done)
		defer rec.cleanUp()
		defer rec.recovered()
		r.Play(rec, a)
	}()
	<-done
	return errors.Join(rec.differences...)
}

// record is a test that nobody sees.
type record struct {
	ctx         context.Context
	differences []error
	cleanups    []func()
}

func (r *record) Context() context.Context { return r.ctx }

func (r *record) Helper() {}

func (r *record) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

func (r *record) Errorf(format string, args ...any) {
	r.differences = append(r.differences, fmt.Errorf(format, args...))
}

func (r *record) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// recovered notes what an answer without an expected part causes: a nil pointer, an index out of range.
func (r *record) recovered() {
	if cause := recover(); cause != nil {
		r.Errorf("unexpected answer: %v", cause)
	}
}

// cleanUp runs what the rule asked for, the last first.
func (r *record) cleanUp() {
	for _, f := range slices.Backward(r.cleanups) {
		f()
	}
}
