//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// wireProperties are of a resource whose names start with the given word.
func wireProperties(word string) map[string]any {
	return map[string]any{"BucketName": word + "-bucket", "UserName": word + "-user", "SecretName": word + "/secret"}
}

// TestFaultsOnTheWire spoils each call of a Create in turn. The built function, with
// the SDK's own repetitions, either succeeds or leaves nothing; and whatever it was,
// the Delete that follows leaves nothing.
func TestFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	scenarios := 0
	for _, kind := range []fault{lostAnswer, reset, throttled, serverSick} {
		for n, reached := 1, true; reached; n++ {
			word := fmt.Sprintf("wire-%d-%s", n, strings.ReplaceAll(string(kind), " ", "-"))
			t.Run(word, func(t *testing.T) {
				reached = false
				m.setSpoil(spoilOne(n, kind, &reached))
				answer, told := m.deliver("Create", "Wire", "", wireProperties(word), 2*time.Minute)
				m.setSpoil(nil)
				if answer == nil {
					t.Fatalf("no answer, Lambda was told %q", told)
				}
				if answer["Status"] != "SUCCESS" {
					cloud.WantNothing(t, word)
				}
				m.wantSuccess(m.deliver("Delete", "Wire", fmt.Sprint(answer["PhysicalResourceId"]), wireProperties(word), time.Minute))
				cloud.WantNothing(t, word)
				scenarios++
			})
		}
	}
	figure("faults on the wire: %d scenarios", scenarios)
	m.wantNoLeak()
}

// spoilOne spoils the n-th call and sets reached when it comes.
func spoilOne(n int, kind fault, reached *bool) func(int, *http.Request) fault {
	return func(call int, _ *http.Request) fault {
		if call != n {
			return none
		}
		*reached = true
		return kind
	}
}

// TestKilledProcess ends the process at each call of a Create and delivers the event
// again, as Lambda does.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	scenarios := 0
	for n, reached := 1, true; reached; n++ {
		word := fmt.Sprintf("killed-%d", n)
		t.Run(word, func(t *testing.T) {
			at, dead := make(chan struct{}), make(chan struct{})
			m.setSpoil(func(call int, _ *http.Request) fault {
				if call == n {
					close(at)
					<-dead // the process ends here, before AWS hears of the call
					return reset
				}
				return none
			})
			m.send("Create", "Wire", "", wireProperties(word), time.Minute)
			select {
			case <-at:
				m.kill()
				m.setSpoil(nil)
				close(dead)
				m.start()
				m.wantCreated(word)
				scenarios++
			case <-m.done: // it made fewer calls than n
				reached = false
				m.setSpoil(nil)
			}
			m.wantSuccess(m.deliver("Delete", "Wire", "whatever", wireProperties(word), time.Minute))
			cloud.WantNothing(t, word)
		})
	}
	figure("processes killed: %d scenarios", scenarios)
	m.wantNoLeak()
}

func TestResponseURLThatMisbehaves(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	failures := 0
	tests := []struct {
		word    string
		respond func(http.ResponseWriter, *http.Request)
		told    string
	}{
		{"url-refuses", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, "HTTP status 403"},
		{"url-fails", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, "HTTP status 502"},
		{"url-hangs", hang, "deadline exceeded"},
		{"url-hangs-up", func(w http.ResponseWriter, _ *http.Request) { hangUp(w) }, "EOF"},
	}
	for _, test := range tests {
		t.Run(test.word, func(t *testing.T) {
			m.setRespond(test.respond)
			if answer, told := m.deliver("Create", "Wire", "", wireProperties(test.word), 20*time.Second); answer != nil || !strings.Contains(told, test.told) {
				t.Errorf("answer %v, Lambda was told %q", answer, told)
			}
			m.setRespond(nil)
			// Lambda delivers the event again, and this time it is answered.
			m.wantCreated(test.word)
			m.wantSuccess(m.deliver("Delete", "Wire", "whatever", wireProperties(test.word), time.Minute))
			cloud.WantNothing(t, test.word)
		})
	}
	t.Run("url-fails-five-times", func(t *testing.T) {
		m.setRespond(func(w http.ResponseWriter, _ *http.Request) {
			if failures++; failures == 5 {
				m.setRespond(nil)
			}
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		m.wantCreated("url-fails-five-times")
		m.wantSuccess(m.deliver("Delete", "Wire", "whatever", wireProperties("url-fails-five-times"), time.Minute))
	})
	m.wantNoLeak()
}

// TestDeadlineThatComesTooEarly gives a Create no time to prove its key. It answers
// before the deadline, and leaves nothing.
func TestDeadlineThatComesTooEarly(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	for _, deadline := range []time.Duration{200 * time.Millisecond, 3 * time.Second} {
		wrong := m.outOfTime(deadline)
		for again := 1; again < 4 && wrong != ""; again++ { // a busy machine may need longer for the answer alone
			deadline *= 2
			wrong = m.outOfTime(deadline)
		}
		if wrong != "" {
			t.Error(wrong)
		}
	}
	m.wantNoLeak()
}

// outOfTime delivers a Create whose proof cannot end, says what is wrong with its answer, and deletes.
func (m *machine) outOfTime(deadline time.Duration) (wrong string) {
	m.t.Helper()
	word := "early-" + deadline.String()
	m.setSpoil(func(_ int, r *http.Request) fault { // nobody gets an answer about an object
		if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "bucketuser-probe") {
			return throttled
		}
		return none
	})
	start := time.Now()
	answer, told := m.deliver("Create", "Wire", "", wireProperties(word), deadline)
	if took := time.Since(start); answer["Status"] != "FAILED" || took > deadline {
		wrong = fmt.Sprintf("%s: answer %v after %s, Lambda was told %q", deadline, answer, took, told)
	}
	m.setSpoil(nil)
	m.wantSuccess(m.deliver("Delete", "Wire", "whatever", wireProperties(word), time.Minute))
	cloud.WantNothing(m.t, word)
	return wrong
}

// wantCreated delivers a Create that must succeed.
func (m *machine) wantCreated(word string) {
	m.t.Helper()
	m.wantSuccess(m.deliver("Create", "Wire", "", wireProperties(word), time.Minute))
}

// hang answers nothing until the other side hangs up. Only a request that was read
// to its end tells when that is.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func (m *machine) setRespond(respond func(http.ResponseWriter, *http.Request)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.respond = respond
}
