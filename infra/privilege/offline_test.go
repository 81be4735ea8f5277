//go:build e2e

package privilege

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"bucketuser/infra/local"
)

// simulatedWants fails the test for each drop of whose difference to requests the simulator sees nothing, and
// returns for how many it sees it.
func simulatedWants(t *testing.T, drops []drop, documents []document, requestsOf func(drop) []request) (seen int) {
	t.Helper()
	var inputs []simulation
	for _, d := range drops {
		for _, r := range d.concerned(requestsOf(d), documents) {
			with, without := r.simulation(roleARN), r.simulation(roleARN)
			with.hold(documents, document{})
			without.hold(d.without(documents), document{})
			inputs = append(inputs, with, without)
		}
	}
	results := decide(t, inputs)
	for _, d := range drops {
		n := 2 * len(d.concerned(requestsOf(d), documents))
		if err := wantSeen(results[:n]); err != nil {
			t.Errorf("%s: %v", d, err)
		} else {
			seen++
		}
		results = results[n:]
	}
	return seen
}

// wantSeen says of pairs of answers, with a right and without it, whether they show that it is needed.
func wantSeen(results []error) error {
	if len(results) == 0 {
		return errors.New("no request is known that asks for it")
	}
	for i := 0; i < len(results); i += 2 {
		if results[i] != nil {
			return fmt.Errorf("a request is refused with it: %w", results[i])
		}
		if results[i+1] == nil {
			return errors.New("a request is allowed without it: a right too many")
		}
	}
	return nil
}

// concerned are the requests that ask for what is dropped.
func (d drop) concerned(requests []request, documents []document) (all []request) {
	for _, r := range requests {
		if r.action == d.action || d.action == "" && slices.Contains(actionsOf(d, documents), r.action) {
			all = append(all, r)
		}
	}
	return all
}

func actionsOf(d drop, documents []document) []string {
	for _, document := range documents {
		for _, s := range document.statements {
			if document.id == d.document && s.sid() == d.sid {
				return s.actions()
			}
		}
	}
	return nil
}

// requestsOfServices are the requests for KMS and Logs that services make in the
// name of the role: Secrets Manager when it stores or reads a value, and whenever
// UpdateSecret changes the key; Lambda when it writes the log.
var requestsOfServices = []request{
	kms("kms:GenerateDataKey"), kms("kms:Decrypt"), kms("kms:Encrypt"),
	{action: "logs:CreateLogStream", resource: logStream, context: nil},
	{action: "logs:PutLogEvents", resource: logStream, context: nil},
}

const logStream = "arn:aws:logs:" + region + ":" + local.Account + ":log-group:" + logGroup + ":log-stream:2026/01/01/[$LATEST]0"

// keyPolicy is the default policy of a key, which leaves the decision to IAM.
const keyPolicy = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*",
	"Principal": {"AWS": "arn:aws:iam::` + local.Account + `:root"}}]}`

// keyARN is a key of the alias that was given.
const keyARN = "arn:aws:kms:" + region + ":" + local.Account + ":key/11111111-2222-3333-4444-555555555555"

func kms(action string) request {
	return request{
		action: action, resource: keyARN,
		context: map[string]any{
			"kms:ViaService": "secretsmanager." + region + ".amazonaws.com", "kms:ResourceAliases": []string{givenKey}},
		policy: keyPolicy,
	}
}
