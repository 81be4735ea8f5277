package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"bucketuser/lambda/claim"
)

// Whatever prints a key, alone or inside of something else, prints REDACTED.
func TestTextIsNotPrinted(t *testing.T) {
	const value = "fake+secret/0123456789"
	key := Text(value)
	stored := Fields{"a": key}
	texts := []string{key.String(), key.GoString(), key.LogValue().String(), errors.Join(fmt.Errorf("%v %w", key, claim.ErrLate)).Error()}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T %[1]v"} {
		texts = append(texts, fmt.Sprintf(verb, key), fmt.Sprintf(verb, []Text{key}), fmt.Sprintf(verb, stored))
	}
	for _, v := range []any{key, &key, stored, struct{ Key Text }{key}} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Error(err)
		}
		texts = append(texts, string(text))
	}
	var log bytes.Buffer
	for _, logger := range []*slog.Logger{slog.New(slog.NewJSONHandler(&log, nil)), slog.New(slog.NewTextHandler(&log, nil))} {
		logger.Info("key", "key", key, "stored", stored)
	}
	for _, text := range append(texts, log.String()) {
		if strings.Contains(text, "fake") || strings.Contains(text, fmt.Sprintf("%x", "fake")) || !strings.Contains(text, redacted) {
			t.Errorf("printed as %s", text)
		}
	}
}
