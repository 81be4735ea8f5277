package provision_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/smfake"
)

// Rotations that something stands in the way of: a read from before, a key that does not work, a version that nobody can read.

// Requirement 3: any list of the keys that finishSecret reads is from before the current key was made. The key that is displaced goes on
// working, and is the previous one from then on.
func TestR3DisplacedKeyIsNotListedYet(t *testing.T) {
	reached := 0
	for n := 1; n == reached+1; n++ {
		inWorld(t, func(w *bench) {
			w.AWS.History = staleness
			first := w.created(rotated).Data["AccessKeyId"]
			passes(40 * time.Second)
			is := w.begins(false).does(smfake.CreateSecret, smfake.SetSecret, smfake.TestSecret)
			w.AWS.Before = w.listsBeforeTheKey(n, func() { reached = n })
			is.does(smfake.FinishSecret)
			w.AWS.Before = nil
			w.holds(is.key())
			w.hasKeys(first, is.key())
			if previous := w.secretTag("previous-key"); previous != first {
				t.Errorf("ListAccessKeys %d: the previous key is %q, want %s", n, previous, first)
			}
		})
	}
	if reached < 2 {
		t.Errorf("only %d lists", reached)
	}
}

// listsBeforeTheKey has the n-th ListAccessKeys answer from before the user's oldest key was made, and then calls do.
func (w *bench) listsBeforeTheKey(n int, do func()) hook {
	lists := 0
	return oneByOne(func(_ context.Context, c awsfake.Call) (d awsfake.Decision) {
		if c.Operation != "ListAccessKeys" {
			return d
		}
		if lists++; lists != n {
			return d
		}
		minted := slices.DeleteFunc(w.AWS.LagsBehind(c), func(write awsfake.Write) bool { return write.Name != "iam:CreateAccessKey" })
		if len(minted) == 0 {
			w.t.Errorf("ListAccessKeys %d cannot be from before the key", n)
			return d
		}
		do()
		return awsfake.Stale(slices.MinFunc(minted, func(a, b awsfake.Write) int { return a.At.Compare(b.At) }))
	})
}

// Requirement 9: the key of an unfinished rotation was made inactive by hand, so that nobody can finish it. The rotation that comes
// next fails once and gives it up; the one after that succeeds, under whatever token Secrets Manager goes on. The key that does not
// work goes with that, or with an Update before.
func TestR9UnfinishedKeyThatIsInactive(t *testing.T) {
	for name, test := range map[string]struct{ isAnew, isUpdated bool }{
		"same token":            {false, false},
		"another token":         {true, false},
		"another token, Update": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				first := w.aged()
				dead := w.begins(false).does(smfake.CreateSecret).key()
				w.AWS.SetKeyActive(dead, false)
				passes(24 * time.Hour)
				reason := map[bool]string{false: "access key " + dead, true: keyring.ErrRotating.Error()}[test.isAnew]
				w.begins(test.isAnew).fails(smfake.CreateSecret, reason)
				if w.holds(first); w.isPending() {
					t.Errorf("AWSPENDING is on %s", w.versionWith("AWSPENDING"))
				}
				passes(24 * time.Hour)
				p := rotated
				if test.isUpdated {
					p = w.updatesAgain(p)
					w.hasKeys(first)
				}
				w.rotate(smfake.How{})
				second, _ := w.keysInUse()
				if w.hasKeys(first, second); second == first || w.secretTag("rotation") != "" {
					t.Errorf("the value names key %s, the note says %q", second, w.secretTag("rotation"))
				}
				w.isServedAfterwards(p)
			})
		})
	}
}

// Requirement 3: an Update that raises KeySerial dies before the move, and the KMS key that its staged version is encrypted with is disabled
// later. UpdateSecret encrypts no version again that bears another label than those of AWS. The version is in the way of neither a
// raised KeySerial nor a rotation, and the key that it names goes.
func TestR3StagedVersionThatNobodyCanRead(t *testing.T) {
	for name, rotates := range map[string]func(w *bench) string{
		"KeySerial": func(w *bench) string {
			return w.updates(raised("7", rotated, "SecretKmsKeyId", "alias/other"), plus(rotated, "SecretKmsKeyId", "alias/other"))
		},
		"rotation": func(w *bench) string { w.rotate(smfake.How{}); return w.value(named)["AWS_ACCESS_KEY_ID"] },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				p, q := plus(rotated, "SecretKmsKeyId", "alias/mine"), plus(rotated, "SecretKmsKeyId", "alias/other")
				first := w.created(p).Data["AccessKeyId"]
				passes(time.Hour)
				w.AWS.Before = atMove(awsfake.Refuse(awsfake.Killed), 1)
				w.play(update(p, raised("1", p), p), nil)
				w.AWS.Before = nil
				staged := w.keys()[1]
				w.updates(q, p)
				w.AWS.SetKmsKeyUsable("alias/mine", false)
				if w.hasKeys(first, staged); w.versionWith("bucketuser-staged") == "" {
					t.Fatal("no version is staged")
				}
				passes(24 * time.Hour)
				second := rotates(w)
				w.holds(second)
				w.hasKeys(first, second)
			})
		})
	}
}
