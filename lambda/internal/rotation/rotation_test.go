package rotation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

const token = "0123456789abcdef0123456789abcdef"

func handlerOf(out *bytes.Buffer, rotate func(context.Context, Event) error) *Handler {
	return &Handler{
		Rotate: func(ctx context.Context, e Event, _ *slog.Logger) error { return rotate(ctx, e) },
		Log:    slog.New(slog.NewJSONHandler(out, nil)),
	}
}

func TestBothSpellingsOfAStepAreTheSame(t *testing.T) {
	for spelt, want := range spellings {
		var got Event
		h := handlerOf(&bytes.Buffer{}, func(_ context.Context, e Event) error { got = e; return nil })
		payload, _ := json.Marshal(map[string]string{"Step": spelt, "SecretId": "a", "ClientRequestToken": token, "RotationToken": "r"})
		if err := h.Handle(t.Context(), payload); err != nil {
			t.Fatalf("%s: %v", spelt, err)
		}
		if got != (Event{want, "a", token, "r"}) {
			t.Errorf("%s: %+v", spelt, got)
		}
	}
}

// A function that whoever may rotate can invoke must not take an event of CloudFormation.
func TestA25NothingButAStepIsCarriedOut(t *testing.T) {
	for name, payload := range map[string]string{
		"no JSON":                    `nonsense`,
		"a list":                     `[]`,
		"an event of CloudFormation": `{"RequestType":"Delete","ResponseURL":"https://x","StackId":"s","ResourceProperties":{"OnDelete":"Purge"}}`,
		"another step":               `{"Step":"deleteSecret","SecretId":"a","ClientRequestToken":"` + token + `"}`,
		"a step of another kind":     `{"Step":1,"SecretId":"a","ClientRequestToken":"` + token + `"}`,
		"no secret":                  `{"Step":"createSecret","ClientRequestToken":"` + token + `"}`,
		"a short token":              `{"Step":"createSecret","SecretId":"a","ClientRequestToken":"short"}`,
		"a long token":               `{"Step":"createSecret","SecretId":"a","ClientRequestToken":"` + token + token + `x"}`,
	} {
		h := handlerOf(&bytes.Buffer{}, func(context.Context, Event) error {
			t.Errorf("%s: was carried out", name)
			return nil
		})
		if err := h.Handle(t.Context(), json.RawMessage(payload)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestAnErrorAndAPanicAreReturnedAndLogged(t *testing.T) {
	payload := json.RawMessage(`{"Step":"testSecret","SecretId":"a","ClientRequestToken":"` + token + `","RotationToken":"canary"}`)
	for name, rotate := range map[string]func(context.Context, Event) error{
		"error": func(context.Context, Event) error { return errors.New("S3 does not know the key") },
		"panic": func(_ context.Context, e Event) error {
			return errors.New(string(e.RotationToken[len(e.RotationToken)]))
		},
	} {
		var out bytes.Buffer
		err := handlerOf(&out, rotate).Handle(t.Context(), payload)
		if err == nil || !strings.HasPrefix(err.Error(), "testSecret: ") {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(out.String(), `"failed"`) || strings.Contains(out.String(), "canary") {
			t.Errorf("%s: %s", name, out.String())
		}
	}
}

func TestAStepEndsBeforeTheDeadline(t *testing.T) {
	deadline := time.Now().Add(time.Minute)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	h := handlerOf(&bytes.Buffer{}, func(ctx context.Context, _ Event) error {
		if end, _ := ctx.Deadline(); deadline.Sub(end) != keptBack {
			t.Errorf("ends %s before", deadline.Sub(end))
		}
		return nil
	})
	if err := h.Handle(ctx, json.RawMessage(`{"Step":"createSecret","SecretId":"a","ClientRequestToken":"`+token+`"}`)); err != nil {
		t.Error(err)
	}
}
