package walk_test

import (
	"bytes"
	"encoding/json"
	"sync"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
)

// leaks looks for everything secret in what became visible since the last time.
func (w *world) leaks(stacks []*cfnfake.Stack) error {
	for _, secret := range w.aws.IssuedSecrets() {
		w.canary.Secret(secret)
	}
	for _, x := range w.cloud.Exchanges() {
		w.canary.ResponseURL(x.Event.ResponseURL)
	}
	bodies, failures := w.cloud.Bodies(), w.cloud.Failures()
	texts := map[string]string{"the log": w.log.take(), "the account": public(w.aws.Snapshot())}
	for _, stack := range stacks {
		outputs, err := json.Marshal([]any{stack.PhysicalID, stack.Data, stack.Reason})
		if err != nil {
			return err
		}
		texts["the outputs of stack "+stack.Name] = string(outputs)
	}
	for place, text := range texts {
		if err := w.canary.Scan(place, text); err != nil {
			return err
		}
	}
	for _, body := range bodies[w.scanned.bodies:] {
		if err := w.canary.Scan("an answer", body); err != nil {
			return err
		}
	}
	for _, failure := range failures[w.scanned.failures:] {
		if err := w.canary.Scan("a returned error", failure); err != nil {
			return err
		}
	}
	w.scanned.bodies, w.scanned.failures = len(bodies), len(failures)
	return nil
}

// public is what an account shows to those who may not read secrets: tags, policies,
// descriptions, names, objects.
func public(now awsfake.Snapshot) string {
	for name, user := range now.Users {
		for i := range user.Keys {
			user.Keys[i].Secret = ""
		}
		now.Users[name] = user
	}
	for name, secret := range now.Secrets {
		for i := range secret.Versions {
			secret.Versions[i].Value = ""
		}
		now.Secrets[name] = secret
	}
	text, err := json.Marshal(now)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// journal is the log of all processes.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// take returns what was written since the last time.
func (j *journal) take() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := j.text.String()
	j.text.Reset()
	return text
}
