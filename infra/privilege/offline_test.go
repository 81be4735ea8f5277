//go:build e2e

package privilege

import (
	"fmt"
	"slices"
	"testing"

	"bucketuser/infra/local"
)

// simulatedWant says if the simulator does not see the difference that a right makes.
func simulatedWant(t *testing.T, d drop, documents []document) error {
	t.Helper()
	var cases []request
	for _, r := range requestsOfServices {
		if d.action == "" && slices.ContainsFunc(actionsOf(d, documents), func(a string) bool { return a == r.action }) || r.action == d.action {
			cases = append(cases, r)
		}
	}
	if len(cases) == 0 {
		return fmt.Errorf("no request is known that asks for it")
	}
	with := simulate(t, roleARN, documents, document{}, cases)
	without := simulate(t, roleARN, d.without(documents), document{}, cases)
	for i := range cases {
		if with[i] != nil {
			return fmt.Errorf("%s is refused with it: %w", cases[i].action, with[i])
		}
		if without[i] == nil {
			return fmt.Errorf("%s is allowed without it: a right too many", cases[i].action)
		}
	}
	return nil
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
