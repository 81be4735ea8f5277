package provision_test

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
	"time"

	"bucketuser/lambda/internal/awsfake"
)

// wrongNow says what is wrong with the account at this moment.
func (x *interleaving) wrongNow() string {
	now := x.w.AWS.Snapshot()
	if reason := unsafe(now); reason != "" || !x.isWatched {
		return reason
	}
	return x.keys.look(now, x.last)
}

// goOn goes on as CloudFormation may. An end without events can always be looked at, one
// of the others each time.
func (x *interleaving) goOn(turn int, wants []awsfake.Snapshot) {
	for i, end := range x.ends {
		if x.violation == "" && (len(end.then) == 0 || i == 1+turn%max(1, len(x.ends)-1) || len(x.ends) == 1) {
			x.violation = x.finish(end, wants[i])
		}
	}
	if x.isWatched && x.violation == "" {
		x.violation = cmp.Or(x.keys.verdict(x.w.AWS.Calls()), x.next(turn))
	}
}

// outcome says what is wrong with the answers.
func (x *interleaving) outcome() string {
	for i, err := range x.errs {
		switch {
		case err != nil && x.sessions[i].Killed():
		case err != nil:
			return err.Error()
		case x.judge == nil && x.answers[i].Status != "SUCCESS":
			return fmt.Sprintf("delivery %d answers %s", i+1, x.answers[i].Reason)
		}
	}
	switch {
	case x.judge != nil:
		return x.judge(x.w, x.answers[0], x.answers[1])
	case x.a.kind != "Delete" && !maps.Equal(x.answers[0].Data, x.answers[1].Data):
		return fmt.Sprintf("one answers %v, the other %v", x.answers[0].Data, x.answers[1].Data)
	}
	return ""
}

// finish says what is wrong after one of the ends.
func (x *interleaving) finish(end raceEnd, want awsfake.Snapshot) string {
	<-time.After(x.pause)
	for _, e := range end.then {
		if last := x.w.play(e, nil); last.err != nil || last.answer.Status != "SUCCESS" {
			return fmt.Sprintf("then %s answers %s %v", e.kind, last.answer.Reason, last.err)
		}
	}
	if diff := x.exempt.difference(x.uses, want, settled(x.w.AWS)); diff != "" {
		return fmt.Sprintf("in the end (%s, %s): %s", brief(x.answers[0]), brief(x.answers[1]), diff)
	}
	return ""
}

func brief(a answer) string { return strings.TrimSpace(a.Status + " " + a.Reason) }
