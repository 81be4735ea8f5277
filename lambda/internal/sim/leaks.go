package sim

import (
	"bytes"
	"io"
	"net/http"
)

// Keeping keeps every answer that goes through it to its receiver, for Leaks.
func (w *World) Keeping(receiver http.RoundTripper) http.RoundTripper { return keeper{w, receiver} }

type keeper struct {
	world    *World
	receiver http.RoundTripper
}

func (k keeper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		return k.receiver.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	k.world.keep(&k.world.answers, string(body))
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return k.receiver.RoundTrip(r)
}

// Leaks looks for secret access keys and for the queries of ResponseURLs, in any
// encoding, in what became visible since the last time: the log, answers, returned
// errors, what the account shows to those who may not read secrets, and other texts by
// their place. It returns one error for each text that has one.
func (w *World) Leaks(urls []string, others map[string]string) (leaks []error) {
	for _, secret := range w.AWS.IssuedSecrets() {
		w.Canary.Secret(secret)
	}
	for _, url := range urls {
		w.Canary.ResponseURL(url)
	}
	scan := func(place, text string) {
		if err := w.Canary.Scan(place, text); err != nil {
			leaks = append(leaks, err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	log, done := w.Log.String(), &w.searched
	scan("the log", log[done.log:])
	scan("the account", w.AWS.Snapshot().Public())
	for _, answer := range w.answers[done.answers:] {
		scan("an answer", answer)
	}
	for _, err := range w.errors[done.errors:] {
		scan("a returned error", err)
	}
	for place, text := range others {
		scan(place, text)
	}
	done.log, done.answers, done.errors = len(log), len(w.answers), len(w.errors)
	return leaks
}
