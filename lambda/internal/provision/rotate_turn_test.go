package provision_test

import (
	"context"
	"encoding/json"
	"hash/crc32"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// What the rows about rotation share: a rotation whose steps the test sends itself, and what must hold of keys.

// A turn is a rotation that Secrets Manager has begun.
type turn struct {
	w       *bench
	manager smfake.Service
	begun   awsfake.Begun
}

// begins has Secrets Manager begin a rotation, or go on with the one that has AWSPENDING, unless it is to begin anew.
func (w *bench) begins(anew bool) turn {
	w.t.Helper()
	t := turn{w, w.manager(w.AWS.Session("rotation"), smfake.How{}), w.AWS.BeginRotation("clickhouse/s3", anew)}
	if t.begun.Token == "" {
		w.t.Fatal("the secret is not rotated")
	}
	return t
}

// step calls the function for one step.
func (t turn) step(step smfake.Step) error {
	t.w.t.Helper()
	return t.manager.Step(t.w.t.Context(), t.begun, step)
}

// does calls the function for steps, and fails the test unless each succeeds.
func (t turn) does(steps ...smfake.Step) turn {
	t.w.t.Helper()
	for _, step := range steps {
		if err := t.step(step); err != nil {
			t.w.t.Fatalf("%s: %v\n%s", step, err, t.w.Log.String())
		}
	}
	return t
}

// fails calls the function for a step, and fails the test unless that ends with an error that says why.
func (t turn) fails(step smfake.Step, why string) turn {
	t.w.t.Helper()
	if err := t.step(step); err == nil || !strings.Contains(err.Error(), why) {
		t.w.t.Errorf("%s: %v, want %q", step, err, why)
	}
	return t
}

// key is the id of the key in the value under the token, or "".
func (t turn) key() string {
	t.w.t.Helper()
	var fields map[string]any
	for _, version := range t.w.AWS.Snapshot().Secrets["clickhouse/s3"].Versions {
		if version.ID == t.begun.Token && !version.Empty && json.Unmarshal([]byte(version.Value), &fields) != nil {
			t.w.t.Fatalf("the version of the rotation holds %q", version.Value)
		}
	}
	id, _ := fields["AWS_ACCESS_KEY_ID"].(string)
	return id
}

// raised is an Update that raises KeySerial, with other properties of before.
func raised(serial string, p sim.Properties, pairs ...any) sim.Properties {
	return plus(p, append([]any{"KeySerial", serial}, pairs...)...)
}

// updates plays an Update in place that must succeed, and returns the key that it answers.
func (w *bench) updates(p, old sim.Properties) string {
	w.t.Helper()
	w.anew()
	return w.succeeded(w.update(w.idOf(p), p, old)).Data["AccessKeyId"]
}

// hasKeys fails the test unless the user has exactly these keys, in whatever order, all active.
func (w *bench) hasKeys(ids ...string) {
	w.t.Helper()
	var have []string
	for _, key := range w.AWS.Snapshot().Users["clickhouse"].Keys {
		if have = append(have, key.ID); !key.Active {
			w.t.Errorf("key %s is inactive", key.ID)
		}
	}
	want := slices.Clone(ids)
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		w.t.Fatalf("the user has the keys %v, want %v\n%s", have, want, w.Log.String())
	}
}

// works fails the test unless the key of the current value works, and all of these do.
func (w *bench) works(ids ...string) {
	w.t.Helper()
	keys, fields := w.AWS.Snapshot().Users["clickhouse"].Keys, w.value(named)
	if !slices.Contains(keys, awsfake.AccessKey{ID: fields["AWS_ACCESS_KEY_ID"], Secret: fields["AWS_SECRET_ACCESS_KEY"], Active: true}) {
		w.t.Errorf("the value names key %q, which does not work", fields["AWS_ACCESS_KEY_ID"])
	}
	for _, id := range ids {
		if !slices.ContainsFunc(keys, func(k awsfake.AccessKey) bool { return k.ID == id && k.Active }) {
			w.t.Errorf("key %s does not work any more", id)
		}
	}
}

// holds fails the test unless the current value names a key of an id.
func (w *bench) holds(id string) {
	w.t.Helper()
	if current := w.value(named)["AWS_ACCESS_KEY_ID"]; current != id || id == "" {
		w.t.Errorf("the value names key %q, want %q", current, id)
	}
	w.works(id)
}

// secretTag is a tag of the secret.
func (w *bench) secretTag(key string) string {
	return w.AWS.Snapshot().Secrets["clickhouse/s3"].Tags["bucketuser:"+key]
}

// versionWith is the id of the version of the secret that has a label, or "".
func (w *bench) versionWith(label string) string {
	for _, version := range w.AWS.Snapshot().Secrets["clickhouse/s3"].Versions {
		if slices.Contains(version.Stages, label) {
			return version.ID
		}
	}
	return ""
}

// isPending reports whether a version other than the current one has AWSPENDING.
func (w *bench) isPending() bool {
	pending := w.versionWith("AWSPENDING")
	return pending != "" && pending != w.versionWith("AWSCURRENT")
}

// textOf is a value with fields.
func (w *bench) textOf(fields map[string]string) string {
	w.t.Helper()
	text, err := json.Marshal(fields)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// called is how often an operation was called.
func (w *bench) called(operation string) (count int) {
	for _, name := range w.operations() {
		if name == operation {
			count++
		}
	}
	return count
}

// within calls do at the n-th of the calls that are meant, before it takes effect.
func within(n int, isMeant func(awsfake.Call) bool, do func()) hook {
	var calls atomic.Int32
	return func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if isMeant(c) && calls.Add(1) == int32(n) {
			do()
		}
		return awsfake.Decision{}
	}
}

// ofProvider reports whether a call is of an event of CloudFormation.
func ofProvider(c awsfake.Call) bool { return strings.HasPrefix(c.Session, "provider") }

// ofRotation reports whether a call is of a step.
func ofRotation(c awsfake.Call) bool { return strings.HasPrefix(c.Session, "rotation") }

// passes lets time go by, of which the keys and values that are there grow older.
func passes(d time.Duration) { <-time.After(d) }

// isServedAfterwards plays what may follow at any time: a rotation, an Update that raises KeySerial, and a Delete. No
// key is left over, and each of them works for as long as it should.
func (w *bench) isServedAfterwards(p sim.Properties) {
	w.t.Helper()
	passes(time.Hour)
	w.updates(plus(p, "Trigger", "served"), p)
	was, _ := w.keysInUse()
	w.works()
	if p["RotateAfterDays"] != nil {
		w.rotate(smfake.How{Attempts: 2}) // what is left of one that was overtaken fails first
		now, all := w.keysInUse()
		w.works(was)
		if now == was || len(all) != 2 {
			w.t.Errorf("after a rotation from %s the value names %s, of %v", was, now, all)
		}
		was = now
	}
	passes(time.Hour)
	q := raised("900", p, "PreviousKey", "Keep")
	if now := w.updates(q, p); now == was {
		w.t.Error("a raised KeySerial makes no key")
	}
	w.works(was)
	if _, all := w.keysInUse(); len(all) != 2 {
		w.t.Errorf("keys: %v", all)
	}
	w.succeeded(w.delete(w.idOf(p), q))
	w.empty()
}

// A crossing plays something at the n-th call of something else, in a world of its own for each call there is.
type crossing struct {
	start   func(w *bench) turn
	outer   func(w *bench, is turn)
	isMeant func(awsfake.Call) bool // of the outer one
	inner   func(w *bench, is turn)
	then    func(w *bench, is turn)
}

func (c crossing) at(t *testing.T, n int) (isReached bool) {
	t.Helper()
	inWorld(t, func(w *bench) {
		is := c.start(w)
		w.AWS.Before = within(n, c.isMeant, func() { isReached = true; c.inner(w, is) })
		c.outer(w, is)
		w.AWS.Before = nil
		if isReached {
			c.then(w, is)
		}
	})
	return isReached
}

// plays it at every fourth call, another one for each name, or at each with -all. It reports at which one it failed.
func (c crossing) plays(t *testing.T) {
	t.Helper()
	long(t)
	n, step := 1+drawn(t, 4), 4
	if *isAll {
		n, step = 1, 1
	}
	start := n
	for c.at(t, n) && !t.Failed() {
		n += step
	}
	if t.Failed() || n == start {
		t.Errorf("at call %d", n)
	}
}

// drawn is a number below a limit, another one for each name of a test.
func drawn(t *testing.T, limit int) int {
	return int(crc32.ChecksumIEEE([]byte(t.Name())) % uint32(limit))
}

// oneOf skips a test but for one of so many by their names, and in a short run; -all has each.
func oneOf(t *testing.T, limit int) {
	t.Helper()
	long(t)
	if !*isAll && drawn(t, limit) > 0 {
		t.Skip("one of several")
	}
}
