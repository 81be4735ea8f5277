package awscall

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/cenkalti/backoff/v5"
)

// How long AWS may not know something. Both are counted once for an event and not once for a
// call: what is late is late for all of its calls.
const (
	// RightsPropagation is how long a role may be refused what a policy allows that was just
	// attached, from the beginning of the event: up to 30 s were seen (aws-cdk #37675, #37878
	// and #37939).
	RightsPropagation = 45 * time.Second

	// Propagation is how long a bucket, a user, a key or a policy may not be known after it
	// was made, and how old a read may be: terraform-provider-aws waits 1 to 2 minutes for
	// each (#10068, #13008, #33717).
	Propagation = 2 * time.Minute
)

// The time between two looks at what AWS may not know yet is a second at first, since most
// things are known then. It grows, so that two minutes of waiting are less than maxAttempts. Every
// Create waits for a user and a key, for which a second is the time between more looks.
const (
	pollInterval    = time.Second
	maxPollInterval = 12 * time.Second
	steadyPolls     = 5   // that come a second after each other
	steadyForNew    = 20  // of those for a new user and a new key
	pollGrowth      = 1.3 // after those
)

// endMargin is how long before the deadline of an event its waiting ends, so that the event
// fails for what it waited for and not for the deadline.
const endMargin = time.Second

// A Lag is an answer that AWS gives because it does not know something everywhere yet.
type Lag struct {
	until string // what is waited for, as the log says it
	is    func(error) bool
	limit func(*Patience) time.Time

	isOfCreate bool // every Create meets it
}

// steady is how many looks come a second after each other.
func (l Lag) steady() int {
	if l.isOfCreate {
		return steadyForNew
	}
	return steadyPolls
}

// The lags. Which call may meet which of them stands in the package page of provision.
var (
	// LateRights (L2): the role, or a policy of it, is so new that it is not in force. A denial that says by
	// which policy it is final is none.
	LateRights = Lag{until: "the role has its rights", is: mayBeLate, limit: (*Patience).rightsEnd}
	// NewBucket (L1): the bucket was made a moment ago. It serves calls on a bucket that was
	// made or seen, to which this answer is no other than a lag.
	NewBucket = LagOf("S3 knows the bucket", IsNoBucket)
	// NewUser (L3, L4): the same for a user. A right that is limited to a path does not cover
	// a user whom IAM does not know, so that a refusal may mean the same.
	NewUser = LagOf("IAM knows the user", func(err error) bool { return IsMissing(err) || mayBeLate(err) })
	// OutOfPath (L3) is NewUser for a call to which "no such entity" is an answer.
	OutOfPath = LagOf("IAM knows the user", mayBeLate)
	// NewPrincipal: S3 does not know the user of a policy yet, 10 to 30 s long.
	NewPrincipal = Lag{until: "S3 knows the user", is: IsInvalidPrincipal, limit: (*Patience).thingsEnd, isOfCreate: true}
	// NewKey: S3 does not know the key, or the policy behind it, 5 to 15 s long.
	NewKey = Lag{until: "S3 knows the key and its policy", is: func(err error) bool { return mayBeLate(err) || IsCode(err, "InvalidAccessKeyId") },
		limit: (*Patience).thingsEnd, isOfCreate: true}
)

// Is reports whether an answer may be the lag.
func (l Lag) Is(err error) bool { return l.is(err) }

// LagOf is a lag that a service tells in words of its own.
func LagOf(until string, is func(error) bool) Lag {
	return Lag{until: until, is: is, limit: (*Patience).thingsEnd}
}

// A Patience is how long an event waits for what AWS does not know everywhere yet. It is one
// for all calls of the event. It says in the log what it begins to wait for. It is safe for
// concurrent use.
type Patience struct {
	log   *slog.Logger
	begun time.Time

	mu      sync.Mutex
	changed time.Time          // something, for the last time
	end     time.Time          // no waiting after that
	waits   map[string]waiting // by what is waited for
}

// waiting is when something was begun to be waited for, and until when.
type waiting struct{ since, until time.Time }

// NewPatience is the patience of an event that begins now.
func NewPatience(log *slog.Logger) *Patience {
	now := time.Now()
	return &Patience{log: log, begun: now, changed: now, waits: map[string]waiting{}}
}

// Begun is when the event began.
func (p *Patience) Begun() time.Time { return p.begun }

// EndsWith has all waiting end before the deadline of ctx.
func (p *Patience) EndsWith(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end = time.Time{}
	if deadline, ok := ctx.Deadline(); ok {
		p.end = deadline.Add(-endMargin)
	}
}

// Changed says that the event has made or deleted something: AWS may not show that for
// [Propagation].
func (p *Patience) Changed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed = time.Now()
}

// ChangedAt says that something was changed then, by another event.
func (p *Patience) ChangedAt(at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at.After(p.changed) {
		p.changed = at
	}
}

// IsOver reports whether AWS shows all that was made or deleted.
func (p *Patience) IsOver() bool { return !time.Now().Before(p.thingsEnd()) }

func (p *Patience) rightsEnd() time.Time { return p.begun.Add(RightsPropagation) }

func (p *Patience) thingsEnd() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.changed.Add(Propagation)
}

// Retryer serves a call that may be repeated. It repeats what [Standard] repeats, and lags
// for as long as they may last.
func (p *Patience) Retryer(lags ...Lag) aws.Retryer {
	return p.retryer(Standard().IsErrorRetryable, lags)
}

// Looking serves a look at a name, which repeats refusals while the rights of the role may be late. It
// has no right to a name outside of the provider's patterns, late or not.
func (p *Patience) Looking(isOutside bool) aws.Retryer {
	if isOutside {
		return Standard()
	}
	return p.Retryer(LateRights)
}

// IfNothingHappened serves a call that must not take effect twice. It repeats only answers
// that say that nothing happened: throttling, and lags. A lost answer is not repeated.
func (p *Patience) IfNothingHappened(lags ...Lag) aws.Retryer {
	return p.retryer(func(err error) bool { return isBusy.IsErrorRetryable(err).Bool() }, lags)
}

func (p *Patience) retryer(isTransient func(error) bool, lags []Lag) aws.Retryer {
	standard := Standard()
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		for _, lag := range lags {
			o.MaxAttempts = max(o.MaxAttempts, maxAttempts+lag.steady()-steadyPolls)
		}
		o.RateLimiter = ratelimit.None
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, err error) (time.Duration, error) {
			if lag, isLag := p.lagOf(err, lags); isLag {
				d := p.wait(lag, attempt)
				p.goOn(err, lags, d)
				return d, nil
			}
			return standard.RetryDelay(attempt, err)
		})
		o.Retryables = []retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			_, isLag := p.lagOf(err, lags)
			return aws.BoolTernary(isLag || isTransient(err))
		})}
	})
}

// lagOf is the lag that an error may be now.
func (p *Patience) lagOf(err error, lags []Lag) (Lag, bool) {
	for _, lag := range lags {
		if lag.is(err) && p.left(lag) > 0 {
			return lag, true
		}
	}
	return Lag{}, false
}

// left is how long a lag may still be waited for.
func (p *Patience) left(lag Lag) time.Duration {
	limit := lag.limit(p)
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.end.IsZero() && p.end.Before(limit) {
		limit = p.end
	}
	return time.Until(limit)
}

// wait is the time until the next attempt, after the attempt of that number.
func (p *Patience) wait(lag Lag, attempt int) time.Duration {
	grown := float64(pollInterval) * math.Pow(pollGrowth, float64(max(0, attempt-lag.steady())))
	left := p.left(lag)
	d := min(time.Duration(grown), maxPollInterval, left)
	p.mu.Lock()
	defer p.mu.Unlock()
	w, isKnown := p.waits[lag.until]
	if !isKnown {
		p.log.Info("began to wait", "until", lag.until, "atMost", left.Round(time.Second).String())
		w.since = time.Now()
	}
	w.until = time.Now().Add(d)
	p.waits[lag.until] = w
	return d
}

// goOn notes that all that an error may stand for is still waited for, whichever of it may last
// the longest.
func (p *Patience) goOn(err error, lags []Lag, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, lag := range lags {
		if w, isKnown := p.waits[lag.until]; isKnown && lag.is(err) {
			w.until = time.Now().Add(d)
			p.waits[lag.until] = w
		}
	}
}

// GiveUp says that what a lag was taken for is none.
func (p *Patience) GiveUp(lag Lag) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.waits, lag.until)
}

// Explain adds to the error of an event how long the event has waited for it in vain: what
// was late would have come by then. It returns nil for nil.
func (p *Patience) Explain(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var last waiting
	var what string
	for _, lag := range []Lag{LateRights, NewBucket, NewUser, NewPrincipal, NewKey} {
		w := p.waits[lag.until]
		if err != nil && lag.is(err) && w.until.After(last.until) {
			last, what = w, lag.until
		}
	}
	if what == "" || time.Since(last.until) > maxPollInterval { // what was waited for has come long ago
		return err
	}
	return fmt.Errorf("%w; waited %s in vain until %s", err, last.until.Sub(last.since).Round(time.Second), what)
}

// errLag has an attempt made again.
var errLag = errors.New("lag")

// Repeat makes attempts until one is no lag, or until a lag can be none any more. It returns
// what the last attempt returned. The attempt tells by isLag that AWS does not show yet what it
// must show some time.
func Repeat[T any](ctx context.Context, p *Patience, until string, attempt func() (result T, isLag bool, err error)) (T, error) {
	return RepeatFor(ctx, p, LagOf(until, nil), attempt)
}

// RepeatFor is [Repeat] for a lag that is known by its answers, too.
func RepeatFor[T any](ctx context.Context, p *Patience, lag Lag, attempt func() (result T, isLag bool, err error)) (T, error) {
	var result T
	var err error
	_, stopped := backoff.Retry(ctx, func() (struct{}, error) {
		var isLag bool
		if result, isLag, err = attempt(); isLag {
			return struct{}{}, errLag
		}
		return struct{}{}, nil
	}, backoff.WithBackOff(&polls{p: p, lag: lag}), backoff.WithMaxElapsedTime(0))
	if err == nil && ctx.Err() != nil && !errors.Is(stopped, errLag) {
		err = stopped
	}
	return result, err
}

// polls are the pauses of one Repeat.
type polls struct {
	p       *Patience
	lag     Lag
	attempt int
}

func (b *polls) Reset() { b.attempt = 0 }

func (b *polls) NextBackOff() time.Duration {
	if b.attempt++; b.p.left(b.lag) <= 0 {
		return backoff.Stop
	}
	return b.p.wait(b.lag, b.attempt)
}
