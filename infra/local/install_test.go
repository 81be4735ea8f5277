package local

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// things is an installer of toolsets whose pins are in memory, and what it printed.
func things(t *testing.T) (installer, fstest.MapFS, *strings.Builder) {
	t.Helper()
	repository, out := fstest.MapFS{}, &strings.Builder{}
	for _, file := range []string{"a/pins", "b/pins", "b/programs/run", "b/programs/more/deep"} {
		repository[file] = &fstest.MapFile{Data: []byte("first")}
	}
	return installer{repository: repository, dir: t.TempDir(), out: out}, repository, out
}

// thing is a toolset that is installed by a shell script.
func thing(dir, script string, programs ...string) toolset {
	return toolset{
		dir: dir, name: "thing " + dir, megabytes: 3, download: 2, from: dir, programs: programs,
		registry: registry{
			pins: []string{"pins"}, needs: []string{"sh"}, probe: []string{"sh", "-c", "exit 0"}, hint: "install it",
			steps: [][]string{{"sh", "-c", script}}, reach: "look at the network",
			offline: regexp.MustCompile("no route"), unreached: "cannot be reached",
		},
	}
}

func exists(i installer, path ...string) bool {
	_, err := os.Stat(filepath.Join(append([]string{i.dir}, path...)...))
	return err == nil
}

func TestInstalledOnceUntilItsOwnPinsChange(t *testing.T) {
	i, repository, out := things(t)
	sets := []toolset{thing("a", "exit 0"), thing("b", "exit 0")}
	ensure := func() string {
		t.Helper()
		out.Reset()
		if err := i.ensure(t.Context(), sets); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	const a, b = "installing the thing a (3 MB)\n", "installing the thing b (3 MB)\n"
	const both = "to install, once: 4 MB to download, 6 MB on disk in .local/tools\n" + a + b
	const one = "to install, once: 2 MB to download, 3 MB on disk in .local/tools\n"
	if printed := ensure(); printed != both {
		t.Errorf("printed %q", printed)
	}
	if printed := ensure(); printed != "" {
		t.Errorf("installed again: %q", printed)
	}
	repository["b/pins"] = &fstest.MapFile{Data: []byte("second")}
	if printed := ensure(); printed != one+b {
		t.Errorf("other pins of b: %q", printed)
	}
	sets[0].registry.steps = [][]string{{"sh", "-c", "exit  0"}}
	if printed := ensure(); printed != one+a {
		t.Errorf("other steps of a: %q", printed)
	}
	if err := os.Rename(i.dir, i.dir+"-moved"); err != nil {
		t.Fatal(err)
	}
	i.dir += "-moved"
	if printed := ensure(); printed != both {
		t.Errorf("moved: %q", printed)
	}
}

func TestProgramsFollowTheRepositoryWithoutInstallation(t *testing.T) {
	i, repository, out := things(t)
	set := thing("b", "exit 0", "b/programs")
	for _, text := range []string{"first", "second"} {
		repository["b/programs/more/deep"] = &fstest.MapFile{Data: []byte(text)}
		if err := i.ensure(t.Context(), []toolset{set}); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(i.dir, "b", "programs", "more", "deep"))
		if err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	if !exists(i, "b", "programs", "run") || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("printed %q", out)
	}
}

func TestFailedInstallationIsRepeatedFromTheBeginning(t *testing.T) {
	i, _, _ := things(t)
	err := i.ensure(t.Context(), []toolset{thing("a", "touch half; echo broken; exit 1")})
	if err == nil {
		t.Fatal("no error")
	}
	for _, text := range []string{"thing a: ", "broken", "look at the network"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not say %q", err, text)
		}
	}
	if strings.Contains(err.Error(), "install it") {
		t.Errorf("%q advises to install what is there", err)
	}
	if exists(i, "a", stampFile) {
		t.Error("it left a stamp")
	}
	if err := i.ensure(t.Context(), []toolset{thing("a", "touch whole")}); err != nil {
		t.Fatal(err)
	}
	if exists(i, "a", "half") || !exists(i, "a", "whole") {
		t.Error("what was left half-made is part of the whole")
	}
}

// What pip and npm print without a network, as they print it.
func TestInstallationWithoutANetworkSaysSo(t *testing.T) {
	for output, r := range map[string]registry{
		"WARNING: Retrying (Retry(total=0)) after connection broken by 'ProxyError('Cannot connect to proxy.')': /simple/a/\nERROR: No matching distribution found for a==1": pypi(),
		"HTTPSConnectionPool: Failed to establish a new connection: [Errno 111] Connection refused":                                                                          pypi(),
		"NewConnectionError: [Errno -3] Temporary failure in name resolution":                                                                                                pypi(),
		"npm error code ECONNREFUSED\nnpm error FetchError: request to https://example.com failed":                                                                           npm(),
		"npm error code EAI_AGAIN": npm(),
	} {
		if !r.offline.MatchString(output) {
			t.Errorf("%s: is not taken for a want of the network", output)
		}
	}
	for output, r := range map[string]registry{
		"ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE": pypi(), "npm error code EINTEGRITY": npm(), "ENOSPC: no space left on device": npm(),
	} {
		if r.offline.MatchString(output) {
			t.Errorf("%s: is taken for a want of the network", output)
		}
	}
	i, _, _ := things(t)
	err := i.ensure(t.Context(), []toolset{thing("a", "echo no route; exit 1")})
	if err == nil || err.Error() != "thing a: cannot be reached\nno route" {
		t.Errorf("%v", err)
	}
}

// A toolset that was whole is not taken as whole after its next installation failed.
func TestFailedReinstallationLeavesNoStamp(t *testing.T) {
	i, repository, _ := things(t)
	if err := i.ensure(t.Context(), []toolset{thing("a", "exit 0")}); err != nil {
		t.Fatal(err)
	}
	repository["a/pins"] = &fstest.MapFile{Data: []byte("second")}
	if err := i.ensure(t.Context(), []toolset{thing("a", "exit 1")}); err == nil || exists(i, "a", stampFile) {
		t.Errorf("%v, stamp: %v", err, exists(i, "a", stampFile))
	}
}

func TestInterruptedInstallationSaysSo(t *testing.T) {
	i, _, _ := things(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := i.ensure(ctx, []toolset{thing("a", "exec sleep 60")})
	if !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "network") {
		t.Errorf("%v", err)
	}
	if exists(i, "a", stampFile) {
		t.Error("it left a stamp")
	}
}

// Half an hour of downloads is a bad time to learn that npm is missing.
func TestProgramsAreLookedForBeforeTheFirstInstallation(t *testing.T) {
	i, _, out := things(t)
	missing := thing("b", "exit 0")
	missing.registry.needs = []string{"no-such-program"}
	err := i.ensure(t.Context(), []toolset{thing("a", "exit 0"), missing})
	if err == nil || err.Error() != "thing b: no-such-program not found: install it" {
		t.Error(err)
	}
	old := thing("b", "exit 0")
	old.registry.probe = []string{"sh", "-c", "echo too old; exit 1"}
	err = i.ensure(t.Context(), []toolset{thing("a", "exit 0"), old})
	if err == nil || err.Error() != "thing b: sh: exit status 1: install it\ntoo old" {
		t.Error(err)
	}
	if out.Len() > 0 || exists(i, "a") {
		t.Errorf("installed before: %q", out)
	}
}

func TestInstallationsWaitForEachOther(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), file, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	impatient, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := lock(impatient, file, io.Discard); err == nil {
		t.Error("locked twice")
	}
	unlock()
	again, err := lock(t.Context(), file, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	again()
}
