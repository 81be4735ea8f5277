package cfnresource_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bucketuser/lambda/internal/cfnresource"
)

// The answer goes to the presigned address and nowhere else, and no attempt takes all
// the time there is.
func TestClientHasNoProxyAndATimeout(t *testing.T) {
	client := cfnresource.NewClient()
	if transport := client.Transport.(*http.Transport); transport.Proxy != nil {
		t.Error("a proxy of the environment would see the address")
	}
	if client.Timeout <= 0 || client.Timeout > 15*time.Second {
		t.Errorf("an attempt may take %s", client.Timeout)
	}
}

func TestAnswerIsRepeatedAfterTooManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cloud{respond: func(n int) (*http.Response, error) {
			if n < 3 {
				return status(http.StatusTooManyRequests)
			}
			return status(http.StatusOK)
		}}
		ok := func(context.Context) (map[string]string, error) { return nil, nil }
		if _, err := handle(t, &thing{id: "x", ensure: ok}, c, recorded(t, "create"), time.Minute); err != nil || len(c.requests) != 3 {
			t.Errorf("%d requests, error %v", len(c.requests), err)
		}
	})
}

// A failure says what failed, undoing included, and carries no data.
func TestFailureCarriesNoDataAndWhatIsNotUndone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cloud{}
		r := &thing{id: "x", ensure: func(context.Context) (map[string]string, error) {
			return map[string]string{"AccessKeyId": "gone"}, errors.New("boom")
		}}
		r.undo = func(context.Context) error { return errors.New("user u: stays") }
		_, err := handle(t, r, c, recorded(t, "create"), time.Minute)
		if err == nil || strings.Contains(err.Error(), "boom") {
			t.Errorf("returned %v", err)
		}
		if !strings.Contains(c.bodies[0], `"Reason":"boom; undo: user u: stays (log stream`) || strings.Contains(c.bodies[0], "Data") {
			t.Error(c.bodies[0])
		}
	})
}

// An event that is refused for its address may be a real one: its signature stays secret.
func TestRefusedAddressIsNotQuoted(t *testing.T) {
	for _, address := range []string{"http://x.amazonaws.com/?X-Amz-Signature=urlsignature", "https://x.amazonaws.com/%zz?X-Amz-Signature=urlsignature",
		"https://u:urlsignature@x.amazonaws.com/", "https://x.example.org/?X-Amz-Signature=urlsignature"} {
		c := &cloud{}
		r := &thing{remove: func(context.Context) error { t.Error("carried out"); return nil }}
		if _, err := handle(t, r, c, []byte(`{"RequestType":"Delete","ResponseURL":"`+address+`"}`), time.Minute); err == nil || len(c.requests) > 0 {
			t.Errorf("error %v, %d requests", err, len(c.requests))
		}
	}
}

// The answer has time of its own, also if every attempt of work and undoing hangs.
func TestAnswerIsSentAfterAllTimeForWorkIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		c := &cloud{respond: func(n int) (*http.Response, error) {
			if n == 1 {
				return status(http.StatusServiceUnavailable)
			}
			return status(http.StatusOK)
		}}
		r := &thing{id: "x", undo: hang, ensure: func(ctx context.Context) (map[string]string, error) { return nil, hang(ctx) }}
		if _, err := handle(t, r, c, recorded(t, "create"), 15*time.Minute); err == nil || len(c.requests) != 2 || !strings.Contains(c.bodies[1], "out of time") {
			t.Errorf("%d requests, error %v", len(c.requests), err)
		}
	})
}

// However long a reason is, it ends with where to read more, and is cut between characters.
func TestLongReasonStillNamesTheLogStream(t *testing.T) {
	for _, character := range []string{"a", "\u00e4", "\u4e16", "\U0001f600"} {
		synctest.Test(t, func(t *testing.T) {
			c := &cloud{}
			r := &thing{id: "x", ensure: fails(errors.New("a" + strings.Repeat(character, 5000)))}
			if _, err := handle(t, r, c, recorded(t, "create"), time.Minute); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(c.bodies[0], character+` (log stream 2026/stream)"`) {
				t.Error(c.bodies[0])
			}
		})
	}
}

// A reason that is too long loses its middle: what it is about stays, and so does what to do.
func TestLongReasonKeepsBothEnds(t *testing.T) {
	const begins, ends = "bucket my-data: is not empty: ", "; then delete the stack again: aws cloudformation delete-stack --stack-name a"
	for _, character := range []string{"x", "\u00e4", "\U0001f600", "\""} {
		synctest.Test(t, func(t *testing.T) {
			c := &cloud{}
			r := &thing{id: "x", ensure: fails(errors.New(begins + strings.Repeat(character, 9000) + ends))}
			if _, err := handle(t, r, c, recorded(t, "create"), time.Minute); err != nil {
				t.Fatal(err)
			}
			if body := c.bodies[0]; len(body) > 4096 || !strings.Contains(body, `"Reason":"`+begins) || !strings.Contains(body, ends+` (log stream 2026/stream)"`) {
				t.Errorf("%d bytes: %s", len(body), body)
			}
		})
	}
}

// However little room the ids leave, a failure has a reason, or there is no answer at all.
func TestFailureHasAReasonHoweverLongTheIDs(t *testing.T) {
	answers := 0
	for room := range 120 {
		synctest.Test(t, func(t *testing.T) {
			c := &cloud{}
			id := strings.Repeat("r", 3900-room)
			e := bytes.Replace(recorded(t, "create"), []byte(`"RequestId": "`), []byte(`"RequestId": "`+id), 1)
			_, err := handle(t, &thing{id: "x", ensure: fails(errors.New(strings.Repeat("\U0001f600", 100)))}, c, e, time.Minute)
			if len(c.bodies) == 0 && err == nil || len(c.bodies) == 1 && (len(c.bodies[0]) > 4096 || !strings.Contains(c.bodies[0], `"Reason":"`)) {
				t.Errorf("%d bytes of ids: %v, %q", len(id), err, c.bodies)
			}
			answers += len(c.bodies)
		})
	}
	if answers == 0 || answers == 120 {
		t.Errorf("%d of 120 are answered", answers)
	}
}
