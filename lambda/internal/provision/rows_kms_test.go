package provision_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// A value that cannot be read, and one that cannot be written, by the numbers of row and attack.

// encrypted is the named set under a KMS key of its own.
var encrypted = with("SecretKmsKeyId", "alias/mine")

// unreadables are the ways in which a value becomes unreadable. Each returns what gives the key back.
var unreadables = map[string]func(w *bench) (giveBack func()){
	"dead key": func(w *bench) func() {
		w.AWS.SetKmsKeyUsable("alias/mine", false)
		return func() { w.AWS.SetKmsKeyUsable("alias/mine", true) }
	},
	"no right to the key": notShown("AccessDeniedException", "Access to KMS is not allowed"),
	"invalid request":     notShown("InvalidRequestException", "You can't access a secret from a different account if you encrypt it with the default key."),
}

// notShown has Secrets Manager answer every look at a value with a refusal.
func notShown(code, message string) func(w *bench) func() {
	return func(w *bench) func() {
		w.AWS.Before = only("GetSecretValue", awsfake.Refuse(&awsfake.Error{Status: 400, Code: code, Message: message}))
		return func() { w.AWS.Before = nil }
	}
}

// saysWhatToDo fails the test unless an Update was refused with the name of the secret, that of the KMS key, and a remedy.
func (w *bench) saysWhatToDo(a answer, key string) {
	w.t.Helper()
	w.saysAll(a, "secret clickhouse/s3: its value cannot be read: ", key, "give the key back", "set SecretKmsKeyId to another key or take it away", "a new access key is made then")
}

// keepsTheKey fails the test unless the secret's values and the user's keys are as they were.
func (w *bench) keepsTheKey(was awsfake.Snapshot) {
	w.t.Helper()
	now := w.AWS.Snapshot()
	if diff := cmp.Diff(was.Secrets["clickhouse/s3"].Versions, now.Secrets["clickhouse/s3"].Versions,
		cmpopts.IgnoreFields(awsfake.SecretVersion{}, "KMSKeys")); diff != "" {
		w.t.Errorf("versions (-before +after)\n%s", diff)
	}
	if diff := cmp.Diff(was.Users["clickhouse"].Keys, now.Users["clickhouse"].Keys); diff != "" {
		w.t.Errorf("keys (-before +after)\n%s", diff)
	}
}

// Row 16: a Delete goes on. The value counts as committed, so that the secret can be recovered for as long as it should be.
func TestRow16DeleteGoesOn(t *testing.T) {
	for name, spoils := range unreadables {
		for _, days := range []string{"0", "7"} {
			for start, begin := range map[string]func(w *bench, p sim.Properties){
				"in use":  func(w *bench, p sim.Properties) { w.history(create(p)) },
				"cut off": func(w *bench, p sim.Properties) { w.history(create(p)); w.killedAfter("DeleteSecret", remove(p)) },
				"restored": func(w *bench, p sim.Properties) {
					w.history(create(plus(p, "SecretRecoveryDays", "7")), remove(plus(p, "SecretRecoveryDays", "7")))
					w.killedAfter("CreateUser", create(p))
				},
				"restored and used": func(w *bench, p sim.Properties) {
					w.history(create(plus(p, "SecretRecoveryDays", "7")), remove(plus(p, "SecretRecoveryDays", "7")), create(p))
				},
			} {
				t.Run(strings.Join([]string{name, days, start}, " "), func(t *testing.T) {
					inWorld(t, func(w *bench) {
						p := plus(encrypted, "SecretRecoveryDays", days)
						begin(w, p)
						<-time.After(time.Hour)
						spoils(w)
						w.history(remove(p))
						w.isGone(p, thingsOfASet...)
						left := w.AWS.Snapshot().Secrets["clickhouse/s3"].DeletedDays
						if isRecoverable := days == "7" || start == "restored"; (left == 7) != isRecoverable {
							t.Errorf("recoverable for %d days", left)
						}
					})
				})
			}
		}
	}
}

// Row 16: a Delete of a set that has lost a part, which the value may name, revokes what is ours and fails for the rest
// once. Deleting again lets go of it, also where nothing can be written to the secret that stays for that.
func TestRow16DeleteOfLostParts(t *testing.T) {
	begins := map[string]func(w *bench, p sim.Properties){
		"made":    func(w *bench, p sim.Properties) { w.history(create(p)) },
		"adopted": func(w *bench, p sim.Properties) { w.adopts(p) },
	}
	for name, spoils := range unreadables {
		for thing, start := range both(thingsOfASet, slices.Sorted(maps.Keys(begins))) {
			t.Run(strings.Join([]string{name, thing, start}, " "), func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := plus(encrypted, "OnDelete", "Retain")
					begins[start](w, p)
					<-time.After(time.Hour)
					w.loses(p, losses[0], thing)
					spoils(w)
					w.saysAll(w.delete(w.idOf(p), p), nameOf(w.parse(p), thing))
					if keys := w.AWS.Snapshot().Users["clickhouse"].Keys; thing != "user" && len(keys) > 0 {
						t.Errorf("keys are left: %v", keys)
					}
					w.anew()
					w.history(remove(p))
					w.isGone(p, slices.DeleteFunc([]string{"secret", "user"}, func(other string) bool { return other == thing })...)
				})
			})
		}
	}
}

// Row 16: an Update in place says what is wrong and what to do, and changes neither value nor key. With the key given back
// it goes through.
func TestRow16UpdateSaysWhatIsWrong(t *testing.T) {
	for name, spoils := range unreadables {
		for change, p := range map[string]sim.Properties{"nothing": encrypted, "prefix": plus(encrypted, "Prefix", "logs"), "trigger": plus(encrypted, "Trigger", "1")} {
			t.Run(name+" "+change, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					key := w.created(encrypted).Data["AccessKeyId"]
					<-time.After(time.Hour)
					giveBack := spoils(w)
					was := w.AWS.Snapshot()
					w.saysWhatToDo(w.update(w.idOf(encrypted), p, encrypted), "alias/mine")
					w.keepsTheKey(was)
					giveBack()
					w.history(update(p, p, encrypted))
					w.holdsKeys(p, key)
				})
			})
		}
	}
	inWorld(t, func(w *bench) { // the AWS managed key has a name as well
		w.created(named)
		w.AWS.SetKmsKeyUsable("", false)
		w.saysWhatToDo(w.update(w.idOf(named), named, named), "alias/aws/secretsmanager")
	})
}

// Row 16: what goes back to a set is not refused. It leaves value and key as they are, and says so in the log.
func TestRow16WayBackGoesThrough(t *testing.T) {
	for name, spoils := range unreadables {
		for kind, next := range keyEvents(making{p: encrypted}) {
			if kind != "back" && kind != "return" {
				continue
			}
			t.Run(name+" "+kind, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.created(encrypted)
					next.before(w)
					<-time.After(time.Hour)
					spoils(w)
					was := w.AWS.Snapshot()
					w.history(next.event)
					w.keepsTheKey(was)
					w.warnsOf(encrypted, "secret")
					if kind == "return" {
						w.history(remove(renaming(encrypted)))
					}
					w.isGone(renaming(encrypted), thingsOfASet...)
				})
			})
		}
	}
}

// Row 16: so does a return to a set whose secret and bucket have lost their tags, and with them the mark of the replaced.
func TestRow16ReturnToALostSecret(t *testing.T) {
	for name, spoils := range unreadables {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				q := renaming(encrypted)
				w.history(create(encrypted), update(encrypted, q, encrypted))
				<-time.After(time.Hour)
				w.loses(encrypted, losses[0], "secret", "bucket")
				spoils(w)
				was := w.AWS.Snapshot()
				w.history(update(q, encrypted, q))
				w.keepsTheKey(was)
				w.warnsOf(encrypted, "secret", "bucket")
				w.history(remove(q))
				w.isGone(q, thingsOfASet...)
			})
		})
	}
}

// Row 16: the value can be read with the new KMS key. The access key stays.
func TestRow16ValueIsReadAgain(t *testing.T) {
	inWorld(t, func(w *bench) {
		key := w.created(encrypted).Data["AccessKeyId"]
		<-time.After(time.Hour)
		isChanged := false
		refuse := notShown("AccessDeniedException", "Access to KMS is not allowed")
		refuse(w)
		before := w.AWS.Before
		w.AWS.Before = oneByOne(func(ctx context.Context, c awsfake.Call) awsfake.Decision {
			if isChanged = isChanged || c.Operation == "UpdateSecret"; isChanged {
				return awsfake.Decision{}
			}
			return before(ctx, c)
		})
		w.history(update(named, named, encrypted))
		w.holdsKeys(named, key)
	})
}

// Row 16: the role may not ask for the value. That says nothing of the KMS key, so an Update that changes it makes no
// access key.
func TestRow16MissingRightIsNoReason(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(encrypted)
		<-time.After(time.Hour)
		was := w.AWS.Snapshot()
		w.AWS.Before = deny("GetSecretValue")
		a := w.refused(w.update(w.idOf(named), named, encrypted), "AccessDenied")
		w.saysNone(a, "a new access key")
		w.keepsTheKey(was)
	})
}

// Row 16: an Update that changes the KMS key heals. Where the value stays unreadable another access key is made, and the
// one before goes on working.
func TestRow16AnotherKmsKeyHeals(t *testing.T) {
	for name, test := range map[string]struct{ was, is sim.Properties }{
		"another":    {encrypted, with("SecretKmsKeyId", "alias/new")},
		"taken away": {encrypted, named},
		"given":      {named, encrypted},
		"and prefix": {encrypted, with("SecretKmsKeyId", "alias/new", "Prefix", "logs")},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				displaced := w.created(test.was).Data["AccessKeyId"]
				<-time.After(time.Hour)
				w.AWS.SetKmsKeyUsable(w.AWS.Snapshot().Secrets["clickhouse/s3"].KMSKey, false)
				w.at("PutSecretValue", func() { w.keepsTags(w.tagsOf(w.parse(named), "secret"), previousKeyTag, displaced) })
				a := w.succeeded(w.update(w.idOf(test.is), test.is, test.was))
				w.AWS.Before = nil
				w.holdsKeys(test.is, displaced, a.Data["AccessKeyId"])
				<-time.After(time.Hour)
				w.anew()
				w.history(update(test.is, plus(test.is, "Access", "Full"), test.is))
				w.holdsKeys(test.is, displaced, a.Data["AccessKeyId"])
				w.history(remove(test.is))
				w.isGone(test.is, thingsOfASet...)
			})
		})
	}
}

// Row 16, its kind: the Update that heals is cut off at each call and delivered again. The key that the unreadable value
// names works on, and no third one is left.
func TestRow16HealingIsCutOff(t *testing.T) {
	displaced := ""
	start := func(w *bench) {
		displaced = w.created(encrypted).Data["AccessKeyId"]
		<-time.After(time.Hour)
		w.AWS.SetKmsKeyUsable("alias/mine", false)
	}
	eachCut(t, "eu-west-1", start, update(named, named, encrypted), func(w *bench) {
		a := w.succeeded(w.play(update(named, named, encrypted), nil).answer)
		w.holdsKeys(named, displaced, a.Data["AccessKeyId"])
	})
}

// Row 16, its kind: the user has two keys. IAM allows no third: the previous one goes, or an inactive one, or one that
// nobody has; where nobody can tell which of two the value names, the younger one.
func TestRow16HealingMakesRoom(t *testing.T) {
	for name, test := range map[string]struct {
		adds func(w *bench, id string) (keeps string)
	}{
		"previous": {func(w *bench, id string) string {
			other, _ := w.AWS.AddKey("clickhouse")
			w.AWS.TagSecret("clickhouse/s3", map[string]string{previousKeyTag: other})
			return id
		}},
		"inactive": {func(w *bench, id string) string {
			other, _ := w.AWS.AddKey("clickhouse")
			w.AWS.SetKeyActive(other, false)
			return id
		}},
		"it is inactive": {func(w *bench, id string) string { w.AWS.SetKeyActive(id, false); return "" }},
		"it is gone":     {func(w *bench, id string) string { w.AWS.DeleteKey(id); return "" }},
		"unknown":        {func(w *bench, id string) string { <-time.After(time.Hour); w.AWS.AddKey("clickhouse"); return id }},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				keeps := test.adds(w, w.created(encrypted).Data["AccessKeyId"])
				<-time.After(time.Hour)
				w.AWS.SetKmsKeyUsable("alias/mine", false)
				a := w.succeeded(w.update(w.idOf(named), named, encrypted))
				want := []string{keeps, a.Data["AccessKeyId"]}
				w.holdsKeys(named, slices.DeleteFunc(want, func(id string) bool { return id == "" })...)
			})
		})
	}
}

// Row 16: Secrets Manager refuses to change a KMS key that is not usable. The Update names both keys, and changes neither
// value nor access key.
func TestRow16KmsKeyCannotBeChanged(t *testing.T) {
	for dead, codes := range map[string]string{"alias/mine": "DecryptionFailure", "alias/new": "EncryptionFailure"} {
		inWorld(t, func(w *bench) {
			w.AWS.StrictKmsKeys = true
			key := w.created(encrypted).Data["AccessKeyId"]
			<-time.After(time.Hour)
			w.AWS.SetKmsKeyUsable(dead, false)
			was := w.AWS.Snapshot()
			p := with("SecretKmsKeyId", "alias/new")
			w.saysAll(w.update(w.idOf(p), p, encrypted), "secret clickhouse/s3", "alias/mine", "alias/new", codes)
			w.same(was)
			w.AWS.SetKmsKeyUsable(dead, true)
			w.history(update(p, p, encrypted))
			w.holdsKeys(p, key)
		})
	}
}

// Row 16: the new KMS key is not usable, so that nothing can be written. The Update names it, and the way back goes
// through, where the key before is usable.
func TestRow16NewKmsKeyIsDead(t *testing.T) {
	for _, isReadable := range yesAndNo {
		inWorld(t, func(w *bench) {
			key := w.created(encrypted).Data["AccessKeyId"]
			<-time.After(time.Hour)
			w.AWS.SetKmsKeyUsable("alias/mine", isReadable)
			w.AWS.SetKmsKeyUsable("alias/dead", false)
			was := w.AWS.Snapshot()
			p := with("SecretKmsKeyId", "alias/dead", "Prefix", "logs")
			w.saysAll(w.update(w.idOf(p), p, encrypted), "value of secret clickhouse/s3", "EncryptionFailure", "KMS key is alias/dead", "SecretKmsKeyId")
			w.keepsTheKey(was)
			if isReadable {
				w.history(update(encrypted, encrypted, p))
				w.holdsKeys(encrypted, key)
			}
			w.anew()
			w.history(update(encrypted, with("Prefix", "logs"), encrypted)) // and a usable one heals
		})
	}
}

// Row 25: the KMS key of a Create is not usable. The error names it, and nothing is left.
func TestRow25CreateWithADeadKmsKey(t *testing.T) {
	for name, dies := range map[string]func(w *bench){
		"dead": func(w *bench) { w.AWS.SetKmsKeyUsable("alias/mine", false) },
		"no right": func(w *bench) {
			w.AWS.Before = only("PutSecretValue", awsfake.Refuse(&awsfake.Error{Status: 400, Code: "AccessDeniedException", Message: "Access to KMS is not allowed"}))
		},
		"at once": func(w *bench) {
			w.AWS.Before = only("CreateSecret", awsfake.Refuse(&awsfake.Error{Status: 400, Code: "EncryptionFailure", Message: "Secrets Manager can't encrypt."}))
		},
	} {
		for _, days := range []string{"0", "7"} {
			t.Run(name+" "+days, func(t *testing.T) {
				p := plus(encrypted, "SecretRecoveryDays", days)
				inWorld(t, func(w *bench) {
					dies(w)
					was := w.AWS.Snapshot()
					a := w.create(p)
					w.saysAll(a, "secret clickhouse/s3", "alias/mine", "KMS")
					w.saysNone(a, "undo")
					w.same(was)
					w.history(remove(p))
				})
				inWorld(t, func(w *bench) {
					w.history(create(named))
					<-time.After(time.Hour)
					dies(w)
					was := w.AWS.Snapshot()
					q := plus(renaming(named), "SecretKmsKeyId", "alias/mine", "SecretRecoveryDays", days)
					w.saysAll(w.update(w.idOf(named), q, named), "secret clickhouse/s3-2", "alias/mine")
					w.same(was)
					w.history(update(named, named, q))
					w.same(was)
				})
			})
		}
	}
}

// A29: an undoing reads no value. One that is there counts as committed, so the set stays until its Delete, or the Update
// back, removes it.
func TestA29UndoLeavesWhatMayBeCommitted(t *testing.T) {
	for name, spoils := range unreadables {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.killedAfter("PutSecretValue", create(encrypted))
				spoils(w)
				was := w.AWS.Snapshot()
				w.saysWhatToDo(w.create(encrypted), "alias/mine")
				w.same(was)
				w.history(remove(encrypted))
				w.isGone(encrypted, thingsOfASet...)
			})
			inWorld(t, func(w *bench) {
				w.created(named)
				<-time.After(time.Hour)
				was := w.AWS.Snapshot()
				q := plus(renaming(named), "SecretKmsKeyId", "alias/mine")
				w.killedAfter("PutSecretValue", update(named, q, named))
				spoils(w)
				w.saysAll(w.update(w.idOf(named), q, named), "secret clickhouse/s3-2: its value cannot be read", "alias/mine")
				w.keeps(was, named, []string{"user"})
				if len(w.AWS.Snapshot().Users) != 2 {
					t.Error("the new set was undone")
				}
				w.history(update(named, named, q))
				w.isGone(q, thingsOfASet...)
				w.keepsTheKey(was)
			})
		})
	}
}

// A29: where there is no value, or the one of an earlier life, the set is undone, though Secrets Manager does not say so of
// the value: DescribeSecret does.
func TestA29UndoWithoutAValue(t *testing.T) {
	for name, spoils := range unreadables {
		if name == "dead key" { // that is row 25
			continue
		}
		for days, start := range both([]string{"0", "7"}, []string{"new", "restored"}) {
			t.Run(strings.Join([]string{name, days, start}, " "), func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := plus(encrypted, "SecretRecoveryDays", days)
					if start == "restored" {
						recovering := plus(p, "SecretRecoveryDays", "7")
						w.history(create(recovering), remove(recovering))
					}
					w.killedAfter("CreateUser", create(p))
					spoils(w)
					w.AWS.Before = first(w.AWS.Before, deny("PutPublicAccessBlock", "GetPublicAccessBlock"))
					w.refused(w.create(p), "AccessDenied")
					w.AWS.Before = nil
					w.isGone(p, thingsOfASet...)
					if secret, isThere := w.AWS.Snapshot().Secrets["clickhouse/s3"]; isThere != (start == "restored") {
						t.Errorf("secret: %+v", secret)
					}
				})
			})
		}
	}
}
