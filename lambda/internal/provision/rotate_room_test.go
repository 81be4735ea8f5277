package provision_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/internal/smfake"
)

// Room for a key, repair and proof in a rotation: A13, and requirements 5 and 6.

// roles says what two keys of a user are to the secret, and which of them a new one makes room for.
type roles struct {
	stored func(w *bench, id string)
	beside func(w *bench, id string)
	goes   string // stored or beside
}

var rooms = map[string]roles{
	"both work, previous one":        {nobodys1, previous, "beside"},
	"both work, unspoken one":        {nobodys1, nobodys1, "beside"},
	"works, inactive one":            {nobodys1, inactive, "beside"},
	"inactive, previous one":         {inactive, previous, "stored"},
	"inactive, inactive previous":    {inactive, func(w *bench, id string) { previous(w, id); inactive(w, id) }, "stored"},
	"inactive, unspoken one":         {inactive, nobodys1, "beside"},
	"wrong pair, previous one":       {wrongSecret, previous, "stored"},
	"wrong pair, unspoken one":       {wrongSecret, nobodys1, "beside"},
	"wrong pair, inactive one":       {wrongSecret, inactive, "beside"},
	"works, inactive previous one":   {nobodys1, func(w *bench, id string) { previous(w, id); inactive(w, id) }, "beside"},
	"value without secret, previous": {incompleteOf, previous, "stored"},
}

func nobodys1(*bench, string) {}

// incompleteOf takes the secret access key out of the value.
func incompleteOf(w *bench, _ string) { w.takesField(named, "AWS_SECRET_ACCESS_KEY") }

// rotaters are the two ways to a new key.
var rotaters = map[string]func(w *bench) sim.Properties{
	"rotation":  func(w *bench) sim.Properties { w.rotate(smfake.How{}); return rotated },
	"KeySerial": func(w *bench) sim.Properties { p := raised("1", rotated); w.updates(p, rotated); return p },
}

// A13: which of two keys goes. The only one that works never does, unless none does.
func TestA13RoomForANewKey(t *testing.T) {
	for name, is := range rooms {
		for way := range rotaters {
			for _, unverified := range []string{"true", "false"} {
				t.Run(name+" "+way+" "+unverified, func(t *testing.T) {
					inWorld(t, func(w *bench) { w.makesRoom(name, is, way, unverified) })
				})
			}
		}
	}
}

// makesRoom has a user with two keys get a third.
func (w *bench) makesRoom(name string, is roles, way, verified string) {
	w.t.Helper()
	p := plus(rotated, "VerifyCredentials", verified)
	ids := map[string]string{"stored": w.created(p).Data["AccessKeyId"]}
	ids["beside"], _ = w.AWS.AddKey("clickhouse")
	passes(time.Hour)
	is.beside(w, ids["beside"])
	is.stored(w, ids["stored"])
	passes(time.Hour)
	if way == "rotation" {
		w.rotate(smfake.How{})
	} else {
		w.updates(raised("1", p), p)
	}
	w.works()
	current, all := w.keysInUse()
	if slices.Contains(all, ids[is.goes]) || current == ids["stored"] || current == ids["beside"] || len(all) != 2 && !strings.Contains(name, "inactive") {
		w.t.Errorf("stored %s, beside %s; then %s of %v", ids["stored"], ids["beside"], current, all)
	}
}

// A13: the previous key goes only after the current one was proven now. Where that is denied what Access promises, nothing
// goes and no key is made; with VerifyCredentials false the pair is asked, which is right.
func TestA13CurrentIsProvenFirst(t *testing.T) {
	for _, verified := range []string{"true", "false"} {
		for _, way := range []string{"rotation", "KeySerial"} {
			t.Run(way+" "+verified, func(t *testing.T) {
				inWorld(t, func(w *bench) { w.keepsBothUnlessProven(verified, way) })
			})
		}
	}
}

// keepsBothUnlessProven asks for a new key while the current one is denied what Access promises.
func (w *bench) keepsBothUnlessProven(verified, way string) {
	w.t.Helper()
	p := plus(rotated, "VerifyCredentials", verified)
	w.created(p)
	w.rotate(smfake.How{})
	passes(time.Hour)
	_, was := w.keysInUse()
	w.shares("my-data", `{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::my-data/*"}`)
	passes(time.Hour)
	minted := w.called("CreateAccessKey")
	var isDone bool
	if way == "rotation" {
		isDone = w.manager(w.AWS.Session("rotation"), smfake.How{}).Rotate(w.t.Context(), "clickhouse/s3") == nil
	} else {
		w.anew()
		isDone = w.update(w.idOf(p), raised("1", p), p).Status == "SUCCESS"
	}
	if isDone != (verified == "false") {
		w.t.Errorf("success: %t\n%s", isDone, w.Log.String())
	}
	if verified == "true" {
		w.hasKeys(was...)
		if w.called("CreateAccessKey") > minted {
			w.t.Error("a key was made")
		}
	}
}

// A13: a key that nobody speaks for, young or two of them: a rotation waits until it is past its lease, and not longer.
func TestA13YoungKeyIsWaitedFor(t *testing.T) {
	for way, rotates := range rotaters {
		t.Run(way, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				first := w.aged()
				young, _ := w.AWS.AddKey("clickhouse")
				start := time.Now()
				rotates(w)
				if took := time.Since(start); took < 5*time.Minute || took > 9*time.Minute {
					t.Errorf("took %s", took)
				}
				w.works(first)
				if slices.Contains(w.keys(), young) {
					t.Error("the young key stays")
				}
			})
		})
	}
}

// breakages are what may be wrong with the current key.
var breakages = map[string]func(w *bench, id string){
	"deleted":        deletedKey,
	"inactive":       inactive,
	"wrong pair":     wrongSecret,
	"without secret": incompleteOf,
	"none":           nobodys1,
}

// Requirement 5: the current key does not work any more: a rotation mints, proves and finishes all the same, also where
// there is a previous key, which stays if it is the only one that works.
func TestR5RotationRepairs(t *testing.T) {
	for name, breaks := range breakages {
		for _, hasPrevious := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				inWorld(t, func(w *bench) { w.repairsByARotation(name, breaks, hasPrevious) })
			})
		}
	}
}

// repairsByARotation rotates a set whose current key does not work.
func (w *bench) repairsByARotation(name string, breaks func(*bench, string), hasPrevious bool) {
	w.t.Helper()
	w.created(rotated)
	if hasPrevious {
		w.rotate(smfake.How{})
	}
	passes(time.Hour)
	current, all := w.keysInUse()
	breaks(w, current)
	passes(time.Hour)
	w.rotate(smfake.How{})
	now, left := w.keysInUse()
	w.works()
	if now == current || len(left) > 2 {
		w.t.Errorf("keys: %v, then %v", all, left)
	}
	if hasPrevious && name != "none" {
		w.works(all[0])
		w.keepsTags(w.tagsOf(w.parse(named), "secret"), previousKeyTag, all[0])
	}
	w.isServedAfterwards(rotated)
}

// Requirement 5: the new key breaks between the steps. No good key gives way to it, and the next rotation makes another.
func TestR5NewKeyBreaks(t *testing.T) {
	for name, breaks := range map[string]func(w *bench, id string){"deleted": deletedKey, "inactive": inactive} {
		for _, before := range []smfake.Step{smfake.CreateSecret, smfake.TestSecret, smfake.FinishSecret} {
			t.Run(name+" "+string(before), func(t *testing.T) {
				inWorld(t, func(w *bench) {
					first := w.aged()
					is := w.begins(false).does(smfake.CreateSecret)
					breaks(w, is.key())
					passes(time.Minute)
					is.fails(before, "")
					w.holds(first)
					passes(10 * time.Minute)
					w.rotate(smfake.How{Attempts: 3})
					w.works(first)
					w.isServedAfterwards(rotated)
				})
			})
		}
	}
}

// Requirement 6: testSecret and finishSecret use the key of that very version for what Access promises, until it works.
func TestR6ProofIsWhatAccessPromises(t *testing.T) {
	for access, uses := range map[string][]string{
		"ReadWrite": {"DeleteObject", "GetObject", "ListObjectsV2", "PutObject"},
		"ReadOnly":  {"GetObject", "ListObjectsV2"},
		"Full":      {"DeleteObject", "GetObject", "ListObjectsV2", "PutObject"},
	} {
		t.Run(access, func(t *testing.T) {
			inWorld(t, func(w *bench) { w.provesWhat(access, uses) })
		})
	}
}

// provesWhat fails the test unless both steps use the new key for these calls.
func (w *bench) provesWhat(access string, uses []string) {
	w.t.Helper()
	w.created(plus(rotated, "Access", access))
	passes(time.Hour)
	is := w.begins(false).does(smfake.CreateSecret)
	for _, step := range []smfake.Step{smfake.TestSecret, smfake.FinishSecret} {
		before := len(w.AWS.Calls())
		is.does(step)
		var used []string
		for _, c := range w.AWS.Calls()[before:] {
			isAllowed := c.Code == "" || c.Code == "NoSuchKey" // the probe is read beside its being written
			if strings.HasPrefix(c.Caller, "user/") && isAllowed {
				used = append(used, c.Operation)
			}
		}
		if slices.Sort(used); !slices.Equal(slices.Compact(used), uses) {
			w.t.Errorf("%s uses the key for %v", step, used)
		}
	}
}

// Requirement 6: a key that cannot do what Access promises is made current by no step. With VerifyCredentials false the pair is
// asked, and the log says so; a pair that S3 does not know is made current by none either.
func TestR6UnprovenKeyIsNotMadeCurrent(t *testing.T) {
	for verified, says := range map[string]string{"true": "", "false": "does not prove the new key, but asks whether S3 knows it"} {
		t.Run("denied "+verified, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				first := w.created(plus(rotated, "VerifyCredentials", verified)).Data["AccessKeyId"]
				passes(time.Hour)
				is := w.begins(false).does(smfake.CreateSecret)
				w.shares("my-data", `{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::my-data/*"}`)
				passes(time.Minute)
				if verified == "true" {
					is.fails(smfake.TestSecret, "DeleteObject").fails(smfake.FinishSecret, "DeleteObject")
					w.holds(first)
					return
				}
				is.does(smfake.TestSecret, smfake.FinishSecret)
				if !strings.Contains(w.Log.String(), says) {
					t.Errorf("the log lacks %q", says)
				}
			})
		})
		t.Run("not known "+verified, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				first := w.created(plus(rotated, "VerifyCredentials", verified)).Data["AccessKeyId"]
				passes(time.Hour)
				is := w.begins(false).does(smfake.CreateSecret)
				w.AWS.DeleteKey(is.key())
				is.fails(smfake.TestSecret, "").fails(smfake.FinishSecret, "")
				w.holds(first)
			})
		})
	}
}
