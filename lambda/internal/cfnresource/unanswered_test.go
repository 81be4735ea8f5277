package cfnresource_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bucketuser/lambda/internal/cfnresource"
)

var unanswered = &cfnresource.Unanswered{Run: 2, Deleted: 41200, Rate: 3433.3}

// A Delete that goes on in another delivery is not answered, and Lambda gets an error that says nothing of the event.
func TestDeleteIsLeftForTheNextDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cloud{}
		r := &thing{remove: func(context.Context) error { return fmt.Errorf("bucket my-data: %w", unanswered) }}
		log, err := handle(t, r, c, recorded(t, "delete"), time.Minute)
		if err == nil || err.Error() != "delete: goes on in another delivery, see the log" || len(c.requests) > 0 || r.undone > 0 {
			t.Errorf("error %v, %d requests, undone %d times", err, len(c.requests), r.undone)
		}
		for _, want := range []string{`"msg":"leaves the answer to the next delivery"`, `"run":2,"deleted":41200,"rate":3433}`, `"requestType":"Delete"`} {
			if !strings.Contains(log, want) {
				t.Errorf("the log lacks %s\n%s", want, log)
			}
		}
		if strings.Contains(log, `"msg":"failed"`) || strings.Contains(log, `"msg":"answered"`) {
			t.Error(log)
		}
	})
}

// Everything else is answered, whatever its error asks for: another kind of event, an event that cannot be read, and a
// Delete that panics.
func TestOnlyADeleteIsLeftForTheNextDelivery(t *testing.T) {
	again := func(context.Context) error { return unanswered }
	for name, test := range map[string]struct {
		event string
		r     *thing
	}{
		"create":        {"create", &thing{id: "Disk-v1-new", ensure: fails(unanswered)}},
		"update":        {"update", &thing{id: "Disk-v1-new", ensure: fails(unanswered)}},
		"invalid event": {"delete", &thing{remove: again}},
		"panic":         {"delete", &thing{remove: func(context.Context) error { panic(unanswered) }}},
		"undo":          {"create", &thing{id: "Disk-v1-new", ensure: fails(errors.New("boom")), undo: again}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				payload := recorded(t, test.event)
				if name == "invalid event" {
					payload = []byte(strings.Replace(string(payload), `"ResourceProperties": {`, `"ResourceType": 7, "ResourceProperties": {`, 1))
				}
				c := &cloud{respond: func(int) (*http.Response, error) { return status(http.StatusOK) }}
				_, err := handle(t, test.r, c, payload, time.Minute)
				if len(c.bodies) != 1 || !strings.Contains(c.bodies[0], `"Status":"FAILED"`) || (err != nil) != (name == "undo") {
					t.Errorf("error %v, answers %v", err, c.bodies)
				}
			})
		})
	}
}
