package main

import (
	"testing"

	"bucketuser/infra/internal/values"
)

// What is said leads to a deployment that changes nothing. The command line wins over the file, and so has to be left out.
func TestHowToKeepWhatIsDeployed(t *testing.T) {
	for name, test := range map[string]struct {
		line           string
		kept           values.Section
		deployed, next m
		want           string
	}{
		"generated, by CONTEXT": {"deploy -stack A -- -c userName=other", nil, m{}, m{"UserName": "other"},
			"to keep what is deployed, leave out -c userName=other"},
		"generated, by the file": {"deploy -stack A", values.Section{"UserName": "other"}, m{}, m{"UserName": "other"},
			"to keep what is deployed, write into values.yaml:\n\nA:\n  UserName: null\n"},
		"as the file has it": {"deploy -stack A -- -c userName=other", values.Section{"UserName": "mine"}, m{"UserName": "mine"}, m{"UserName": "other"},
			"to keep what is deployed, leave out -c userName=other"},
		"forgotten besides": {"deploy -stack A -- --context=userName=other", nil, m{"UserName": "mine"}, m{"UserName": "other"},
			"to keep what is deployed, leave out -c userName=other, and write into values.yaml:\n\nA:\n  UserName: mine\n"},
		"both": {"deploy -stack A -- -c userName=other", nil, m{"SecretName": "s"}, m{"UserName": "other"},
			"to keep what is deployed, leave out -c userName=other, and write into values.yaml:\n\nA:\n  SecretName: s\n"},
		"default, by the file": {"deploy -stack A", values.Section{"Prefix": "a/"}, m{}, m{"Prefix": "a/"},
			"to keep what is deployed, write into values.yaml:\n\nA:\n  Prefix: data/\n"},
	} {
		d, err := parsed(test.line)
		if err != nil {
			t.Fatal(name, err)
		}
		d.kept = test.kept
		changes := changesOf(test.deployed, test.next, []string{"Prefix", "UserName"})
		for i, c := range changes {
			if c.leaves() {
				changes[i].strands = "objects stay"
			}
		}
		if got := d.keep(asked(changes, nil)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
