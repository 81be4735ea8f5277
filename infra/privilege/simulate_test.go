//go:build e2e

package privilege

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"

	"bucketuser/infra/local"
)

// A request is what AWS asks policies about one call: an action on a resource.
type request struct {
	action   string
	resource string
	account  string         // of the resource, "" for ours
	context  map[string]any // condition keys beyond those of every request
	policy   string         // of the resource, or ""
}

const roleARN = "arn:aws:sts::" + local.Account + ":assumed-role/provider/function"

// simulation is the input of the simulator, see @cloud-copilot/iam-simulate.
type simulation struct {
	Request struct {
		Principal string `json:"principal"`
		Action    string `json:"action"`
		Resource  struct {
			Resource  string `json:"resource"`
			AccountID string `json:"accountId"`
		} `json:"resource"`
		Context map[string]any `json:"contextVariables"`
	} `json:"request"`
	Identity   []namedPolicy   `json:"identityPolicies"`
	Boundaries []namedPolicy   `json:"permissionBoundaryPolicies,omitempty"`
	Resource   json.RawMessage `json:"resourcePolicy,omitempty"`
	Service    []namedPolicy   `json:"serviceControlPolicies"`
	Control    []namedPolicy   `json:"resourceControlPolicies"`
}

type namedPolicy struct {
	Name   string          `json:"name"`
	Policy json.RawMessage `json:"policy"`
}

func named(d document) namedPolicy { return namedPolicy{d.id, json.RawMessage(d.json())} }

// simulation is the request of a principal who has no policies.
func (r request) simulation(principal string) simulation {
	s := simulation{Identity: []namedPolicy{}, Service: []namedPolicy{}, Control: []namedPolicy{}}
	s.Request.Principal, s.Request.Action = principal, r.action
	s.Request.Resource.Resource, s.Request.Resource.AccountID = r.resource, r.account
	if r.account == "" {
		s.Request.Resource.AccountID = local.Account
	}
	s.Request.Context = map[string]any{
		"aws:SecureTransport": "true", "aws:ResourceAccount": s.Request.Resource.AccountID, "aws:RequestedRegion": region}
	if strings.HasPrefix(r.action, "s3:") && strings.HasPrefix(r.resource, "arn:aws:s3:::") {
		s.Request.Context["s3:ResourceAccount"] = s.Request.Resource.AccountID
	}
	maps.Copy(s.Request.Context, r.context)
	if r.policy != "" {
		s.Resource = json.RawMessage(r.policy)
	}
	return s
}

// hold gives the principal policies and a boundary. One that is empty is left out.
func (s *simulation) hold(policies []document, boundary document) {
	for _, d := range policies {
		if len(d.statements) > 0 {
			s.Identity = append(s.Identity, named(d))
		}
	}
	if boundary.id != "" {
		s.Boundaries = []namedPolicy{named(boundary)}
	}
}

// simulate has the simulator decide on requests of a principal, "" for nobody. For
// each it returns nil if it is allowed.
func simulate(t *testing.T, principal string, policies []document, boundary document, requests []request) []error {
	t.Helper()
	inputs := make([]simulation, len(requests))
	for i, r := range requests {
		inputs[i] = r.simulation(principal)
		if principal != "" {
			inputs[i].hold(policies, boundary)
		}
	}
	return decide(t, inputs)
}

// decide runs the simulator once for all inputs. For each it returns nil if it is allowed. A policy or
// request that the simulator does not take fails the test.
func decide(t *testing.T, inputs []simulation) []error {
	t.Helper()
	var outputs []struct {
		Result, Error string
		Ignored       []string
	}
	if err := check.Run(t.Context(), "simulate", inputs, &outputs); err != nil {
		t.Fatal(err)
	}
	results := make([]error, len(inputs))
	for i, out := range outputs {
		switch {
		case out.Error != "":
			asked := inputs[i].Request
			t.Errorf("%s on %s cannot be simulated: %s", asked.Action, asked.Resource.Resource, out.Error)
		case out.Result != "Allowed":
			results[i] = fmt.Errorf("%s", out.Result)
		}
	}
	return results
}
