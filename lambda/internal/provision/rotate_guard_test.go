package provision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// What a step is refused for beside the identity of the set: A26, A37, and requirement 4.

// Requirement 4: patterns of the provider, and rotation that was turned off, refuse as well.
func TestR4ProviderAndSchedule(t *testing.T) {
	for name, change := range map[string]func(*bench){
		"pattern of secrets": func(w *bench) { w.Provider.SecretNamePattern = "other/*" },
		"pattern of buckets": func(w *bench) { w.Provider.BucketNamePattern = "other-*" },
		"another path":       func(w *bench) { w.Provider.IAMPath = "/other/" },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(rotated)
				change(w)
				w.rotatesNothing("clickhouse/s3", "")
			})
		})
	}
	inWorld(t, func(w *bench) {
		w.created(rotated)
		turn := w.begins(false)
		w.AWS.SetRotation("clickhouse/s3", "", 0)
		was := w.AWS.Snapshot()
		for _, step := range smfake.Steps() {
			turn.fails(step, "is not rotated by this function")
		}
		w.unchanged(was)
	})
}

// Requirement 4: a token that is not that of the rotation under way changes nothing. One that has become current, now or
// before, succeeds.
func TestR4Token(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(rotated)
		old := w.begins(false).does(smfake.Steps()...)
		w.AWS.EndRotation(old.begun, false)
		was := w.AWS.Snapshot()
		old.does(smfake.Steps()...)
		w.unchanged(was)
		passes(time.Hour)
		next := w.begins(false)
		was = w.AWS.Snapshot()
		old.does(smfake.Steps()...)
		unknown := turn{w, next.manager, next.begun}
		unknown.begun.Token = "5ec3e700-0000-4000-8000-aaaaaaaaaaaa"
		first := turn{w, next.manager, next.begun}
		for _, version := range was.Secrets["clickhouse/s3"].Versions {
			if !slices.Contains(version.Stages, "AWSPENDING") && version.ID != old.begun.Token {
				first.begun.Token = version.ID // has AWSPREVIOUS
			}
		}
		for _, step := range smfake.Steps() {
			unknown.fails(step, "the token is not that of the rotation under way")
			first.does(step)
		}
		w.unchanged(was)
		next.does(smfake.Steps()...)
		w.AWS.EndRotation(next.begun, false)
		was = w.AWS.Snapshot()
		for _, step := range smfake.Steps() { // two rotations later it has no label
			first.fails(step, "the token is not that of the rotation under way")
		}
		w.unchanged(was)
	})
}

// A26: a user whom IAM shows without a boundary gets no key by a rotation. With the boundary put back it does.
func TestA26RotationIsRefused(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(rotated)
		passes(time.Hour)
		w.AWS.SetBoundary("clickhouse", "")
		turn := w.begins(false)
		was := w.AWS.Snapshot()
		turn.fails(smfake.CreateSecret, "put-user-permissions-boundary")
		w.unchanged(was)
		w.AWS.SetBoundary("clickhouse", sim.Boundary)
		turn.does(smfake.Steps()...)
		w.works()
	})
}

// A26, with two keys: none is deleted to make room for one that is not made.
func TestA26RotationMakesNoRoom(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(rotated)
		w.rotate(smfake.How{})
		passes(time.Hour)
		w.AWS.SetBoundary("clickhouse", "")
		turn := w.begins(false)
		was := w.AWS.Snapshot()
		turn.fails(smfake.CreateSecret, "put-user-permissions-boundary")
		w.unchanged(was)
	})
}

// A37: a prefix is taken from the value, whatever characters it has, and stays as it is.
func TestA37PrefixOfAnyCharacters(t *testing.T) {
	for _, prefix := range []string{"data/", "a=1,b:2/", "a b%41 c/", "<&>'/", "a!(b)@/", strings.Repeat("x/", 128)} {
		for _, access := range []string{"ReadWrite", "ReadOnly", "Full"} {
			t.Run(prefix[:min(len(prefix), 20)]+access, func(t *testing.T) {
				inWorld(t, func(w *bench) { w.keepsPrefix(prefix, access) })
			})
		}
	}
}

// keepsPrefix rotates a set with a prefix, of which all but the key stays.
func (w *bench) keepsPrefix(prefix, access string) {
	w.t.Helper()
	p := with("RotateAfterDays", "30", "Prefix", prefix, "Access", access)
	w.created(p)
	was := w.value(named)
	w.rotate(smfake.How{})
	now := w.value(named)
	for _, changes := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		if now[changes] == was[changes] {
			w.t.Errorf("%s stays", changes)
		}
		delete(was, changes)
		delete(now, changes)
	}
	if diff := cmp.Diff(was, now); diff != "" {
		w.t.Errorf("fields (-before +after)\n%s", diff)
	}
}

// Requirement 4: names that were given and generated, in each combination.
func TestR4EachCombinationOfNames(t *testing.T) {
	for given := range 8 {
		p := sim.Properties{"RotateAfterDays": "30"}
		for i, name := range []string{"BucketName", "UserName", "SecretName"} {
			if given&(1<<i) != 0 {
				p[name] = named[name]
			}
		}
		inWorld(t, func(w *bench) {
			w.created(p)
			was := w.value(p)["AWS_ACCESS_KEY_ID"]
			if err := w.manager(w.AWS.Session("rotation"), smfake.How{}).Rotate(w.t.Context(), w.parse(p).SecretName); err != nil {
				t.Fatalf("%v: %v", p, err)
			}
			if now := w.value(p)["AWS_ACCESS_KEY_ID"]; now == was {
				t.Errorf("%v: the key stays", p)
			}
			w.holdsKeys(p, was, w.value(p)["AWS_ACCESS_KEY_ID"])
		})
	}
}
