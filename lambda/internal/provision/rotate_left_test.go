package provision_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/history"
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// What earlier versions have left is rotated, and they do no harm beside that: requirement 11.

// Requirement 11: each set that an earlier version has left gets a schedule by an Update, is rotated, gets a key by KeySerial, and is deleted.
func TestR11EarlierSetIsRotated(t *testing.T) {
	for _, version := range versions(t) {
		for _, s := range starts() {
			l, ok := readLeft(t, version, s)
			if !ok || l.Live == nil || !strings.HasSuffix(l.Status, "_COMPLETE") {
				continue
			}
			t.Run(version+" "+s.name, func(t *testing.T) {
				inRegion(t, s.inRegion(), func(w *bench) {
					w.Provider.RotationFunctionARN = strings.Replace(sim.RotationFunction, "eu-west-1", s.inRegion(), 1)
					w.restore(l)
					w.rotatesLeft(l.Live)
					w.leaked()
				})
			})
		}
	}
}

// rotatesLeft carries out what rotation does to a set that another version has left.
func (w *bench) rotatesLeft(p sim.Properties) {
	w.t.Helper()
	passes(time.Hour)
	key := func() string { return w.value(p)["AWS_ACCESS_KEY_ID"] }
	first, on := key(), plus(p, "RotateAfterDays", "30")
	w.anew()
	w.succeeded(w.update(w.idOf(p), on, p))
	if key() != first {
		w.t.Error("the schedule makes a key")
	}
	if err := w.manager(w.AWS.Session("rotation"), smfake.How{}).Rotate(w.t.Context(), w.parse(p).SecretName); err != nil {
		w.t.Fatalf("rotation: %v", err)
	}
	second := key()
	w.holdsKeys(p, first, second)
	passes(time.Hour)
	higher := plus(on, "KeySerial", "1")
	w.anew()
	w.succeeded(w.update(w.idOf(p), higher, on))
	w.holdsKeys(p, second, key())
	if w.value(p)["BUCKETUSER_KEY_SERIAL"] != "1" || key() == second {
		w.t.Errorf("key %s, then %s of serial %q", second, key(), w.value(p)["BUCKETUSER_KEY_SERIAL"])
	}
	w.anew()
	w.succeeded(w.update(w.idOf(p), p, higher)) // as a rollback
	w.holdsKeys(p, second, key())
	w.AWS.DeleteBucket(w.parse(p).BucketName) // whether it holds data is not the matter here
	w.succeeded(w.delete(w.idOf(p), p))
	w.gone(p)
}

// Requirement 11: format 2 is written with the first rotation, previous key or schedule, before anything is made that a function
// of format 1 would sweep, and never lowered.
func TestR11Format(t *testing.T) {
	for name, do := range map[string]func(w *bench){
		"nothing":  func(w *bench) { w.created(named); w.updatesAgain(named) },
		"schedule": func(w *bench) { w.created(rotated); w.updates(named, rotated) },
		"KeySerial": func(w *bench) {
			w.created(named)
			w.updates(raised("1", named), named)
			w.updates(named, raised("1", named))
		},
		"repair":   func(w *bench) { w.created(named); passes(time.Hour); w.corrupts(named); w.updatesAgain(named) },
		"rotation": func(w *bench) { w.created(rotated); w.rotate(smfake.How{}); w.updates(named, rotated) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.AWS.Before = within(1, isRotation, func() {
					if w.secretTag("format") != "2" {
						t.Errorf("a rotation writes in format %s", w.secretTag("format"))
					}
				})
				do(w)
				if want := map[bool]string{true: "1", false: "2"}[name == "nothing"]; w.secretTag("format") != want {
					t.Errorf("format %s, want %s", w.secretTag("format"), want)
				}
			})
		})
	}
}

// isRotation reports whether a call makes something that a function of format 1 would spoil.
func isRotation(c awsfake.Call) bool {
	return c.Operation == "RotateSecret" || isMove(c) || ofRotation(c) && (c.Operation == "PutSecretValue")
}

// beside is a test of the earlier version: it goes on with what this one has left by an Update, and writes what is there then.
const beside = `package provision_test

import (
	"encoding/json"
	"os"
	"testing"
)

func TestBeside(t *testing.T) {
	var l left
	text, err := os.ReadFile(os.Getenv("BESIDE"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &l); err != nil {
		t.Fatal(err)
	}
	inRegion(t, "eu-west-1", func(w *world) {
		w.restore(l)
		for _, p := range []properties{with("Access", "Full", "OnDelete", "Purge"), named} {
			if a := w.update(l.PhysicalID, p, l.Live); a.Status != "SUCCESS" {
				t.Fatalf("%+v", a)
			}
			l.Live = p
		}
		l.Sent, l.Account = w.sent.at, w.aws.Snapshot()
	})
	if text, err = json.Marshal(l); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(os.Getenv("BESIDE"), text, 0o644); err != nil {
		t.Fatal(err)
	}
}
`

// Requirement 11: the function of 0.1.0, built from its commit, updates a set that was rotated. It mints, sweeps and commits
// nothing, and what it changes beside that this version goes on with.
func TestR11EarlierFunctionBesideARotatedSet(t *testing.T) {
	if testing.Short() {
		t.Skip("builds an earlier version")
	}
	released, err := history.Versions(root)
	if err != nil {
		t.Fatal(err)
	}
	v := released[slices.IndexFunc(released, func(v history.Version) bool { return v.Name == "0.1.0" })]
	folder := t.TempDir()
	if err := history.CheckOut(t.Context(), root, v, folder); err != nil {
		t.Fatal(err)
	}
	for name, make := range map[string]func(w *bench){
		"rotated":       func(w *bench) { w.rotate(smfake.How{}) },
		"under way":     func(w *bench) { w.begins(false).does(smfake.CreateSecret) },
		"both":          func(w *bench) { w.rotate(smfake.How{}); passes(time.Hour); w.begins(false).does(smfake.CreateSecret) },
		"raised":        func(w *bench) { w.updates(raised("1", rotated), rotated) },
		"schedule only": func(*bench) {},
	} {
		t.Run(name, func(t *testing.T) {
			var l left
			inWorld(t, func(w *bench) {
				w.created(rotated)
				passes(time.Hour)
				make(w)
				l = left{Live: named, Sent: w.sent.signer.Last, Account: w.AWS.Snapshot()}
				l.Status, l.PhysicalID = w.AWS.ResourceStatus(w.stackID, sim.LogicalID)
			})
			after := l.goesOn(t, folder)
			if diff := cmp.Diff(keysAndValues(l.Account), keysAndValues(after.Account)); diff != "" {
				t.Errorf("value and keys (-before +after)\n%s", diff)
			}
			inWorld(t, func(w *bench) {
				w.restore(after)
				w.AWS.SetRotation("clickhouse/s3", sim.RotationFunction, 30)
				passes(time.Hour)
				w.updates(rotated, named)
				w.isServedAfterwards(rotated)
			})
		})
	}
}

// goesOn has an earlier version go on with what is left, in the folder of its files.
func (l left) goesOn(t *testing.T, folder string) (after left) {
	t.Helper()
	text, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	file, under := filepath.Join(folder, "beside.json"), filepath.Join(folder, "lambda/internal/provision")
	for name, content := range map[string][]byte{file: text, filepath.Join(under, "beside_test.go"): []byte(beside)} {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "test", "-C", under, "-count=1", "-run", "^TestBeside$", ".")
	cmd.Env = append(os.Environ(), "BESIDE="+file)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, output)
	}
	if text, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &after); err != nil {
		t.Fatal(err)
	}
	return after
}
