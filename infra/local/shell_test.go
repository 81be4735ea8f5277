package local

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// shellOf writes env.sh and cdk for an embedded AWS that does not run. Its cdk CLI prints its arguments.
func shellOf(t *testing.T) (a *AWS, s Shell) {
	t.Helper()
	a = awkward(t)
	for _, folder := range []string{filepath.Dir(a.tools.CDK), filepath.Join(a.dir, "root")} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	a.tools.CDK = filepath.Join(a.dir, "the cdk CLI")
	if err := os.WriteFile(a.tools.CDK, []byte("#!/bin/sh\nfor word; do printf '%s|' \"$word\"; done; echo \"$AWS_ENDPOINT_URL $BUCKETUSER_CODE\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s = Shell{Root: filepath.Join(a.dir, "root"), App: a.dir + "/app"}
	if err := a.writeRecord(); err != nil {
		t.Fatal(err)
	}
	if err := a.WriteShell(s); err != nil {
		t.Fatal(err)
	}
	return a, s
}

// typed is what a shell prints that has sourced env.sh.
func typed(t *testing.T, a *AWS, dir, line string) (string, error) {
	t.Helper()
	cmd := exec.Command("sh", "-e", "-u", "-c", `. "$1"; `+line, "sh", filepath.Join(a.dir, "env.sh"))
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// In the folder of the repository cdk has what the demo deploys with, and what is typed comes after it, and counts.
func TestShellsCDKDeploysAsTheDemoDoes(t *testing.T) {
	a, s := shellOf(t)
	if err := a.WriteContext([]string{"-c", "keySerial=2", "-c", "previousKey=Delete"}); err != nil {
		t.Fatal(err)
	}
	app, where := "--app|"+s.App+"|", a.Endpoint+" "+a.dir+"/function"
	last := app + "-c|onDelete=Purge|-c|keySerial=2|-c|previousKey=Delete|"
	for line, want := range map[string]string{
		"cdk deploy BucketUser -c onDelete=Retain": last + "deploy|BucketUser|-c|onDelete=Retain|" + where,
		"cdk diff":                          last + "diff|" + where,
		"cdk deploy -c keySerial=3":         app + "-c|onDelete=Purge|deploy|-c|keySerial=3|" + where,
		"cdk deploy B -c stackName=B":       app + "-c|onDelete=Purge|deploy|B|-c|stackName=B|" + where,
		"cdk deploy P -c provider=true":     app + "deploy|P|-c|provider=true|" + where,
		"cdk deploy --app 'my app' Mine":    "deploy|--app|my app|Mine|" + where,
		"AWS_ENDPOINT_URL=https://x cdk ls": last + "ls|" + where, // of one that has ended
		"cd ..; cdk deploy Mine":            "deploy|Mine|" + where,
	} {
		if got, err := typed(t, a, s.Root, line); err != nil || got != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", line, err, got, want)
		}
	}
}

func TestShellsCDKSaysThatNothingIsUp(t *testing.T) {
	a, s := shellOf(t)
	got, err := typed(t, a, s.Root, `rm "${1%env.sh}aws.json"; cdk diff`)
	if err == nil || !strings.Contains(got, "open a new shell") {
		t.Errorf("%v: %s", err, got)
	}
	if hadShell, err := Forget(a.dir); err != nil || !hadShell {
		t.Errorf("forget: %v, %v", hadShell, err)
	}
	if hadShell, err := Forget(a.dir); err != nil || hadShell {
		t.Errorf("forget again: %v, %v", hadShell, err)
	}
	if got, err := exec.Command(ShellCDK(a.dir), "diff").CombinedOutput(); err == nil || !strings.Contains(string(got), "open a new shell") {
		t.Errorf("a shell that has it in PATH: %v: %s", err, got)
	}
}
