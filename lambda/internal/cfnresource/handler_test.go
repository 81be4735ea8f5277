package cfnresource_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/cfnresource"
)

// thing is a resource whose behaviour a test chooses.
type thing struct {
	id     string
	ensure func(context.Context) (map[string]string, error)
	remove func(context.Context) error
	undo   func(context.Context) error
	undone int
}

func (r *thing) Begin(cfnresource.Event) cfnresource.Delivery { return r }

func (r *thing) PhysicalID() string { return r.id }

func (r *thing) Ensure(ctx context.Context) (map[string]string, error) { return r.ensure(ctx) }

func (r *thing) Remove(ctx context.Context) error { return r.remove(ctx) }

func (r *thing) Undo(ctx context.Context) error {
	r.undone++
	if r.undo == nil {
		return nil
	}
	return r.undo(ctx)
}

func fails(err error) func(context.Context) (map[string]string, error) {
	return func(context.Context) (map[string]string, error) { return nil, err }
}

// cloud is CloudFormation's end of the ResponseURL.
type cloud struct {
	requests []*http.Request
	bodies   []string
	respond  func(n int) (*http.Response, error) // n counts from 1
}

func (c *cloud) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c.requests, c.bodies = append(c.requests, r), append(c.bodies, string(body))
	if c.respond == nil {
		return status(http.StatusOK)
	}
	return c.respond(len(c.requests))
}

func status(code int) (*http.Response, error) {
	return &http.Response{StatusCode: code, Body: http.NoBody, Header: http.Header{}}, nil
}

// handle carries out one event in an invocation of the given length.
func handle(t *testing.T, r *thing, c *cloud, payload []byte, limit time.Duration) (log string, err error) {
	t.Helper()
	var b bytes.Buffer
	client := cfnresource.NewClient()
	client.Transport = c
	h := cfnresource.Handler{Resource: r, Client: client, Log: slog.New(slog.NewJSONHandler(&b, nil)), LogStream: "2026/stream", DNSSuffix: "amazonaws.com"}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	err = h.Handle(ctx, payload)
	if strings.Contains(b.String(), "urlsignature") || err != nil && strings.Contains(err.Error(), "urlsignature") {
		t.Errorf("the ResponseURL is in the log or the error: %v\n%s", err, b.String())
	}
	return b.String(), err
}

func recorded(t *testing.T, name string) []byte {
	t.Helper()
	payload, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

// A recording is a recorded event and what has to come of it.
type recording struct {
	name   string
	event  string // name of its file
	r      *thing
	want   string // the whole answer
	undone int
}

func TestRecordedEventsAndTheirWholeAnswers(t *testing.T) {
	const ids = `"StackId":"arn:aws:cloudformation:eu-west-1:123456789012:stack/analytics/5f0c2b10-0000-11ee-be56-0242ac120002",` +
		`"RequestId":"9a0b1c2d-0000-4e5f-8a9b-000000000001","LogicalResourceId":"Disk"`
	data := func(context.Context) (map[string]string, error) {
		return map[string]string{"Url": "https://x/?a&b"}, nil
	}
	boom := errors.New("bucket my-data: owned by another account\nuser u: exists")
	const reason = `"Reason":"bucket my-data: owned by another account; user u: exists (log stream 2026/stream)"`
	tests := []recording{
		{"create", "create", &thing{id: "Disk-v1-new", ensure: data},
			`{"Status":"SUCCESS","PhysicalResourceId":"Disk-v1-new",` + ids + `,"Data":{"Url":"https://x/?a&b"}}`, 0},
		{"create fails under its own id", "create", &thing{id: "Disk-v1-new", ensure: fails(boom)},
			`{"Status":"FAILED",` + reason + `,"PhysicalResourceId":"Disk-v1-new",` + ids + `}`, 1},
		{"create of nothing fails under a marker", "create", &thing{ensure: fails(boom)},
			`{"Status":"FAILED",` + reason + `,"PhysicalResourceId":"nothing-was-made",` + ids + `}`, 1},
		{"update in place", "update", &thing{id: "Disk-v1-abcdefghijkl", ensure: data},
			`{"Status":"SUCCESS","PhysicalResourceId":"Disk-v1-abcdefghijkl",` + ids + `,"Data":{"Url":"https://x/?a&b"}}`, 0},
		{"update as replacement", "update", &thing{id: "Disk-v1-new", ensure: data},
			`{"Status":"SUCCESS","PhysicalResourceId":"Disk-v1-new",` + ids + `,"Data":{"Url":"https://x/?a&b"}}`, 0},
		{"update fails under the old id", "update", &thing{id: "Disk-v1-new", ensure: fails(boom)},
			`{"Status":"FAILED",` + reason + `,"PhysicalResourceId":"Disk-v1-abcdefghijkl",` + ids + `}`, 1},
		{"delete", "delete", &thing{remove: func(context.Context) error { return nil }},
			`{"Status":"SUCCESS","PhysicalResourceId":"Disk-v1-abcdefghijkl",` + ids + `}`, 0},
		{"delete fails under the old id", "delete", &thing{remove: func(context.Context) error { return boom }},
			`{"Status":"FAILED",` + reason + `,"PhysicalResourceId":"Disk-v1-abcdefghijkl",` + ids + `}`, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, test.check)
		})
	}
}

func (x recording) check(t *testing.T) {
	c := &cloud{}
	if _, err := handle(t, x.r, c, recorded(t, x.event), time.Minute); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{x.want}, c.bodies); diff != "" {
		t.Error(diff)
	}
	if x.r.undone != x.undone {
		t.Errorf("undone %d times", x.r.undone)
	}
	r := c.requests[0]
	if r.Method != http.MethodPut || len(r.Header["Content-Type"]) > 0 || r.ContentLength != int64(len(c.bodies[0])) {
		t.Errorf("request: %s %v %d", r.Method, r.Header, r.ContentLength)
	}
}

// What an earlier resource has left under the names of a Create that was refused is
// not the Delete's that follows.
func TestDeleteOfNothingDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cloud{}
		event := strings.Replace(string(recorded(t, "delete")), "Disk-v1-abcdefghijkl", "nothing-was-made", 1)
		r := &thing{remove: func(context.Context) error { return errors.New("called") }}
		if _, err := handle(t, r, c, []byte(event), time.Minute); err != nil || !strings.Contains(c.bodies[0], `"SUCCESS","PhysicalResourceId":"nothing-was-made"`) {
			t.Errorf("answer: %s, error: %v", c.bodies, err)
		}
	})
}

func TestSentAt(t *testing.T) {
	for address, want := range map[string]string{
		"https://x.s3.amazonaws.com/y?X-Amz-Date=20261123T221913Z&X-Amz-Signature=s": "2026-11-23T22:19:13Z",
		"https://x.s3.amazonaws.com/y?X-Amz-Date=20261123&X-Amz-Signature=s":         "0001-01-01T00:00:00Z",
		"https://127.0.0.1/y": "0001-01-01T00:00:00Z",
		"%zz":                 "0001-01-01T00:00:00Z",
	} {
		if got := cfnresource.SentAt(cfnresource.Event{ResponseURL: address}).Format(time.RFC3339); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}

func TestPanicIsAnsweredWithoutItsValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cloud{}
		r := &thing{id: "Disk-v1-new", ensure: func(context.Context) (map[string]string, error) { panic("the secret") }}
		r.undo = func(context.Context) error { panic("the secret again") }
		log, err := handle(t, r, c, recorded(t, "create"), time.Minute)
		if err == nil || len(c.bodies) != 1 || !strings.Contains(c.bodies[0], "internal error, see the log") {
			t.Errorf("%v, %v", err, c.bodies)
		}
		if strings.Contains(log+c.bodies[0], "the secret") {
			t.Errorf("the value of the panic is in the log: %s", log)
		}
		if !strings.Contains(log, "handler_test.go") {
			t.Errorf("the log has no stack: %s", log)
		}
	})
}

func TestTimeIsKeptBackForUndoAndAnswer(t *testing.T) {
	for _, test := range []struct{ limit, work, undo time.Duration }{
		{15 * time.Minute, 15*time.Minute - 15*time.Second, 15*time.Minute - 5*time.Second},
		{9 * time.Second, 6 * time.Second, 8 * time.Second},
	} {
		t.Run(test.limit.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var worked, undone time.Duration
				r := &thing{id: "Disk-v1-new"}
				r.ensure = func(ctx context.Context) (map[string]string, error) {
					<-ctx.Done()
					worked = time.Since(start)
					return nil, ctx.Err()
				}
				r.undo = func(ctx context.Context) error {
					<-ctx.Done()
					undone = time.Since(start)
					return ctx.Err()
				}
				c := &cloud{}
				if _, err := handle(t, r, c, recorded(t, "create"), test.limit); err == nil {
					t.Error("what could not be undone is not delivered again")
				}
				if worked != test.work || undone != test.undo || len(c.bodies) != 1 || !strings.Contains(c.bodies[0], "out of time") {
					t.Errorf("worked %s, undone %s, %v", worked, undone, c.bodies)
				}
			})
		})
	}
}

func TestAnswerIsRepeatedUntilItIsAccepted(t *testing.T) {
	ok := func(context.Context) (map[string]string, error) { return nil, nil }
	tests := []struct {
		name     string
		respond  func(n int) (*http.Response, error)
		requests int
		accepted bool
	}{
		{"at once", nil, 1, true},
		{"after server errors", func(n int) (*http.Response, error) {
			if n < 6 {
				return status(http.StatusServiceUnavailable)
			}
			return status(http.StatusOK)
		}, 6, true},
		{"after a lost connection", func(n int) (*http.Response, error) {
			if n == 1 {
				return nil, io.ErrUnexpectedEOF
			}
			return status(http.StatusOK)
		}, 2, true},
		{"never", func(int) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }, 6, false},
		{"refused", func(int) (*http.Response, error) { return status(http.StatusForbidden) }, 1, false},
		{"redirected", func(int) (*http.Response, error) {
			r, err := status(http.StatusFound)
			r.Header.Set("Location", "https://elsewhere.amazonaws.com/")
			return r, err
		}, 1, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &cloud{respond: test.respond}
				_, err := handle(t, &thing{id: "x", ensure: ok}, c, recorded(t, "create"), time.Minute)
				if (err == nil) != test.accepted || len(c.requests) != test.requests {
					t.Errorf("%d requests, error %v", len(c.requests), err)
				}
			})
		})
	}
}

func TestReasonIsCutToFit(t *testing.T) {
	for name, text := range map[string]string{
		"long": strings.Repeat("a", 10000), "wide": strings.Repeat("\u4e16", 5000), "escaped": strings.Repeat("\x01\"", 5000), "invalid": strings.Repeat("\xffa", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &cloud{}
				if _, err := handle(t, &thing{id: "x", ensure: fails(errors.New(text))}, c, recorded(t, "create"), time.Minute); err != nil {
					t.Fatal(err)
				}
				var a struct{ Status, Reason string }
				if err := json.Unmarshal([]byte(c.bodies[0]), &a); err != nil || len(c.bodies[0]) > 4096 || len(c.bodies[0]) < 1500 || !utf8.ValidString(a.Reason) {
					t.Errorf("%d bytes, %v", len(c.bodies[0]), err)
				}
			})
		})
	}
}

func TestDataThatDoNotFitAreAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cloud{}
		big := func(context.Context) (map[string]string, error) {
			return map[string]string{"Url": strings.Repeat("a", 5000)}, nil
		}
		if _, err := handle(t, &thing{id: "x", ensure: big}, c, recorded(t, "create"), time.Minute); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(c.bodies[0], `"FAILED","Reason":"the answer has 5`) {
			t.Error(c.bodies[0])
		}
	})
}

func TestForgedEventsGetNoAnswerAndNothingIsDone(t *testing.T) {
	for name, address := range map[string]string{
		"plain http":      "http://x.s3.amazonaws.com/",
		"another host":    "https://x.s3.amazonaws.com.evil.example/",
		"suffix as host":  "https://amazonaws.com/",
		"like the suffix": "https://evilamazonaws.com/",
		"user info":       "https://x.amazonaws.com@evil.example/",
		"user on AWS":     "https://u:p@x.amazonaws.com/",
		"port":            "https://x.amazonaws.com:8443/",
		"loopback":        "https://127.0.0.1/",
		"none":            "",
		"no address":      "https://%zz",
	} {
		t.Run(name, func(t *testing.T) {
			c := &cloud{}
			payload, err := json.Marshal(map[string]any{"RequestType": "Delete", "ResponseURL": address})
			if err != nil {
				t.Fatal(err)
			}
			r := &thing{remove: func(context.Context) error { t.Error("carried out"); return nil }}
			if _, err := handle(t, r, c, payload, time.Minute); err == nil || len(c.requests) > 0 {
				t.Errorf("error %v, %d requests", err, len(c.requests))
			}
		})
	}
}

func TestMalformedEventsAreAnswered(t *testing.T) {
	for name, payload := range map[string]string{
		"unknown type":    `{"RequestType":"Drop","ResponseURL":"https://x.amazonaws.com/","StackId":"s","RequestId":"r","LogicalResourceId":"l"}`,
		"number as type":  `{"RequestType":1,"ResponseURL":"https://x.amazonaws.com/","StackId":"s","RequestId":"r","LogicalResourceId":"l"}`,
		"list properties": `{"RequestType":"Create","ResponseURL":"https://x.amazonaws.com/","StackId":"s","RequestId":"r","LogicalResourceId":"l","ResourceProperties":[]}`,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &cloud{}
				r := &thing{ensure: func(context.Context) (map[string]string, error) { t.Error("carried out"); return nil, nil }}
				if _, err := handle(t, r, c, []byte(payload), time.Minute); err != nil || len(c.bodies) != 1 ||
					!strings.Contains(c.bodies[0], `"StackId":"s","RequestId":"r","LogicalResourceId":"l"`) || r.undone > 0 {
					t.Errorf("error %v, answers %v", err, c.bodies)
				}
			})
		})
	}
}

func TestLoopbackIsForTheLocalBuildAlone(t *testing.T) {
	c := &cloud{}
	client := cfnresource.NewClient()
	client.Transport = c
	r := &thing{remove: func(context.Context) error { return nil }}
	h := cfnresource.Handler{Resource: r, Client: client, Log: slog.New(slog.DiscardHandler), DNSSuffix: "amazonaws.com", AllowLoopback: true}
	if err := h.Handle(t.Context(), json.RawMessage(`{"RequestType":"Delete","ResponseURL":"https://127.0.0.1:4566/x"}`)); err != nil || len(c.bodies) != 1 {
		t.Errorf("%v, %v", err, c.bodies)
	}
	if err := h.Handle(t.Context(), json.RawMessage(`{"RequestType":"Delete","ResponseURL":"https://192.0.2.1/x"}`)); err == nil {
		t.Error("an address elsewhere was accepted")
	}
}
