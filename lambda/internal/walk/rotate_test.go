package walk_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
	"bucketuser/lambda/spec"
)

// rotationTimeout is the time that Lambda gives the function that rotates, so that it does not end at the instant of a retry.
const rotationTimeout = 10*time.Minute + 330*time.Millisecond

// service is Secrets Manager, which calls the function in a process of its own for each step.
func (g *ground) service(how smfake.How) smfake.Service {
	return smfake.Service{AWS: g.AWS, How: how, Invoke: func(ctx context.Context, payload []byte) error {
		session := g.AWS.Session("rotation")
		ctx, cancel := context.WithTimeout(ctx, rotationTimeout)
		defer cancel()
		stop := context.AfterFunc(ctx, session.Kill)
		defer stop()
		err := g.Rotates(session)(ctx, payload)
		if session.Killed() && err == nil {
			err = awsfake.Killed
		}
		return err
	}}
}

func drawHow(t *rapid.T) smfake.How {
	draw := func(what string) bool { return rapid.IntRange(0, 2).Draw(t, what) == 2 }
	return smfake.How{KeepsPending: draw("keeps AWSPENDING"), Anew: draw("anew"), Twice: draw("each step twice"), SnakeCase: draw("snake case"),
		ByName: draw("by name"), WithoutToken: draw("without a token"), GoesOn: draw("goes on"), Attempts: rapid.IntRange(1, 4).Draw(t, "attempts")}
}

// drawRotated chooses a stack whose secret Secrets Manager rotates.
func (w *walk) drawRotated(t *rapid.T) (*cfnfake.Stack, spec.Spec) {
	stack := w.drawStack(t, cfnfake.Live, cfnfake.UpdateFailed)
	s, err := w.ground.Parse(stack.ID, stack.Properties)
	if err != nil {
		t.Fatal(err)
	}
	secret := w.ground.AWS.Snapshot().Secrets[s.SecretName]
	if w.model.isForeign(s) || w.model.lostOf(s).secret || secret.Rotation == nil || !secret.Rotation.Enabled || secret.DeletedDays > 0 {
		t.Skip("it is not rotated")
	}
	return stack, s
}

// drawTrouble draws the order of calls, and what goes wrong with one of them.
func drawTrouble(t *rapid.T) trouble {
	f := trouble{seed: uint64(rapid.IntRange(0, 1<<20).Draw(t, "order"))}
	if rapid.IntRange(0, 2).Draw(t, "trouble") == 2 {
		f.hits = []sim.Hit{{At: rapid.IntRange(1, 40).Draw(t, "at"), Fault: rapid.SampledFrom(drawn).Draw(t, "fault")}}
	}
	return f
}

// rotate has Secrets Manager rotate a secret. Where nothing stands against it that ends with another key.
func (w *walk) rotate(t *rapid.T) {
	stack, s := w.drawRotated(t)
	how, f := drawHow(t), drawTrouble(t)
	w.plans = append(w.plans, fmt.Sprintf("rotation of stack %s: %+v, %+v", stack.Name, how, f))
	time.Sleep(rapid.SampledFrom([]time.Duration{20 * time.Second, forsaken}).Draw(t, "pause"))
	must := w.mustRotate(stack, s) && len(f.hits) == 0 && how.Attempts > 2
	was := idIn(w.ground.AWS.Snapshot().Secrets[s.SecretName], "AWSCURRENT")
	w.rotating(s)
	var err error
	w.ground.during(f, func() { err = w.ground.service(how).Rotate(t.Context(), s.SecretName) })
	if err == nil {
		w.rotated++
	}
	is := idIn(w.ground.AWS.Snapshot().Secrets[s.SecretName], "AWSCURRENT")
	switch {
	case must && err != nil:
		w.wrong = fmt.Errorf("a rotation that nothing stood against failed: %w", err)
	case must && is == was:
		w.wrong = fmt.Errorf("a rotation has left the key as it was")
	}
}

// rotateBeside has Secrets Manager rotate the secret of a stack beside what is going on, if it is rotated.
func (w *walk) rotateBeside(ctx context.Context, stack *cfnfake.Stack, how smfake.How) {
	s, err := w.ground.Parse(stack.ID, stack.Properties)
	secret := w.ground.AWS.Snapshot().Secrets[s.SecretName]
	if err != nil || w.model.isForeign(s) || w.model.lostOf(s).secret || secret.Rotation == nil || secret.DeletedDays > 0 {
		return
	}
	w.plans = append(w.plans, "rotation of stack "+stack.Name+" beside that")
	w.model.rotatesNow(s)
	w.rotations.Go(func() {
		if w.ground.service(how).Rotate(ctx, s.SecretName) == nil {
			w.rotated++
		}
	})
}

// mustRotate reports whether nothing stands against a rotation: the set is as its properties say.
func (w *walk) mustRotate(stack *cfnfake.Stack, s spec.Spec) bool {
	now, m := w.ground.AWS.Snapshot(), w.model
	return stack.Tried == nil && stack.State == cfnfake.Live && m.ofSet(s.PhysicalID) == 0 && !m.lostOf(s).any() && !isHindered(now, s) && now.Users[s.UserName].Boundary != ""
}

// rotating notes that a rotation takes place in this step.
func (w *walk) rotating(s spec.Spec) {
	m := w.model
	m.noteTheirs()
	m.rotatesNow(s)
}

// rotatesNow takes into account that a rotation takes place: the outputs of the resource say the key of the last event. What its proof
// writes stays where others forbid to delete it, or where a step is cut off.
func (m *model) rotatesNow(s spec.Spec) {
	m.isRotated[s.PhysicalID], m.isStale[s.PhysicalID] = true, true
	m.excuses.Give(sim.ProbeLeft, probeIn(s.BucketName))
	if isHindered(m.g.AWS.Snapshot(), s) {
		m.excuses.Give(sim.InTheWay, settingsOf(s.PhysicalID))
		m.excuses.Give(sim.InTheWay, markersIn(s.BucketName))
	}
}

// rotateStep has one step come, of a rotation that is begun now or was begun at any time.
func (w *walk) rotateStep(t *rapid.T) {
	stack, s := w.drawRotated(t)
	if len(w.begun) == 0 || rapid.Bool().Draw(t, "anew") {
		w.begun = append(w.begun, w.ground.AWS.BeginRotation(s.SecretName, rapid.Bool().Draw(t, "another token")))
	}
	begun := w.begun[len(w.begun)-1-rapid.IntRange(0, min(3, len(w.begun)-1)).Draw(t, "which")]
	step, f := rapid.SampledFrom(smfake.Steps()).Draw(t, "step"), drawTrouble(t)
	w.plans = append(w.plans, fmt.Sprintf("%s of %s, begun for stack %s: %+v", step, begun.Name, stack.Name, f))
	w.rotating(s)
	for _, other := range w.model.allSets() {
		if other.SecretName == begun.Name {
			w.rotating(other)
		}
	}
	w.ground.during(f, func() { _ = w.ground.service(smfake.How{}).Step(t.Context(), begun, step) }) // it may be refused
}

// cancelRotation has somebody turn the rotation of a secret off, in whatever state that leaves it.
func (w *walk) cancelRotation(t *rapid.T) {
	stack, s := w.drawRotated(t)
	w.plans = append(w.plans, "by hand: the rotation of stack "+stack.Name+" cancelled")
	w.ground.AWS.SetRotation(s.SecretName, "", 0)
	if rapid.Bool().Draw(t, "AWSPENDING taken off") {
		w.ground.AWS.MoveStage(s.SecretName, "AWSPENDING", "")
	}
	w.model.byHand[s.PhysicalID] = true
	w.model.touched()
}

// moveBack has somebody move AWSCURRENT back to the version that was current before.
func (w *walk) moveBack(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live)
	s, err := w.ground.Parse(stack.ID, stack.Properties)
	if err != nil {
		t.Fatal(err)
	}
	secret := w.ground.AWS.Snapshot().Secrets[s.SecretName]
	at := slices.IndexFunc(secret.Versions, func(v awsfake.SecretVersion) bool { return slices.Contains(v.Stages, "AWSPREVIOUS") })
	if at < 0 || secret.DeletedDays > 0 || w.model.isForeign(s) || secret.Tags[spec.TagBefore] == secret.Versions[at].ID {
		t.Skip("there is no version to go back to")
	}
	w.plans = append(w.plans, "by hand: AWSCURRENT of stack "+stack.Name+" moved back")
	w.ground.AWS.MoveStage(s.SecretName, "AWSCURRENT", secret.Versions[at].ID)
	w.model.byHand[s.PhysicalID], w.model.movedBack[s.SecretName] = true, true
	was := w.model.keyrings[s.UserName]
	w.model.touched()
	if is := idIn(w.ground.AWS.Snapshot().Secrets[s.SecretName], "AWSCURRENT"); is == was.previous {
		w.model.keyrings[s.UserName] = keyring{current: is, previous: was.current}
	}
}
