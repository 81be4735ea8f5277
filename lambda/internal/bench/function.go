package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Lambda delivers an event three times at most, and waits a minute and then two. Here the waits are shorter.
const (
	deliveries  = 3
	waitAfter   = 300 * time.Millisecond
	lambdaTimes = 15 * time.Minute
)

// machine is Lambda: it gives a process of the function one event, again where that ends without an answer.
type machine struct {
	program string
	env     []string
	payload []byte

	process *exec.Cmd
	output  bytes.Buffer
	runtime *httptest.Server // Lambda's runtime API
	cloud   *httptest.Server // CloudFormation's end of the ResponseURL
	events  chan time.Time   // deadlines of deliveries
	done    chan struct{}    // Lambda was told that a delivery is over

	mu      sync.Mutex
	answers []answer
}

// answer is one to CloudFormation.
type answer struct {
	Status, Reason string
	at             time.Time
}

// runFunction has the function empty a bucket.
func (b *bench) runFunction(ctx context.Context, s scene, model *model) (measurement, error) {
	m := &machine{program: b.function, events: make(chan time.Time, 1), done: make(chan struct{}, 1)}
	m.env = []string{"AWS_ENDPOINT_URL=" + model.address, "AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_LAMBDA_LOG_STREAM_NAME=stream"}
	most := deliveries
	if s.isPatient {
		m.program = b.patient
		most, _ = strconv.Atoi(manyRuns)
	}
	m.runtime, m.cloud = httptest.NewServer(http.HandlerFunc(m.serveRuntime)), httptest.NewServer(http.HandlerFunc(m.serveAnswer))
	defer m.cloud.Close()
	defer m.runtime.Close()
	defer m.runtime.CloseClientConnections()
	if err := m.makeEvent(); err != nil {
		return measurement{}, err
	}
	deadline := s.deadline
	if deadline == 0 {
		deadline = lambdaTimes
	}
	all, err := m.deliver(ctx, model, deadline, most)
	if err != nil {
		return measurement{}, fmt.Errorf("%w\n%s", err, tail(m.output.String()))
	}
	if b.isLoud && !strings.HasPrefix(all.answer, "SUCCESS") {
		fmt.Println(tail(m.output.String()))
	}
	return all, nil
}

func tail(text string) string { return text[max(0, len(text)-4000):] }

// makeEvent makes the Delete. Its time is that of the signature in the ResponseURL.
func (m *machine) makeEvent() (err error) {
	at := time.Now().UTC().Format("20060102T150405Z")
	m.payload, err = json.Marshal(map[string]any{
		"RequestType": "Delete", "RequestId": "request", "StackId": stackID, "LogicalResourceId": logicalID, "PhysicalResourceId": resource().PhysicalID,
		"ResponseURL":  m.cloud.URL + "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=" + at + "&X-Amz-Expires=7200&X-Amz-Signature=fe5f80f77d5fa3be",
		"ResourceType": "Custom::BucketUser", "ResourceProperties": properties(),
	})
	return err
}

// deliver delivers the event until it is answered, or as often as it may be.
func (m *machine) deliver(ctx context.Context, model *model, deadline time.Duration, most int) (all measurement, err error) {
	for all.runs < most && len(m.heard()) == 0 && ctx.Err() == nil {
		if err := m.prepare(&all, model); err != nil {
			return all, err
		}
		begun := time.Now()
		isOver := m.deliverOnce(ctx, begun.Add(deadline))
		all.runs++
		all.wall += m.ended().Sub(begun)
		if isOver {
			continue
		}
		if err := m.stop(&all); err != nil {
			return all, err
		}
	}
	answers := m.heard()
	all.answer, all.answers = "no answer", len(answers)
	if all.answers > 0 {
		all.answer = strings.TrimSpace(answers[0].Status + " " + answers[0].Reason)
	}
	return all, errors.Join(ctx.Err(), m.stop(&all))
}

// prepare has a process wait for the next delivery. Before one that is not the first it notes what the last has listed in
// vain, and waits.
func (m *machine) prepare(all *measurement, model *model) error {
	if all.runs > 0 {
		now, err := model.report()
		if err != nil {
			return err
		}
		all.cut = max(all.cut, now.Stats.ListedLeft)
		<-time.After(waitAfter)
	}
	if m.process == nil {
		return m.start()
	}
	return nil
}

// heard are the answers to CloudFormation.
func (m *machine) heard() []answer {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.answers)
}

// ended is when the delivery came to its end: with the answer, if there is one.
func (m *machine) ended() time.Time {
	if answers := m.heard(); len(answers) > 0 {
		return answers[0].at
	}
	return time.Now()
}

// deliverOnce reports whether the function said that it is done. Lambda waits no longer than until the deadline.
func (m *machine) deliverOnce(ctx context.Context, deadline time.Time) bool {
	m.events <- deadline
	timeout := time.NewTimer(time.Until(deadline))
	defer timeout.Stop()
	select {
	case <-m.done:
		return true
	case <-timeout.C:
	case <-ctx.Done():
	}
	return false
}

func (m *machine) start() error {
	m.process = exec.Command(m.program)
	m.process.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(m.runtime.URL, "http://")}, m.env...)
	m.process.Stdout, m.process.Stderr = &m.output, &m.output
	return m.process.Start()
}

// stop ends the process if there is one, and adds what it has used.
func (m *machine) stop(all *measurement) error {
	if m.process == nil {
		return nil
	}
	peak, err := peakOf(m.process.Process.Pid)
	_ = m.process.Process.Kill() // it may have ended already
	_ = m.process.Wait()         // killed, as was intended
	all.peak = max(all.peak, peak)
	all.cpu += m.process.ProcessState.UserTime() + m.process.ProcessState.SystemTime()
	m.process = nil
	return err
}

// serveRuntime is Lambda's runtime API.
func (m *machine) serveRuntime(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/next") {
		select {
		case deadline := <-m.events:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "invocation")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline.UnixMilli(), 10))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", function)
			_, _ = w.Write(m.payload) // the process may have been killed
		case <-r.Context().Done():
		}
		return
	}
	_, _ = io.Copy(io.Discard, r.Body) // the text of an error at most, which is in the log
	w.WriteHeader(http.StatusAccepted)
	m.done <- struct{}{}
}

func (m *machine) serveAnswer(w http.ResponseWriter, r *http.Request) {
	a := answer{at: time.Now()}
	if json.NewDecoder(r.Body).Decode(&a) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers = append(m.answers, a)
}
