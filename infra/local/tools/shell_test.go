package main

import (
	"net"
	"strings"
	"testing"
)

// reserved returns the endpoint of a listener, which is closed if it is to answer no more.
func reserved(t *testing.T, isUp bool) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if isUp {
		t.Cleanup(func() { listener.Close() })
	} else {
		listener.Close()
	}
	return "https://" + listener.Addr().String()
}

// In a shell of a demo that has ended nothing is asked of anybody, and what leads on is said.
func TestShellOfADemoThatHasEnded(t *testing.T) {
	up, ended := reserved(t, true), reserved(t, false)
	for name, test := range map[string]struct{ endpoint, demo, want string }{
		"own account":       {"", "", ""},
		"own, demo is up":   {"", up, ""},
		"demo":              {up, up, ""},
		"elsewhere":         {"https://aws.example.com", "", ""},
		"ended":             {ended, "", "is no longer up: open a new shell for your own account, or start it again with make demo"},
		"ended, another up": {ended, up, "is no longer up, and another one is: . .local/env.sh leads to that"},
	} {
		t.Setenv(endpointVariable, test.endpoint)
		if err := checkShell(t.Context(), test.demo); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", name, err, test.want)
		}
	}
	t.Setenv(endpointVariable, ended)
	if _, _, err := environment(t.Context(), "", t.TempDir()); err == nil || !strings.Contains(err.Error(), "open a new shell") {
		t.Errorf("make status: %v", err)
	}
	d := deployment{command: "deploy"}
	if _, _, err := d.caller(t.Context(), t.TempDir()); err == nil || !strings.HasPrefix(err.Error(), "make deploy: the embedded AWS of this shell is no longer up") {
		t.Errorf("make deploy: %v", err)
	}
}

// Who is not in the demo's shell is told of it while the demo is up, and nobody else.
func TestNotesOfTheDemo(t *testing.T) {
	const demo, goes, commands = "https://127.0.0.1:4566", "goes to AWS: after . .local/env.sh it", "for the demo: before them run . .local/env.sh\n"
	env := []string{"PATH=/bin", endpointVariable + "=" + demo}
	for name, test := range map[string]struct{ endpoint, demo, command, want string }{
		"plain shell":              {"", demo, "status", goes + commands},
		"plain shell, credentials": {"", demo, "credentials", goes},
		"shell of another":         {"https://127.0.0.1:4567", demo, "rotate", commands},
		"the demo's":               {demo, demo, "status", ""},
	} {
		t.Setenv(endpointVariable, test.endpoint)
		var deploying, asking strings.Builder
		noteOfDemo(test.demo, &deploying)
		noteOfCommands(test.command, env, &asking)
		for text, said := range map[string]string{goes: deploying.String(), commands: asking.String()} {
			if isWanted := strings.Contains(test.want, text); strings.Contains(said, text) != isWanted || !isWanted && said != "" {
				t.Errorf("%s: %q", name, said)
			}
		}
	}
	t.Setenv(endpointVariable, "")
	var none strings.Builder
	if noteOfDemo("", &none); none.String() != "" {
		t.Errorf("without a demo: %s", &none)
	}
}
