package provision_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/smfake"
)

// What Lambda and Secrets Manager may do with steps: A25, and requirement 12.

// A25: the function that provisions carries out no step, and the one that rotates no event of CloudFormation.
func TestA25EachFunctionRefusesTheEventsOfTheOther(t *testing.T) {
	inRegion(t, "eu-west-1", func(w *bench) { // the lines of what is refused do not all name an event
		w.aged()
		is := w.begins(false)
		was := w.AWS.Snapshot()
		for _, step := range smfake.Steps() {
			payload, err := is.manager.Payload(is.begun, step)
			if err != nil {
				t.Fatal(err)
			}
			_ = w.Invoke(w.t.Context(), w.AWS.Session("provider"), refusing{}, payload)
			w.unchanged(was)
		}
		for _, kind := range []string{"Create", "Update", "Delete"} {
			event := map[string]any{"RequestType": kind, "RequestId": requestID, "ResponseURL": w.urlOf(time.Now()), "StackId": w.stackID, "LogicalResourceId": "Disk",
				"PhysicalResourceId": w.idOf(named), "ResourceProperties": with("OnDelete", "Purge"), "Step": "deleteSecret", "SecretId": is.begun.ARN, "ClientRequestToken": is.begun.Token}
			payload, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Rotates(w.AWS.Session("rotation"))(w.t.Context(), payload); err == nil {
				t.Errorf("%s: no error", kind)
			}
			w.unchanged(was)
		}
	})
}

// refusing is a way on which no answer arrives.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusForbidden, Body: http.NoBody}, nil
}

// Requirement 12: each step is killed after each of its calls, and comes again, as the function's own retry, under the same token. The rotation
// ends with one new key, proven and current.
func TestR12EachStepIsRepeated(t *testing.T) {
	for _, step := range []smfake.Step{smfake.CreateSecret, smfake.TestSecret, smfake.FinishSecret} {
		for _, wait := range []time.Duration{time.Minute, time.Hour} {
			t.Run(string(step)+" "+wait.String(), func(t *testing.T) {
				long(t)
				n, start := 1+drawn(t, 2), 1+drawn(t, 2)
				for isReached := true; isReached && !t.Failed(); n += 2 {
					inWorld(t, func(w *bench) { isReached = w.killedAndRepeated(step, n, wait) })
				}
				if t.Failed() || n == start+2 {
					t.Errorf("at call %d", n-2)
				}
			})
		}
	}
}

// killedAndRepeated plays a rotation of which a process dies after the n-th call of a step.
func (w *bench) killedAndRepeated(step smfake.Step, n int, wait time.Duration) (isReached bool) {
	w.t.Helper()
	is := w.upTo(step)
	was, all := w.keysInUse()
	session, calls := w.AWS.Session("rotation"), 0
	w.AWS.Before = oneByOne(func(context.Context, awsfake.Call) awsfake.Decision {
		if calls++; calls == n {
			isReached = true
			return awsfake.Lose(awsfake.Killed)
		}
		return awsfake.Decision{}
	})
	_ = turn{w, w.manager(session, smfake.How{}), is.begun}.step(step)
	w.AWS.Before = nil
	w.works(was)
	passes(wait)
	for _, again := range smfake.Steps() {
		if again == step || isAfter(again, step) {
			is.does(again)
		}
	}
	w.AWS.EndRotation(is.begun, false)
	now, left := w.keysInUse()
	w.works(was)
	if now == was || now != is.key() || len(left) > 2 {
		w.t.Errorf("keys: %v, then %s of %v", all, now, left)
	}
	passes(10 * time.Minute)
	w.isServedAfterwards(rotated)
	return isReached
}

func isAfter(step, other smfake.Step) bool {
	at := map[smfake.Step]int{}
	for i, s := range smfake.Steps() {
		at[s] = i
	}
	return at[step] > at[other]
}

// Requirement 12: the whole rotation fails at each step and is tried again, under the same and under a new token.
func TestR12WholeRotationIsRepeated(t *testing.T) {
	for _, step := range smfake.Steps() {
		for _, anew := range []bool{false, true} {
			t.Run(string(step), func(t *testing.T) {
				inWorld(t, func(w *bench) { w.rotatesInTheEnd(step, anew) })
			})
		}
	}
}

// rotatesInTheEnd plays a rotation that fails twice at a step.
func (w *bench) rotatesInTheEnd(step smfake.Step, anew bool) {
	w.t.Helper()
	first := w.aged()
	manager := w.manager(w.AWS.Session("rotation"), smfake.How{Attempts: 3, Anew: anew})
	invoke, failures := manager.Invoke, 0
	manager.Invoke = func(ctx context.Context, payload []byte) error {
		if failures < 2 && strings.Contains(string(payload), string(step)) {
			failures++
			w.AWS.Before = deny("GetUser", "UpdateSecretVersionStage", "PutSecretValue")
			defer func() { w.AWS.Before = nil }()
		}
		return invoke(ctx, payload)
	}
	if err := manager.Rotate(w.t.Context(), "clickhouse/s3"); err != nil {
		w.t.Fatal(err)
	}
	now, all := w.keysInUse()
	w.works(first)
	if failures != 2 || now == first || len(all) != 2 {
		w.t.Errorf("%d failures; %s, then %s of %v", failures, first, now, all)
	}
	w.isServedAfterwards(rotated)
}

// Requirement 12: steps out of their order change nothing that is in use.
func TestR12OutOfOrder(t *testing.T) {
	inWorld(t, func(w *bench) {
		first := w.aged()
		is := w.begins(false)
		is.fails(smfake.FinishSecret, "has made no key")
		is.does(smfake.TestSecret) // as the test of a new configuration
		w.holds(first)
		w.hasKeys(first)
		is.does(smfake.CreateSecret, smfake.FinishSecret) // which proves the key itself
		w.holds(is.key())
		was := w.AWS.Snapshot()
		is.does(smfake.CreateSecret, smfake.TestSecret, smfake.FinishSecret, smfake.SetSecret)
		w.unchanged(was)
	})
}

// Requirement 12: the rotation's token goes into the call that writes the value, and into no log or error; nor does a secret access key: leaked() looks
// for both.
func TestR12RotationTokenIsPassedOn(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.aged()
		is := w.begins(false)
		passed := 0
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if text, _ := json.Marshal(c.Input); c.Operation == "PutSecretValue" && strings.Contains(string(text), is.begun.RotationToken) {
				passed++
			}
			return awsfake.Decision{}
		})
		is.does(smfake.Steps()...)
		if passed != 1 {
			t.Errorf("the token was passed on %d times", passed)
		}
		for _, text := range append(w.Errors(), w.Log.String()) {
			if strings.Contains(text, is.begun.RotationToken) {
				t.Error("the token shows")
			}
		}
	})
}
