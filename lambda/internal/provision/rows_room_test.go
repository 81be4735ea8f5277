package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/sim"
)

// A user has two keys at most, and none without a boundary: A14 and A26.

// A14: a key is needed, and the user has two. Which of them goes: an inactive one, then one that nobody speaks for past
// its lease, then the one whose pair S3 does not know. The previous one never.
func TestA14RoomForAThirdKey(t *testing.T) {
	for name, test := range map[string]struct {
		stored   func(w *bench, id string) // what is wrong with the stored key
		beside   func(w *bench, id string) // what the second key is
		goes     string                    // stored or beside
		previous string                    // that the tag names in the end
	}{
		"wrong pair, inactive one":       {wrongSecret, inactive, "beside", "stored"},
		"wrong pair, unspoken one":       {wrongSecret, nobodys, "beside", "stored"},
		"wrong pair, previous one":       {wrongSecret, previous, "stored", "beside"},
		"inactive, previous one":         {inactive, previous, "stored", "beside"},
		"inactive, unspoken one":         {inactive, nobodys, "stored", ""},
		"deleted, previous one":          {deletedKey, previous, "stored", "beside"},
		"value overwritten, previous":    {overwritten, previous, "stored", "beside"},
		"value without secret, previous": {incompleteValue, previous, "stored", "beside"},
	} {
		for kind, next := range map[string]event{"unchanged": update(named, named, named), "prefix": update(named, with("Prefix", "logs"), named)} {
			t.Run(name+" "+kind, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					ids := map[string]string{"stored": w.created(named).Data["AccessKeyId"]}
					ids["beside"], _ = w.AWS.AddKey("clickhouse")
					<-time.After(time.Hour)
					test.beside(w, ids["beside"])
					test.stored(w, ids["stored"])
					a := w.succeeded(w.play(next, nil).answer)
					stays := ids[map[string]string{"stored": "beside", "beside": "stored"}[test.goes]]
					if test.previous == "" {
						w.holdsKeys(named, a.Data["AccessKeyId"])
					} else {
						w.holdsKeys(named, stays, a.Data["AccessKeyId"])
					}
					w.keepsTags(w.tagsOf(w.parse(named), "secret"), previousKeyTag, ids[test.previous])
				})
			})
		}
	}
}

func wrongSecret(w *bench, _ string) { w.corrupts(named) }
func inactive(w *bench, id string)   { w.AWS.SetKeyActive(id, false) }
func nobodys(*bench, string)         {}
func deletedKey(w *bench, id string) { w.AWS.DeleteKey(id) }
func overwritten(w *bench, _ string) { w.AWS.PutSecretValue("clickhouse/s3", "nonsense") }
func previous(w *bench, id string) {
	w.AWS.TagSecret("clickhouse/s3", map[string]string{previousKeyTag: id})
}
func incompleteValue(w *bench, id string) {
	w.AWS.PutSecretValue("clickhouse/s3", `{"AWS_ACCESS_KEY_ID":"`+id+`"}`)
}

// A14: a second displacement. The key that was displaced first goes on working, and the one whose pair S3 does not know
// makes room.
func TestA14DisplacedTwice(t *testing.T) {
	inWorld(t, func(w *bench) {
		first := w.created(named).Data["AccessKeyId"]
		var last string
		for range 3 {
			<-time.After(time.Hour)
			w.corrupts(named)
			w.anew()
			last = w.succeeded(w.update(w.idOf(named), named, named)).Data["AccessKeyId"]
			w.holdsKeys(named, first, last)
			w.keepsTags(w.tagsOf(w.parse(named), "secret"), previousKeyTag, first)
		}
	})
}

// A26: a user without a boundary who needs a key. An Update of a set that is there is never refused: value and keys stay
// as they are, in each kind of it, and the log says what is wrong. With the boundary put back the next one makes a key.
func TestA26InPlaceIsNeverRefused(t *testing.T) {
	for _, m := range everyMaking(t) {
		for name, tamper := range map[string]func(w *bench, user, key string){
			"key deleted":       func(w *bench, _, key string) { w.AWS.DeleteKey(key) },
			"key made inactive": func(w *bench, _, key string) { w.AWS.SetKeyActive(key, false) },
			"value overwritten": func(w *bench, _, _ string) { w.AWS.PutSecretValue(w.parse(m.p).SecretName, "nonsense") },
			"wrong pair":        func(w *bench, _, _ string) { w.corrupts(m.p) },
			"user made again": func(w *bench, user, _ string) {
				tags := w.AWS.Snapshot().Users[user].Tags
				w.AWS.DeleteUser(user)
				w.AWS.AddUser(user, "/bucketuser/", tags)
			},
		} {
			for kind, next := range keyEvents(m) {
				if m.turn > 0 && (name != "key deleted" || kind != "unchanged" && kind != "return") {
					continue // the first has all
				}
				t.Run(strings.Join([]string{m.name, name, kind}, " "), func(t *testing.T) {
					inRegion(t, m.region, func(w *bench) {
						m.make(w)
						next.before(w)
						s := w.parse(m.p)
						tamper(w, s.UserName, w.value(m.p)["AWS_ACCESS_KEY_ID"])
						w.AWS.SetBoundary(s.UserName, "")
						<-time.After(time.Hour)
						w.getsNoKeyInPlace(m, next.event)
					})
				})
			}
		}
	}
}

// getsNoKeyInPlace plays an Update of a user without a boundary, twice, and one after the boundary was put back.
func (w *bench) getsNoKeyInPlace(m making, e event) {
	w.t.Helper()
	was, user, secret := w.AWS.Snapshot(), w.parse(m.p).UserName, w.parse(m.p).SecretName
	for range 2 {
		w.history(e)
		w.keeps(was, m.p, []string{"user"})
		if diff := cmp.Diff(was.Secrets[secret].Versions, w.AWS.Snapshot().Secrets[secret].Versions); diff != "" {
			w.t.Errorf("values (-before +after)\n%s", diff)
		}
		w.warnsOf(m.p, "user")
	}
	w.AWS.SetBoundary(user, sim.Boundary)
	<-time.After(time.Hour)
	w.anew()
	a := w.succeeded(w.update(w.idOf(m.p), e.p, e.p))
	keys := w.AWS.Snapshot().Users[user].Keys
	if last := keys[len(keys)-1]; last.ID != a.Data["AccessKeyId"] || last.Secret != w.value(m.p)["AWS_SECRET_ACCESS_KEY"] || !last.Active {
		w.t.Errorf("the secret does not hold the newest of the keys %v", keys)
	}
}

// A26: an event that begins a set gives no key to a user whom it did not make as it should be: a Create, and a
// replacement. Nothing of the new set is left.
func TestA26BeginningIsRefused(t *testing.T) {
	for _, region := range []string{"eu-west-1", "us-east-1"} {
		for name, e := range map[string]event{"create": create(named), "replacement": update(named, other(named), named)} {
			t.Run(name+" "+region, func(t *testing.T) {
				inRegion(t, region, func(w *bench) {
					if name == "replacement" {
						w.created(named)
					}
					<-time.After(time.Hour)
					was := w.AWS.Snapshot()
					w.killedAfter("CreateUser", e)
					w.AWS.SetBoundary(w.parse(e.p).UserName, "")
					<-time.After(3 * time.Minute)
					w.refused(w.play(e, nil).answer, "boundary")
					w.unchanged(was)
					if name == "replacement" {
						w.history(update(named, named, other(named)))
						w.same(was)
					}
				})
			})
		}
	}
}
