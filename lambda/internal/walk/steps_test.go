package walk_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/spec"
)

func (w *walk) create(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.None)
	if rapid.Bool().Draw(t, "in a new stack") {
		i := slices.Index(w.model.stacks, stack)
		stack = w.world.cloud.NewStack(stack.Name, logicalID)
		w.model.stacks[i] = stack
	}
	p := drawValues(t, rapid.SampledFrom(nameSets).Draw(t, "names"))
	p["OnDelete"] = rapid.SampledFrom(onDeletes).Draw(t, "OnDelete")
	if rapid.IntRange(0, 9).Draw(t, "refused property") == 9 {
		p["Prefix"] = "/"
	}
	plan := drawPlan(t, false).withoutOpen(false)
	s, err := w.world.parse(stack.ID, p)
	w.skipIfInUse(t, stack, s)
	must := err == nil && plan.judges(false) && w.model.isFree(s)
	w.model.tampered[stack], w.model.drifted[stack] = false, false
	if ok := w.carryOut(stack, plan, func(how cfnfake.How) bool { return stack.Create(p, how) }); must && !ok {
		w.wrong = fmt.Errorf("a Create that nothing stood against failed: %s", stack.Reason)
	}
}

func (w *walk) update(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live)
	w.change(t, stack, drawValues(t, stack.Properties))
}

func (w *walk) changeOnDelete(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live)
	p := maps.Clone(stack.Properties)
	p["OnDelete"] = rapid.SampledFrom(onDeletes).Draw(t, "OnDelete")
	w.change(t, stack, p)
}

func (w *walk) rename(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live)
	given := rapid.SampledFrom(append(slices.Clone(nameSets), loneRenames...)).Draw(t, "names")
	w.change(t, stack, withNames(stack.Properties, given))
}

// change updates a stack and judges the outcome where nothing else happened.
func (w *walk) change(t *rapid.T, stack *cfnfake.Stack, p properties) {
	plan := drawPlan(t, false)
	s, err := w.world.parse(stack.ID, p)
	old, oldErr := w.world.parse(stack.ID, stack.Properties)
	if err != nil || oldErr != nil {
		t.Fatal(err, oldErr)
	}
	w.skipIfInUse(t, stack, s)
	before := w.settled()
	inPlace := s.PhysicalID == old.PhysicalID
	plan = plan.withoutOpen(!inPlace)
	if openScheduledSecret && !inPlace && w.world.aws.Snapshot().Secrets[old.SecretName].DeletedDays > 0 {
		t.Skip("cannot go back")
	}
	shared := !inPlace && (s.BucketName == old.BucketName || s.UserName == old.UserName || s.SecretName == old.SecretName)
	calm, tampered := plan.calm(), w.model.tampered[stack] || w.model.drifted[stack]
	mayMove := old.OnDelete != spec.DeleteIfEmpty || !w.model.holdsData(old) && !w.model.mayHoldMarkers(old)
	must := plan.judges(false) && !tampered && (inPlace && (!w.model.isAdopted(s) || s.OnDelete == spec.Retain) ||
		!inPlace && !shared && w.model.isFree(s) && s.OnDelete == old.OnDelete && mayMove)

	events := len(w.world.cloud.Exchanges())
	ok := w.carryOut(stack, plan, func(how cfnfake.How) bool { return stack.Update(p, how) })
	converged := ok && len(w.world.cloud.Exchanges()) > events
	// Nothing orders two deliveries, so a slow one may set what its rollback has taken
	// back. A later Update converges.
	overlap := plan.how.Twice || plan.faults.giveUp > 0
	w.model.drifted[stack] = !ok && overlap || w.model.drifted[stack] && !(converged && !overlap)
	w.model.messy[old.BucketName] = w.model.messy[old.BucketName] || !ok && overlap
	switch {
	case must && !ok:
		w.wrong = fmt.Errorf("an Update that nothing stood against failed: %s", stack.Reason)
	case shared && ok && !w.setExists(s):
		w.wrong = fmt.Errorf("a rename that keeps a name was not refused")
	case shared && calm && !tampered && !ok:
		if diff := changes(before, w.settled()); diff != "" {
			w.wrong = fmt.Errorf("a refused Update changed the account: %s", diff)
		}
	}
}

// skipIfInUse avoids names of another stack whose things were taken away by hand: who
// takes such a name has it, and the other stack is stuck, rightly.
func (w *walk) skipIfInUse(t *rapid.T, by *cfnfake.Stack, s spec.Spec) {
	for _, stack := range w.model.stacks {
		if other, err := w.world.parse(stack.ID, stack.Properties); err == nil && stack != by && w.model.tampered[stack] &&
			(other.BucketName == s.BucketName || other.UserName == s.UserName || other.SecretName == s.SecretName) {
			t.Skip("the name may look free")
		}
	}
}

// setExists reports whether the account has something of exactly this set.
func (w *walk) setExists(s spec.Spec) bool {
	return w.world.aws.Snapshot().Users[s.UserName].Tags[spec.TagOwner] == s.PhysicalID
}

func (w *walk) delete(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live, cfnfake.DeleteFailed)
	w.remove(stack, drawPlan(t, true))
}

// remove deletes the resource of a stack and judges the outcome where nothing else
// happened.
func (w *walk) remove(stack *cfnfake.Stack, p plan) bool {
	s, err := w.world.parse(stack.ID, stack.Properties)
	kept := err == nil && s.OnDelete == spec.DeleteIfEmpty && !w.model.isAdopted(s)
	holds := err == nil && w.model.holdsData(s)
	known := err != nil || !w.model.mayHoldMarkers(s)
	before := w.settled()
	calm, reallyOurs := p.calm(), err == nil && w.isOwn(s)
	ok := w.carryOut(stack, p, stack.Delete)
	switch {
	case !calm:
	case !ok && known && !(kept && holds) && p.judges(true):
		w.wrong = fmt.Errorf("a Delete that nothing stood against failed: %s", stack.Reason)
	case ok && kept && holds && reallyOurs:
		w.wrong = fmt.Errorf("a Delete with OnDelete=DeleteIfEmpty succeeded, and bucket %s holds data", s.BucketName)
	case !ok && kept && p.judges(true):
		if diff := changes(before, w.settled()); diff != "" {
			w.wrong = fmt.Errorf("a Delete that failed changed the account: %s", diff)
		}
	}
	return ok
}

func (w *walk) isOwn(s spec.Spec) bool {
	return isSubset(s.OwnerTags(), w.world.aws.Snapshot().Buckets[s.BucketName].Tags)
}

// settled is the account without earlier values of secrets, which a value that was
// put twice leaves behind.
func (w *walk) settled() awsfake.Snapshot {
	now := w.world.aws.Snapshot()
	for name, secret := range now.Secrets {
		secret.Versions = slices.DeleteFunc(secret.Versions, func(v awsfake.SecretVersion) bool { return !slices.Contains(v.Stages, "AWSCURRENT") })
		now.Secrets[name] = secret
	}
	return now
}

// changes are the lines in which two accounts differ, shortened.
func changes(before, after awsfake.Snapshot) string {
	var lines []string
	for line := range strings.Lines(cmp.Diff(before, after)) {
		line = strings.Join(strings.Fields(strings.ReplaceAll(line, "\u00a0", " ")), " ")
		if strings.HasPrefix(line, "+") || strings.HasPrefix(line, "-") {
			lines = append(lines, line[:min(len(line), 120)])
		}
	}
	return strings.Join(lines[:min(len(lines), 8)], " | ")
}

// write puts an object into the bucket of a resource.
func (w *walk) write(t *rapid.T) {
	if !w.writeSomewhere() {
		t.Skip("no bucket")
	}
}

func (w *walk) writeSomewhere() bool {
	now := w.world.aws.Snapshot()
	for _, name := range slices.Sorted(maps.Keys(now.Buckets)) {
		if _, foreign := w.model.foreign.Buckets[name]; !foreign && now.Buckets[name].Tags[spec.TagStackID] != "" {
			n := w.nextObject()
			w.world.aws.PutObject(name, "data/object-"+n, "content "+n)
			w.model.wrote(name, "data/object-"+n, "content "+n)
			if w.objects%2 == 0 {
				return true // otherwise into the next bucket too
			}
		}
	}
	return len(now.Buckets) > 0
}

// empty removes every object of a bucket, as an operator does.
func (w *walk) empty(t *rapid.T) {
	buckets := w.model.buckets()
	if len(buckets) == 0 {
		t.Skip("no data")
	}
	if err := w.emptyBucket(buckets[rapid.IntRange(0, len(buckets)-1).Draw(t, "bucket")]); err != nil {
		t.Fatal(err)
	}
}

func (w *walk) emptyBucket(name string) error {
	client := s3.NewFromConfig(w.world.aws.Session("operator").Config())
	now := w.world.aws.Snapshot().Buckets[name]
	for _, key := range slices.Sorted(maps.Keys(now.Objects)) {
		for _, o := range now.Objects[key] {
			if _, err := client.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: &name, Key: &key, VersionId: &o.Version}); err != nil {
				return err
			}
		}
	}
	delete(w.model.objects, name)
	for _, stack := range w.model.stacks {
		if s, err := w.world.parse(stack.ID, stack.Properties); err == nil && s.BucketName == name {
			w.model.tampered[stack] = true // its folder marker is gone too
		}
	}
	return nil
}

// tamper changes something of a resource by hand.
func (w *walk) tamper(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live)
	s, err := w.world.parse(stack.ID, stack.Properties)
	if err != nil {
		t.Fatal(err)
	}
	if w.model.isForeign(s) {
		t.Skip("that would hit somebody else")
	}
	a := w.world.aws
	what := rapid.SampledFrom([]string{"user deleted", "key deleted", "key made inactive", "second key made", "secret deleted",
		"secret scheduled for deletion", "secret overwritten", "bucket deleted", "policy removed", "versioning changed"}).Draw(t, "what")
	var id string
	if keys := a.Snapshot().Users[s.UserName].Keys; len(keys) > 0 {
		id = keys[0].ID
	}
	switch what {
	case "user deleted":
		a.DeleteUser(s.UserName)
	case "key deleted":
		a.DeleteKey(id)
	case "key made inactive":
		a.SetKeyActive(id, false)
	case "second key made":
		if len(a.Snapshot().Users[s.UserName].Keys) > 1 {
			t.Skip("IAM allows two")
		}
		a.AddKey(s.UserName)
	case "secret deleted":
		a.DeleteSecret(s.SecretName, 0)
	case "secret scheduled for deletion":
		a.DeleteSecret(s.SecretName, 30)
		w.model.kept[s.SecretName] = true
	case "secret overwritten":
		a.PutSecretValue(s.SecretName, "nonsense")
	case "bucket deleted":
		a.DeleteBucket(s.BucketName)
		delete(w.model.messy, s.BucketName)
		delete(w.model.objects, s.BucketName)
	case "policy removed":
		if err := a.SetBucketPolicy(s.BucketName, ""); err != nil {
			t.Skip(err)
		}
	case "versioning changed":
		a.SetVersioning(s.BucketName, "Suspended")
	}
	w.model.tampered[stack] = true
}

// takeName makes somebody else have a name that a stack may want.
func (w *walk) takeName(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "rarely") != 3 {
		t.Skip("not now")
	}
	s, err := w.world.parse(w.model.stacks[0].ID, rapid.SampledFrom(nameSets[1:3]).Draw(t, "names"))
	if err != nil {
		t.Fatal(err)
	}
	w.skipIfInUse(t, nil, s)
	now, a, f := w.world.aws.Snapshot(), w.world.aws, w.model.foreign
	switch rapid.SampledFrom([]string{"user", "secret", "bucket"}).Draw(t, "kind") {
	case "user":
		if _, ok := now.Users[s.UserName]; ok {
			t.Skip("taken")
		}
		a.AddUser(s.UserName, "/", nil)
		f.Users[s.UserName] = a.Snapshot().Users[s.UserName]
	case "secret":
		if _, ok := now.Secrets[s.SecretName]; ok {
			t.Skip("taken")
		}
		a.AddSecret(s.SecretName, "theirs", nil)
		f.Secrets[s.SecretName] = a.Snapshot().Secrets[s.SecretName]
	case "bucket":
		if _, ok := now.Buckets[s.BucketName]; ok {
			t.Skip("taken")
		}
		a.AddBucket(s.BucketName, nil)
		f.Buckets[s.BucketName] = a.Snapshot().Buckets[s.BucketName]
	}
}

// redeliver lets an event of the past arrive once more while nothing is going on. It
// must change nothing, unless it is a Delete that CloudFormation still wants.
func (w *walk) redeliver(t *rapid.T) {
	past := w.world.cloud.Exchanges()
	if len(past) == 0 {
		t.Skip("no events yet")
	}
	n := len(past) - 1 - rapid.IntRange(0, len(past)-1).Draw(t, "how long ago")
	for _, stack := range w.model.stacks {
		if stack.State == cfnfake.DeleteFailed || len(stack.Abandoned) > 0 || stack.ID == past[n].Event.StackId && w.isOpen(stack, past[n].Event) {
			t.Skip("may change the account")
		}
	}
	before := w.settled()
	w.world.turns.during(faults{}, func() {
		w.world.cloud.Redeliver(n)
		w.world.cloud.Settle()
	})
	if diff := changes(before, w.settled()); diff != "" {
		w.wrong = fmt.Errorf("a late duplicate of event %d, %s, changed the account: %s", n, past[n].Event.RequestType, diff)
	}
}

// end deletes everything, as people would, and wants nothing left but what Retain has
// promised.
func (w *walk) end(t *rapid.T) {
	for _, stack := range w.model.stacks {
		if stack.State == cfnfake.None {
			continue
		}
		if !w.remove(stack, plan{}) && w.wrong == nil {
			if s, err := w.world.parse(stack.ID, stack.Properties); err == nil {
				if err := w.emptyBucket(s.BucketName); err != nil {
					t.Fatal(err)
				}
			}
			w.remove(stack, plan{})
		}
		w.check(t)
		if stack.State != cfnfake.None {
			w.tell(t)
			t.Fatalf("stack %s cannot be deleted: %s", stack.Name, stack.Reason)
		}
	}
}
