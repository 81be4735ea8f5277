package provision_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// The compare-and-set: A5, and requirement 2.

// mover moves AWSCURRENT of a set that is rotated.
type mover struct {
	to   sim.Properties // of the resource afterwards
	move func(w *bench) (succeeds bool)
}

func moverOf(p sim.Properties) mover {
	return mover{p, func(w *bench) bool {
		w.anew()
		return w.update(w.idOf(named), p, rotated).Status == "SUCCESS"
	}}
}

// movers are the three that move AWSCURRENT. Between two steps of a rotation the writes of the one before become known.
var movers = map[string]mover{
	"prefix":    moverOf(plus(rotated, "Prefix", "logs")),
	"KeySerial": moverOf(raised("1", rotated)),
	"rotation": {rotated, func(w *bench) bool {
		how := smfake.How{Before: func(smfake.Step) { passes(w.AWS.SecretLag + time.Second) }}
		return w.manager(w.AWS.Session("rotation"), how).Rotate(w.t.Context(), "clickhouse/s3") == nil
	}},
}

// isMove reports whether a call moves AWSCURRENT.
func isMove(c awsfake.Call) bool {
	in, ok := c.Input.(*secretsmanager.UpdateSecretVersionStageInput)
	return ok && aws.ToString(in.VersionStage) == "AWSCURRENT"
}

// atMove decides about the n-th moves, from 1; others go through.
func atMove(d awsfake.Decision, which ...int) hook {
	count := 0
	return oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if !isMove(c) {
			return awsfake.Decision{}
		}
		if count++; slices.Contains(which, count) || len(which) == 0 {
			return d
		}
		return awsfake.Decision{}
	})
}

var moveRefused = &awsfake.Error{Status: 400, Code: "InvalidParameterException", Message: "Staging label AWSCURRENT is not attached to version x."}

// A5: the answer to a move is lost, or another one than what happened, once or always. Whoever has won keeps the key; who
// has not won deletes its own at the most. In the end all of them work that are in use.
func TestA5AnswerOfTheMoveDecidesNothing(t *testing.T) {
	for what, d := range map[string]awsfake.Decision{
		"lost, reset":            awsfake.Lose(awsfake.ConnectionReset),
		"lost, 500":              awsfake.Lose(awsfake.Unavailable),
		"lost, refused":          awsfake.Lose(moveRefused),
		"lost, denied":           awsfake.Lose(awsfake.AccessDenied),
		"lost, throttled":        awsfake.Lose(awsfake.Throttled),
		"no effect, reset":       awsfake.Refuse(awsfake.ConnectionReset),
		"no effect, 500":         awsfake.Refuse(awsfake.Unavailable),
		"no effect, refused":     awsfake.Refuse(moveRefused),
		"no effect, denied":      awsfake.Refuse(awsfake.AccessDenied),
		"no effect, not current": awsfake.Refuse(&awsfake.Error{Status: 400, Code: "InvalidRequestException", Message: "no"}),
	} {
		for name, is := range movers {
			for _, lag := range []time.Duration{0, 20 * time.Second, time.Minute} {
				t.Run(what+" "+name+" "+lag.String(), func(t *testing.T) {
					oneOf(t, 3)
					inWorld(t, func(w *bench) { w.movesAsItShows(name, is, d, lag) })
				})
			}
		}
	}
}

// movesAsItShows moves AWSCURRENT, with this for the first answer.
func (w *bench) movesAsItShows(name string, is mover, d awsfake.Decision, lag time.Duration) {
	w.t.Helper()
	w.created(rotated)
	first, _ := w.keysInUse()
	passes(time.Hour)
	w.AWS.SecretLag = lag
	w.AWS.Before = atMove(d, 1)
	if !is.move(w) {
		w.t.Errorf("fails\n%s", w.Log.String())
	}
	w.AWS.Before = nil
	now, all := w.keysInUse()
	w.works(first)
	if (name == "prefix") != (now == first) || len(all) > 2 {
		w.t.Errorf("keys: %s, then %s; the user has %v", first, now, all)
	}
	passes(5 * time.Minute)
	w.AWS.SecretLag = 0
	w.isServedAfterwards(is.to)
}

// A5: a move that is refused for good, or never answered, and takes effect or not. The event fails, or succeeds as
// DescribeSecret says; no key goes that the value names.
func TestA5MoveThatIsNeverAnswered(t *testing.T) {
	for what, d := range map[string]awsfake.Decision{
		"lost, hangs":      awsfake.Lose(awsfake.Hang),
		"no effect, hangs": awsfake.Refuse(awsfake.Hang),
		"denied":           awsfake.Refuse(awsfake.AccessDenied),
		"500":              awsfake.Refuse(awsfake.Unavailable),
		"refused":          awsfake.Refuse(moveRefused),
	} {
		for name, is := range movers {
			t.Run(what+" "+name, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.created(rotated)
					first, _ := w.keysInUse()
					passes(time.Hour)
					w.AWS.Before = atMove(d)
					succeeds := is.move(w)
					w.AWS.Before = nil
					w.works(first)
					if isMoved := w.secretTag("rotation") == "" && w.value(named)["AWS_ACCESS_KEY_ID"] != first; name != "prefix" && succeeds && !isMoved {
						t.Errorf("success: %t, moved: %t, of the first %s\n%s", succeeds, isMoved, first, w.Log.String())
					}
					passes(time.Hour)
					w.isServedAfterwards(is.to)
				})
			})
		}
	}
}

// A5: the move has taken effect, its answer is lost, and somebody else has written the same value since: the version has
// AWSPREVIOUS by then. It has won: its key is in that value.
func TestA5WonAndMovedOn(t *testing.T) {
	for name, is := range movers {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				first := w.aged()
				isLost, isFollowed := false, false
				w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
					switch {
					case isMove(c) && !isLost:
						isLost = true
						return awsfake.Lose(awsfake.ConnectionReset)
					case isLost && !isFollowed:
						isFollowed = true
						w.AWS.PutSecretValue("clickhouse/s3", w.currentValue(named))
					}
					return awsfake.Decision{}
				})
				if !is.move(w) {
					t.Error("fails")
				}
				w.AWS.Before = nil
				w.works(first)
				w.isServedAfterwards(is.to)
			})
		})
	}
}

// A5: the move is sent once for each look: no SDK repeats it, and none follows another without DescribeSecret between.
func TestA5MoveIsSentOnce(t *testing.T) {
	for _, outcome := range []error{awsfake.ConnectionReset, awsfake.Unavailable, awsfake.Throttled, moveRefused} {
		for name, is := range movers {
			inWorld(t, func(w *bench) { w.looksBetweenMoves(name, is, outcome) })
		}
	}
}

// looksBetweenMoves moves AWSCURRENT, and is answered so each time.
func (w *bench) looksBetweenMoves(name string, is mover, outcome error) {
	w.t.Helper()
	w.created(rotated)
	passes(time.Hour)
	w.AWS.Before = atMove(awsfake.Refuse(outcome))
	before := len(w.AWS.Calls())
	is.move(w)
	w.AWS.Before = nil
	var last awsfake.Call
	for _, c := range w.AWS.Calls()[before:] {
		if isMove(c) && isMove(last) {
			w.t.Errorf("%s, %v: %s follows without a look", name, outcome, c)
		}
		if isMove(c) || c.Operation == "DescribeSecret" {
			last = c
		}
	}
}

// A5: a third version is current when the move comes. The one who moves has lost: its key goes, or, of an Update, its
// next attempt follows the third.
func TestA5ThirdVersionIsCurrent(t *testing.T) {
	for name, is := range movers {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) { w.losesToAThird(name, is) })
		})
	}
}

// losesToAThird moves AWSCURRENT while somebody else writes.
func (w *bench) losesToAThird(name string, is mover) {
	w.t.Helper()
	w.created(rotated)
	first, _ := w.keysInUse()
	passes(time.Hour)
	done := false
	w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if isMove(c) && !done {
			done = true
			w.addsFields(named, map[string]json.RawMessage{"mine": raw(`1`)})
		}
		return awsfake.Decision{}
	})
	if succeeds := is.move(w); succeeds == (name == "rotation") {
		w.t.Errorf("success: %t", succeeds)
	}
	w.AWS.Before = nil
	w.works(first)
	if now := w.value(named)["AWS_ACCESS_KEY_ID"]; (now != first) != (name == "KeySerial") {
		w.t.Errorf("the value names %s, before %s", now, first)
	}
	w.keepsFields(named, map[string]json.RawMessage{"mine": raw(`1`)})
	if name == "rotation" {
		w.hasKeys(first)
	}
	w.isServedAfterwards(is.to)
}

// Requirement 2: an Update reads V1, a rotation moves AWSCURRENT to its own version, and the Update writes. The old key does not come
// back, and the new one stays. The rotation goes on at each call of the Update.
func TestR2RotationFinishesWithinAnUpdate(t *testing.T) {
	for name, p := range map[string]sim.Properties{"prefix": plus(rotated, "Prefix", "logs"), "unchanged": plus(rotated, "Trigger", "1"), "KeySerial": raised("1", rotated),
		"off": named} {
		t.Run(name, func(t *testing.T) {
			var err error
			crossing{
				start: func(w *bench) turn {
					w.aged()
					is := w.begins(false).does(smfake.CreateSecret, smfake.SetSecret, smfake.TestSecret)
					passes(time.Minute)
					return is
				},
				outer:   func(w *bench, _ turn) { w.updates(p, rotated) },
				isMeant: ofProvider,
				inner:   func(_ *bench, is turn) { err = is.step(smfake.FinishSecret) },
				then:    func(w *bench, is turn) { w.hasWonIfSaid(is, err, name, p) },
			}.plays(t)
		})
	}
}

// hasWonIfSaid fails the test unless the rotation has won that said so, beside an Update that is over by now.
func (w *bench) hasWonIfSaid(is turn, err error, name string, p sim.Properties) {
	w.t.Helper()
	now := w.value(named)
	switch {
	case err == nil && name != "KeySerial":
		w.holds(is.key())
		w.works(w.secretTag("previous-key"))
	case err != nil && now["AWS_ACCESS_KEY_ID"] == is.key():
		w.t.Errorf("finishSecret fails with %v, and its key is current", err)
	}
	w.works()
	if name == "prefix" && now["S3_PREFIX"] != "logs/" {
		w.t.Errorf("the prefix is %s", now["S3_PREFIX"])
	}
	w.isServedAfterwards(p)
}
