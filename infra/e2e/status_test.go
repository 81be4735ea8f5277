//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/status"
)

// operatorProgram is the built program bucketuser.
var operatorProgram = sync.OnceValues(func() (string, error) {
	file := filepath.Join(filepath.Dir(cloud.App), "bucketuser")
	build := exec.Command("go", "build", "-o", file, "./infra/cmd/bucketuser")
	build.Dir = root
	output, err := build.CombinedOutput()
	if err != nil {
		err = errors.Join(err, errors.New(string(output)))
	}
	return file, err
})

// operate runs the program as the account's root, and returns its exit status and what it prints.
func operate(t *testing.T, args ...string) (exit int, out, notes string) {
	t.Helper()
	return operateAs(t, cloudtest.RootCredentials(), args...)
}

func operateAs(t *testing.T, who aws.Credentials, args ...string) (exit int, out, notes string) {
	t.Helper()
	var o, n strings.Builder
	cmd := exec.CommandContext(t.Context(), cloudtest.Must(operatorProgram())(t), args...)
	cmd.Env = append(cloud.Env(), "AWS_ACCESS_KEY_ID="+who.AccessKeyID, "AWS_SECRET_ACCESS_KEY="+who.SecretAccessKey)
	cmd.Stdout, cmd.Stderr = &o, &n
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), o.String(), n.String()
}

// A watched stack is one whose status is asked for.
type watched struct {
	*row
	outputs map[string]string
	started time.Time
	rotator aws.Credentials // of who has the policy rotate.json
}

func (w watched) report() (exit int, r status.Report) {
	w.t.Helper()
	exit, out, notes := operate(w.t, "status", w.name, "--format", "json")
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		w.t.Fatalf("%v: %s%s", err, out, notes)
	}
	if exit != r.ExitCode {
		w.t.Errorf("exit status %d, the report says %d", exit, r.ExitCode)
	}
	return exit, r
}

// wantHealthy wants nothing but warnings, and returns them.
func (w watched) wantHealthy(after string) (warnings string) {
	w.t.Helper()
	exit, r := w.report()
	if bad := findings(r, status.Fault, status.Unknown); exit != 0 || bad != "" {
		w.t.Errorf("after %s: exit status %d:\n%s", after, exit, bad)
	}
	return findings(r, status.Warning)
}

// findings are those of some states, one a line.
func findings(r status.Report, states ...status.State) string {
	var lines []string
	for _, found := range r.Checks {
		if slices.Contains(states, found.State) {
			lines = append(lines, found.Check+": "+found.What)
		}
	}
	return strings.Join(lines, "\n")
}

// wantFault wants a fault to be named, with exit status 1, and returns it.
func (w watched) wantFault(check, text string) status.Finding {
	w.t.Helper()
	w.t.Logf("%3.0f s: %s: %s", time.Since(w.started).Seconds(), check, text)
	exit, r := w.report()
	return w.named(exit, r, check, text)
}

func (w watched) named(exit int, r status.Report, check, text string) status.Finding {
	w.t.Helper()
	for _, found := range r.Checks {
		if found.Check == check && found.State == status.Fault && strings.Contains(found.What, text) {
			if exit != 1 {
				w.t.Errorf("%q has exit status %d", text, exit)
			}
			return found
		}
	}
	w.t.Errorf("exit status %d, and nothing says %q of %s:\n%s", exit, text, check, findings(r, status.Fault, status.Unknown, status.Warning))
	return status.Finding{}
}

// obey runs commands that a finding gives, as they are printed. What make is needed for, an update does.
func (w watched) obey(found status.Finding) {
	w.t.Helper()
	path := filepath.Join(cloud.Tools.Clients) + ":/usr/bin:/bin"
	for _, command := range found.Commands {
		cloudtest.Run(w.t, w.dir, append(cloud.Env(), "PATH="+path), "/bin/sh", "-c", command)
	}
}
