//go:build e2e

package local_test

import (
	"os/exec"
	"strings"
	"testing"
)

// correction is one difference from AWS that the launcher corrects. Its check
// says how the emulator differs from AWS, and fails the test where it cannot say.
type correction struct {
	name  string
	check func(*testing.T, *emulator) error
}

func corrections() []correction {
	var all []correction
	for _, group := range [][]correction{
		ruleCorrections(), serverCorrections(), authorizationCorrections(), keyCorrections(), stackCorrections(), deliveryCorrections(),
		resourceCorrections(), deployerCorrections(), rotationCorrections(),
	} {
		all = append(all, group...)
	}
	return all
}

func TestCorrectedEmulatorBehavesAsAWS(t *testing.T) {
	for _, c := range corrections() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if difference := c.check(t, corrected); difference != nil {
				t.Error(difference)
			}
		})
	}
}

// A correction that the published emulator no longer needs has to go.
func TestStockEmulatorStillNeedsEachCorrection(t *testing.T) {
	for _, c := range corrections() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			difference := c.check(t, stock)
			if difference == nil {
				t.Fatal("the stock emulator behaves as AWS here: remove the correction")
			}
			t.Log(difference)
		})
	}
}

// A correction of a function that has changed must not be put in place silently.
func TestLauncherEndsAtAMinistackOfAnotherShape(t *testing.T) {
	for name, c := range map[string]struct{ ministack, message string }{
		"the function is gone":       {"def other(a, b=1): pass", "ministack has no target"},
		"it takes another parameter": {"def target(a, b=1, c=2): pass", "of ministack takes"},
		"it has another default":     {"def target(a, b=2): pass", "of ministack takes"},
		"it is the same":             {"def target(a, b=1): pass", ""},
	} {
		t.Run(name, func(t *testing.T) {
			script := "import sys\nsys.path.insert(0, sys.argv[1])\nfrom corrections.correct import corrects\n" +
				c.ministack + "\n@corrects(globals(), name='target')\ndef correction(original, a, b=1): pass\n"
			out, err := exec.Command(corrected.Tools.Emulator, "-c", script, corrected.Tools.Launcher).CombinedOutput()
			if (err == nil) != (c.message == "") || !strings.Contains(string(out), c.message) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
