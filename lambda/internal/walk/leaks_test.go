package walk_test

import (
	"encoding/json"

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
	log, bodies, failures := w.log.String(), w.cloud.Bodies(), w.cloud.Failures()
	texts := map[string]string{"the log": log[w.scanned.log:], "the account": w.aws.Snapshot().Public()}
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
	w.scanned.log, w.scanned.bodies, w.scanned.failures = len(log), len(bodies), len(failures)
	return nil
}
