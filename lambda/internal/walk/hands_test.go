package walk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"pgregory.net/rapid"

	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// write puts an object into the bucket of a resource.
func (w *walk) write(t *rapid.T) {
	if !w.writeSomewhere() {
		t.Skip("no bucket")
	}
}

func (w *walk) writeSomewhere() bool {
	now := w.ground.AWS.Snapshot()
	for _, name := range slices.Sorted(maps.Keys(now.Buckets)) {
		isInUse := now.Buckets[name].Tags[spec.TagStackID] != "" || w.model.losses["bucket "+name] != nil
		if _, foreign := w.model.foreign.Buckets[name]; !foreign && isInUse {
			n := w.nextObject()
			w.ground.AWS.PutObject(name, "data/object-"+n, "content "+n)
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
	bucket := buckets[rapid.IntRange(0, len(buckets)-1).Draw(t, "bucket")]
	w.plans = append(w.plans, "emptied: bucket "+bucket)
	if err := w.emptyBucket(t.Context(), bucket); err != nil {
		t.Fatal(err)
	}
}

func (w *walk) emptyBucket(ctx context.Context, name string) error {
	w.catchUp()
	_ = w.stepBack(name) // who empties a bucket sees to it that he can, where there is one
	client := s3.NewFromConfig(w.ground.AWS.Session("operator").Config())
	now := w.ground.AWS.Snapshot().Buckets[name]
	for _, key := range slices.Sorted(maps.Keys(now.Objects)) {
		for _, o := range now.Objects[key] {
			if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: &key, VersionId: &o.Version}); err != nil {
				return err
			}
		}
	}
	delete(w.model.objects, name)
	w.model.touched()
	for _, s := range w.model.allSets() {
		if s.BucketName == name {
			w.model.byHand[s.PhysicalID] = true // its folder marker is gone too
		}
	}
	return nil
}

// changesByHand are what somebody does to the things of a resource. Each returns an
// error if it cannot be done as things are.
var changesByHand = map[string]func(w *walk, s spec.Spec) error{
	"user deleted":      func(w *walk, s spec.Spec) error { w.ground.AWS.DeleteUser(s.UserName); return nil },
	"key deleted":       func(w *walk, s spec.Spec) error { w.ground.AWS.DeleteKey(w.firstKey(s)); return nil },
	"key made inactive": func(w *walk, s spec.Spec) error { w.ground.AWS.SetKeyActive(w.firstKey(s), false); return nil },
	"second key made": func(w *walk, s spec.Spec) error {
		if len(w.ground.AWS.Snapshot().Users[s.UserName].Keys) > 1 {
			return fmt.Errorf("IAM allows two")
		}
		id, _ := w.ground.AWS.AddKey(s.UserName)
		w.model.firstSeen[id] = time.Now() // it may be of an event for all that the function knows
		return nil
	},
	"secret deleted": func(w *walk, s spec.Spec) error { w.ground.AWS.DeleteSecret(s.SecretName, 0); return nil },
	"secret scheduled for deletion": func(w *walk, s spec.Spec) error {
		w.ground.AWS.DeleteSecret(s.SecretName, 30)
		w.model.recoverable[s.SecretName] = true
		return nil
	},
	"secret overwritten":                func(w *walk, s spec.Spec) error { w.ground.AWS.PutSecretValue(s.SecretName, "nonsense"); return nil },
	"value corrupted":                   (*walk).corruptValue,
	"user made again":                   func(w *walk, s spec.Spec) error { return w.makeUserAgain(s, "") },
	"user made again with its boundary": func(w *walk, s spec.Spec) error { return w.makeUserAgain(s, sim.Boundary) },
	"bucket deleted": func(w *walk, s spec.Spec) error {
		w.ground.AWS.DeleteBucket(s.BucketName)
		w.model.excuses.Withdraw(markersIn(s.BucketName))
		delete(w.model.objects, s.BucketName)
		delete(w.model.kept, s.BucketName)
		delete(w.model.versioned, s.BucketName)
		return nil
	},
	"public access allowed": func(w *walk, s spec.Spec) error { w.ground.AWS.SetPublicAccessBlock(s.BucketName, false); return nil },
	"versioning changed":    func(w *walk, s spec.Spec) error { w.ground.AWS.SetVersioning(s.BucketName, "Suspended"); return nil },
	"policy removed":        func(w *walk, s spec.Spec) error { return w.ground.AWS.SetBucketPolicy(s.BucketName, "") },
	"statement removed": func(w *walk, s spec.Spec) error {
		return w.rewritePolicy(s, func(ours []statement) []statement { return ours[1:] })
	},
	"statement altered": func(w *walk, s spec.Spec) error {
		return w.rewritePolicy(s, func(ours []statement) []statement {
			ours[len(ours)-1]["Action"] = "s3:ListBucket"
			ours[len(ours)-1]["Resource"] = s.BucketARN()
			return ours
		})
	},
	"statement forged": func(w *walk, s spec.Spec) error {
		return w.rewritePolicy(s, func(ours []statement) []statement {
			return append(ours, statement{"Sid": spec.SidPrefix + "Full", "Effect": "Allow", "Principal": "*",
				"Action": "s3:GetObject", "Resource": s.BucketARN() + "/*"})
		})
	},
}

// tamper changes something of a resource by hand.
func (w *walk) tamper(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live)
	s, err := w.ground.Parse(stack.ID, stack.Properties)
	if err != nil {
		t.Fatal(err)
	}
	if w.model.isForeign(s) {
		t.Skip("that would hit somebody else")
	}
	what := rapid.SampledFrom(slices.Sorted(maps.Keys(changesByHand))).Draw(t, "what")
	if err := changesByHand[what](w, s); err != nil {
		t.Skip(err)
	}
	w.plans = append(w.plans, "by hand: "+what+" of stack "+stack.Name)
	w.model.byHand[s.PhysicalID] = true
	w.model.touched()
	w.model.oddLosses(s)
}

func (w *walk) firstKey(s spec.Spec) string {
	for _, key := range w.ground.AWS.Snapshot().Users[s.UserName].Keys {
		return key.ID
	}
	return ""
}

// statement is one of a bucket policy, whoever wrote it.
type statement = map[string]any

// extraSid is that of a statement of the property Statements. No other hand writes such a one.
var extraSid = regexp.MustCompile(`^` + spec.SidPrefix + `Statement[0-9]`)

// statementsOf splits a policy into our statements and those of others.
func statementsOf(policy string) (ours, others []statement) {
	var document struct{ Statement []statement }
	_ = json.Unmarshal([]byte(policy), &document) // no policy has no statements
	for _, s := range document.Statement {
		if sid, _ := s["Sid"].(string); slices.Contains(spec.Sids(), sid) || extraSid.MatchString(sid) {
			ours = append(ours, s)
		} else {
			others = append(others, s)
		}
	}
	return ours, others
}

// rewritePolicy changes our statements in the policy of a bucket.
func (w *walk) rewritePolicy(s spec.Spec, change func(ours []statement) []statement) error {
	ours, others := statementsOf(w.ground.AWS.Snapshot().Buckets[s.BucketName].Policy)
	if len(ours) == 0 {
		return fmt.Errorf("no policy")
	}
	return w.putStatements(s.BucketName, append(others, change(ours)...))
}

func (w *walk) putStatements(bucket string, statements []statement) error {
	if len(statements) == 0 {
		return w.ground.AWS.SetBucketPolicy(bucket, "")
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		return err
	}
	return w.ground.AWS.SetBucketPolicy(bucket, string(text))
}

// shareBucket adds a statement of somebody else to the policy of a resource's bucket.
func (w *walk) shareBucket(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live)
	s, err := w.ground.Parse(stack.ID, stack.Properties)
	if err != nil {
		t.Fatal(err)
	}
	ours, others := statementsOf(w.ground.AWS.Snapshot().Buckets[s.BucketName].Policy)
	if len(others) > 0 || w.model.isForeign(s) {
		t.Skip("shared already, or somebody else's")
	}
	if err := w.putStatements(s.BucketName, append(ours, letsAccountIn(s))); err != nil {
		t.Skip(err)
	}
	w.model.touched()
}

// takeName makes somebody else have a name that a stack may want.
func (w *walk) takeName(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "rarely") != 3 {
		t.Skip("not now")
	}
	s, err := w.ground.Parse(w.model.stacks[0].ID, rapid.SampledFrom(nameSets[1:3]).Draw(t, "names"))
	if err != nil {
		t.Fatal(err)
	}
	w.skipIfInUse(t, nil, s)
	now, a, f := w.ground.AWS.Snapshot(), w.ground.AWS, w.model.foreign
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
