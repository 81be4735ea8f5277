package walk_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// inWalk runs a test on a walk whose first stack has been created.
func inWalk(t *testing.T, test func(*testing.T, *walk, *cfnfake.Stack)) {
	t.Helper()
	outer := t
	retained := withNames(sim.Properties{"OnDelete": "Retain"}, nameSets[1])
	synctest.Test(t, func(t *testing.T) {
		w := newWalk(t, outer)
		stack := w.model.stacks[0]
		if !w.carryOut(t.Context(), stack, plan{}, func(ctx context.Context, how cfnfake.How) bool { return stack.Create(ctx, retained, how) }) {
			t.Fatal(stack.Reason)
		}
		if err := w.model.check(); err != nil {
			t.Fatal(err)
		}
		test(t, w, stack)
	})
}

// Each of these changes makes the account wrong in one way, behind the model's back.
func TestModelNoticesWhatIsWrong(t *testing.T) {
	tests := []struct {
		name string
		harm func(*walk, *cfnfake.Stack)
		want string
	}{
		{"no key", func(w *walk, s *cfnfake.Stack) { w.ground.AWS.DeleteKey(s.Data["AccessKeyId"]) }, "the user has 0 keys"},
		{"a second key", func(w *walk, _ *cfnfake.Stack) { w.ground.AWS.AddKey("user-a") }, "the user has 2 keys"},
		{"an inactive key", func(w *walk, s *cfnfake.Stack) { w.ground.AWS.SetKeyActive(s.Data["AccessKeyId"], false) }, "not that of the live key"},
		{"another key in the secret", func(w *walk, _ *cfnfake.Stack) {
			w.ground.AWS.PutSecretValue("keys/a", `{"AWS_ACCESS_KEY_ID":"x"}`)
		}, "not that of the live key"},
		{"no secret", func(w *walk, _ *cfnfake.Stack) { w.ground.AWS.DeleteSecret("keys/a", 0) }, "the secret has no value"},
		{"no policy", func(w *walk, _ *cfnfake.Stack) { _ = w.ground.AWS.SetBucketPolicy("data-a", "") }, "does not let the user in"},
		{"versioning", func(w *walk, _ *cfnfake.Stack) { w.ground.AWS.SetVersioning("data-a", "Enabled") }, "versioning is"},
		{"no folder marker", func(w *walk, _ *cfnfake.Stack) { w.ground.AWS.DeleteObject("data-a", "data/") }, "the folder marker"},
		{"a probe that was left", func(w *walk, _ *cfnfake.Stack) { w.ground.AWS.PutObject("data-a", "data/.bucketuser-probe", "") }, "is nobody's"},
		{"another key in the outputs", func(_ *walk, s *cfnfake.Stack) { s.Data["AccessKeyId"] = "x" }, "the outputs are"},
		{"data lost", func(w *walk, _ *cfnfake.Stack) { w.model.wrote("data-a", "data/object-1", "content") }, "data lost"},
		{"public access", func(w *walk, _ *cfnfake.Stack) { w.ground.AWS.SetPublicAccessBlock("data-a", false) }, "the public access block is"},
		{"somebody else's statement gone", func(w *walk, s *cfnfake.Stack) {
			w.othersAct(s, "a Deny of rules")
			w.model.noteTheirs()
			w.othersAct(s, "they stand in the way less")
		}, "what others have in bucket data-a was changed"},
		{"a rule of others gone", func(w *walk, s *cfnfake.Stack) {
			w.othersAct(s, "rules of the old form")
			w.model.noteTheirs()
			_ = w.ground.AWS.SetLifecycle("data-a", nil) // the bucket is there
		}, "what others have in bucket data-a was changed"},
		{"a tag of others gone", func(w *walk, _ *cfnfake.Stack) {
			w.ground.AWS.TagBucket("data-a", ofCostTool)
			w.model.noteTheirs()
			w.ground.AWS.TagBucket("data-a", map[string]string{"cost-center": ""})
		}, "what others have in bucket data-a was changed"},
		{"versioning that others have turned on", func(w *walk, s *cfnfake.Stack) {
			w.othersAct(s, "versioning on")
			w.model.noteTheirs()
			w.ground.AWS.SetVersioning("data-a", "Suspended")
		}, "what others have in bucket data-a was changed"},
		{"ABAC turned off", func(w *walk, s *cfnfake.Stack) {
			w.othersAct(s, "ABAC")
			w.model.noteTheirs()
			w.ground.AWS.SetAbac("data-a", false)
		}, "what others have in bucket data-a was changed"},
		{"a field of others changed", func(w *walk, s *cfnfake.Stack) {
			w.othersAct(s, "fields")
			w.model.noteTheirs()
			if err := w.rewriteValue(w.model.sets(s)[0], func(f map[string]json.RawMessage) { f["port"] = json.RawMessage(`"443"`) }); err != nil {
				panic(err)
			}
		}, "fields of others in secret keys/a were changed"},
		{"an adoption that was not refused", func(w *walk, _ *cfnfake.Stack) {
			w.model.wrong = append(w.model.wrong, offer{isMade: true, isRefused: true}.judge(true, ""))
		}, "has adopted what cannot be adopted"},
		{"an adoption that was refused and changed something", func(w *walk, _ *cfnfake.Stack) {
			w.model.wrong = append(w.model.wrong, offer{isMade: true, isRefused: true}.judge(false, "+ tags"))
		}, "an adoption that was refused changed the account: + tags"},
		{"a rollback that failed", func(_ *walk, s *cfnfake.Stack) { s.State = cfnfake.RollbackFailed }, "cannot be rolled back"},
		{"settings wrong, with others in the way, and no event that they stopped", func(w *walk, s *cfnfake.Stack) {
			w.othersAct(s, "a Deny of objects")
			w.ground.AWS.SetPublicAccessBlock("data-a", false)
		}, "the public access block is"},
		{"an orphaned user", func(w *walk, _ *cfnfake.Stack) { w.ground.AWS.AddUser("other", "/bucketuser/", nil) }, "orphan: user other"},
		{"an orphaned secret", func(w *walk, _ *cfnfake.Stack) { w.ground.AWS.AddSecret("other", "x", nil) }, "orphan: secret other"},
		{"an orphaned bucket", func(w *walk, _ *cfnfake.Stack) { w.ground.AWS.AddBucket("other", nil) }, "orphan: bucket other: nobody asked"},
		{"a bucket kept and not released", func(w *walk, _ *cfnfake.Stack) {
			w.model.letGo["other"] = true
			w.ground.AWS.AddBucket("other", nil)
		}, "orphan: bucket other: it is not released"},
		{"somebody else's user gone", func(w *walk, _ *cfnfake.Stack) {
			w.model.foreign.Users["theirs"] = w.ground.AWS.Snapshot().Users["user-a"]
		}, "users are gone"},
		{"somebody else's bucket changed", func(w *walk, _ *cfnfake.Stack) {
			w.ground.AWS.AddBucket("theirs", nil)
			w.model.foreign.Buckets["theirs"] = w.ground.AWS.Snapshot().Buckets["theirs"]
			w.ground.AWS.PutObject("theirs", "x", "y")
		}, "bucket theirs was changed"},
		{"what has lost its tags changed", func(w *walk, s *cfnfake.Stack) {
			w.loseTags(s, "bucket data-a")
			w.ground.AWS.PutObject("data-a", "x", "y")
		}, "bucket data-a, which has lost its tags, was changed"},
		{"what has lost its tags deleted", func(w *walk, s *cfnfake.Stack) {
			w.loseTags(s, "user user-a")
			w.ground.AWS.DeleteUser("user-a")
		}, "user user-a, which has lost its tags, was changed"},
		{"a key for a user who has lost the tags", func(w *walk, s *cfnfake.Stack) {
			w.loseTags(s, "user user-a")
			w.ground.AWS.AddKey("user-a")
		}, "user user-a, which has lost its tags, was changed"},
		{"let go of without a word", func(w *walk, s *cfnfake.Stack) {
			w.loseTags(s, "user user-a")
			w.model.nameLosses()
			w.model.learnDelete(cfnfake.Exchange{Outcome: "SUCCESS"}, w.model.sets(s)[0])
		}, "a Delete left user user-a, which was in use"},
		{"an adopted bucket deleted", func(w *walk, _ *cfnfake.Stack) {
			w.model.kept["data-a"] = true
			w.ground.AWS.DeleteBucket("data-a")
		}, "bucket data-a was adopted, and is deleted"},
		{"data lost by a clean-up with Purge", func(w *walk, s *cfnfake.Stack) {
			w.model.wrote("data-a", "data/object-1", "content")
			purged := w.model.sets(s)[0]
			purged.OnDelete = "Purge"
			w.model.learnConsent(cfnfake.Exchange{Event: cfnfake.Event{StackId: s.ID, PhysicalResourceId: s.PhysicalID}, Known: "another"}, purged)
		}, "data lost"},
		{"a value that was not healed", func(w *walk, s *cfnfake.Stack) {
			if err := w.corruptValue(w.model.sets(s)[0]); err != nil {
				panic(err)
			}
		}, "not that of the live key"},
		{"the key before the current one gone", func(w *walk, _ *cfnfake.Stack) {
			w.rotateBehind()
			w.ground.AWS.DeleteKey(w.model.keyrings["user-a"].current)
		}, "the key before the current one does not work"},
		{"a third key", func(w *walk, _ *cfnfake.Stack) {
			w.rotateBehind()
			w.ground.AWS.AddKey("user-a")
		}, "the user has 3 keys"},
		{"a serial that has fallen", func(w *walk, s *cfnfake.Stack) {
			w.model.keyrings["user-a"] = keyring{serial: 7}
		}, "the serial of the key has fallen from 7 to 0"},
		{"a schedule that nobody asked for", func(w *walk, _ *cfnfake.Stack) {
			w.ground.AWS.SetRotation("keys/a", sim.RotationFunction, 30)
		}, "the rotation is"},
		{"a serial that was asked for and is not recorded", func(_ *walk, s *cfnfake.Stack) {
			s.Properties = maps.Clone(s.Properties)
			s.Properties["KeySerial"] = "1"
		}, "the serial of the key is 0"},
		{"a leak in the log", func(w *walk, _ *cfnfake.Stack) {
			slog.New(slog.NewJSONHandler(&w.ground.Log, nil)).Info("key", "value", w.ground.AWS.IssuedSecrets()[0])
		}, "leak in the log"},
		{"a leak in a tag", func(w *walk, _ *cfnfake.Stack) {
			w.ground.AWS.TagBucket("data-a", map[string]string{"key": w.ground.AWS.IssuedSecrets()[0][16:26]})
		}, "leak in the account"},
		{"a leak in the outputs", func(w *walk, s *cfnfake.Stack) { s.Data["Password"] = w.ground.AWS.IssuedSecrets()[0] }, "leak in the outputs"},
		{"the ResponseURL in the log", func(w *walk, _ *cfnfake.Stack) {
			_, _ = w.ground.Log.Write([]byte(w.ground.cloud.Exchanges()[0].Event.ResponseURL)) // a journal takes everything
		}, "leak in the log"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inWalk(t, func(t *testing.T, w *walk, stack *cfnfake.Stack) {
				test.harm(w, stack)
				if err := w.model.check(); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("found %v, want %s", err, test.want)
				}
			})
		})
	}
}

// rotateBehind has another key be current, beside the one before.
func (w *walk) rotateBehind() {
	id, secret := w.ground.AWS.AddKey("user-a")
	err := w.rewriteValue(w.model.allSets()[0], func(f map[string]json.RawMessage) {
		f[spec.FieldAccessKeyID], f[spec.FieldSecretAccessKey] = json.RawMessage(strconv.Quote(id)), json.RawMessage(strconv.Quote(secret))
	})
	if err != nil {
		panic(err)
	}
}

// othersAct has others do something to the stack's set, behind the model's back.
func (w *walk) othersAct(stack *cfnfake.Stack, what string) {
	if err := actsOfOthers[what](w, w.model.sets(stack)[0]); err != nil {
		panic(err)
	}
}

// loseTags has a part of the stack's set lose its tags.
func (w *walk) loseTags(stack *cfnfake.Stack, name string) {
	w.setTags(name, ofCostTool)
	w.model.lose(w.model.sets(stack)[0], name)
}

// The same plan leads to the same calls, whatever the Go scheduler does.
func TestWalkIsReproducible(t *testing.T) {
	p := plan{seed: 7, how: cfnfake.How{Twice: true, SiblingFails: true}, slow: 100 * time.Millisecond,
		faults: []sim.Hit{{At: 9, Fault: "killed after"}, {At: 3, Fault: "throttled"}}, late: []duplicate{{12, 0}, {14, 1}},
		receptions: []cfnfake.Reception{cfnfake.Unavailable, cfnfake.Hanging, cfnfake.Unavailable}}
	var first []string
	for range 20 {
		inWalk(t, func(t *testing.T, w *walk, stack *cfnfake.Stack) {
			changed := withNames(stack.Properties, sim.Properties{"BucketName": "data-b"})
			w.carryOut(t.Context(), stack, p, func(ctx context.Context, how cfnfake.How) bool { return stack.Update(ctx, changed, how) })
			calls := w.ground.course.order
			if first == nil {
				first = calls
			}
			if diff := cmp.Diff(first, calls); diff != "" {
				t.Errorf("another run made other calls\n%s", diff)
			}
		})
	}
}
