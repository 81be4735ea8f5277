package provision_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// What an Update does with the key that the secret names, by the numbers of row and attack.

// previousKeyTag names the key that works on beside the one in the secret.
const previousKeyTag = "bucketuser:previous-key"

// value returns the fields of the current value of a set's secret.
func (w *bench) value(p sim.Properties) map[string]string {
	w.t.Helper()
	fields := map[string]string{}
	for _, version := range w.AWS.Snapshot().Secrets[w.parse(p).SecretName].Versions {
		if slices.Contains(version.Stages, "AWSCURRENT") {
			_ = json.Unmarshal([]byte(version.Value), &fields) // a value of somebody else's has none
		}
	}
	return fields
}

// corrupts writes another secret access key into the value, beside the id of the key that is there.
func (w *bench) corrupts(p sim.Properties) {
	w.t.Helper()
	fields := w.value(p)
	fields["AWS_SECRET_ACCESS_KEY"] = "fake+wrong/" + strings.Repeat("x", 29)
	text, err := json.Marshal(fields)
	if err != nil {
		w.t.Fatal(err)
	}
	w.AWS.PutSecretValue(w.parse(p).SecretName, string(text))
}

// holdsKeys fails the test unless the user has exactly these keys, all active, and the secret holds the last of them,
// as it was made.
func (w *bench) holdsKeys(p sim.Properties, ids ...string) {
	w.t.Helper()
	keys, fields := w.AWS.Snapshot().Users[w.parse(p).UserName].Keys, w.value(p)
	var have []string
	for _, key := range keys {
		have = append(have, key.ID)
		if !key.Active {
			w.t.Errorf("key %s is inactive", key.ID)
		}
	}
	if diff := cmp.Diff(ids, have); diff != "" {
		w.t.Errorf("keys (-want +got)\n%s", diff)
	}
	want := awsfake.AccessKey{ID: fields["AWS_ACCESS_KEY_ID"], Secret: fields["AWS_SECRET_ACCESS_KEY"], Active: true}
	if !slices.Contains(keys, want) || want.ID != ids[len(ids)-1] {
		w.t.Errorf("the secret holds key %s, which is not the last of %v, or not as it was made", want.ID, keys)
	}
}

// keyEvents are the Updates of a set that keep its key, each with what was before it.
func keyEvents(m making) map[string]struct {
	before func(*bench)
	event  event
} {
	q := renaming(m.p)
	prefix := plus(m.p, "Prefix", "logs")
	return map[string]struct {
		before func(*bench)
		event  event
	}{
		"unchanged": {nothing, update(m.p, m.p, m.p)},
		"prefix":    {nothing, update(m.p, prefix, m.p)},
		"unproven":  {nothing, update(m.p, plus(m.p, "VerifyCredentials", "false"), m.p)},
		"read-only": {nothing, update(m.p, plus(m.p, "Access", "ReadOnly"), m.p)},
		"back":      {func(w *bench) { w.killedAfter("CreateSecret", m.replaces()) }, m.back()},
		"return":    {func(w *bench) { w.history(m.replaces()) }, update(q, m.p, q)},
	}
}

// Row 36: the secret's value has the right key id and a wrong secret access key. An Update notices it, makes another key,
// and keeps the displaced one active: its id is on the secret before the commit.
func TestRow36(t *testing.T) {
	long(t)
	for _, m := range everyMaking(t) {
		for name, test := range keyEvents(m) {
			t.Run(m.name+" "+name, func(t *testing.T) {
				inRegion(t, m.region, func(w *bench) {
					m.make(w)
					test.before(w)
					<-time.After(time.Hour)
					w.corrupts(m.p)
					displaced := w.value(m.p)["AWS_ACCESS_KEY_ID"]
					w.at("PutSecretValue", func() {
						w.keepsTags(w.tagsOf(w.parse(m.p), "secret"), previousKeyTag, displaced)
					})
					a := w.succeeded(w.play(test.event, nil).answer)
					w.AWS.Before = nil
					w.holdsKeys(m.p, displaced, a.Data["AccessKeyId"])
					if name == "unchanged" || name == "return" {
						w.keepsBothKeys(m, displaced, a.Data["AccessKeyId"])
					}
				})
			})
		}
	}
}

// keepsBothKeys plays the Updates that may follow, and a Delete.
func (w *bench) keepsBothKeys(m making, displaced, current string) {
	w.t.Helper()
	was := m.p
	for _, change := range [][]any{{"Prefix", "other"}, {"SecretKmsKeyId", "alias/mine"}, {"Tags", []any{map[string]any{"Key": "team", "Value": "data"}}},
		{"Access", "Full"}, {"SecretRecoveryDays", "7"}, {}} {
		p := plus(m.p, change...)
		<-time.After(time.Hour)
		w.anew()
		w.history(update(m.p, p, was))
		w.holdsKeys(m.p, displaced, current)
		w.keepsTags(w.tagsOf(w.parse(m.p), "secret"), previousKeyTag, displaced)
		was = p
	}
	w.AWS.DeleteBucket(w.parse(m.p).BucketName) // whether it holds data is not the matter here
	w.history(remove(m.p))
	w.isGone(m.p, "secret", "user")
}

// Row 36, its kind: the Update that displaces a key is cut off at each call and delivered again, or CloudFormation goes
// back. In the end the secret holds a key that works, and no key is lost that somebody may use.
func TestRow36IsCutOff(t *testing.T) {
	prefix := with("Prefix", "logs")
	for name, next := range map[string]event{"again": update(named, prefix, named), "back": update(named, named, prefix)} {
		t.Run(name, func(t *testing.T) {
			displaced := ""
			start := func(w *bench) {
				w.created(named)
				<-time.After(time.Hour)
				w.corrupts(named)
				displaced = w.value(named)["AWS_ACCESS_KEY_ID"]
			}
			eachCut(t, "eu-west-1", start, update(named, prefix, named), func(w *bench) {
				<-time.After(10 * time.Minute)
				a := w.succeeded(w.play(next, nil).answer)
				w.holdsKeys(named, displaced, a.Data["AccessKeyId"])
			})
		})
	}
}

// The answers of S3 to the stored key.
var (
	notKnown  = &awsfake.Error{Status: 403, Code: "InvalidAccessKeyId", Message: "The AWS Access Key Id you provided does not exist in our records."}
	wrongPair = &awsfake.Error{Status: 403, Code: "SignatureDoesNotMatch", Message: "The request signature we calculated does not match the signature you provided."}

	answersToTheStoredKey = map[string]struct {
		outcome  error
		isLogged bool
	}{
		"503":             {&awsfake.Error{Status: 503, Code: "SlowDown", Message: "Please reduce your request rate."}, true},
		"500":             {awsfake.Unavailable, true},
		"no answer":       {awsfake.ConnectionReset, true},
		"late rights":     {awsfake.AccessDenied, false},
		"Deny by address": {&awsfake.Error{Status: 403, Code: "AccessDenied", Message: "with an explicit deny in a resource-based policy"}, false},
		"organization": {&awsfake.Error{Status: 403, Code: "AccessDenied",
			Message: "with an explicit deny in a service control policy"}, false},
		"clock":       {&awsfake.Error{Status: 403, Code: "RequestTimeTooSkewed", Message: "The difference between the request time and the server's time is too large."}, true},
		"suspended":   {&awsfake.Error{Status: 403, Code: "AccountProblem", Message: "There is a problem with your AWS account."}, true},
		"no bucket":   {noBucket, true},
		"not at home": {&awsfake.Error{Status: 301, Code: "PermanentRedirect", Message: "The bucket you are attempting to access must be addressed using the specified endpoint."}, true},
	}
)

// answered has S3 give an answer to the stored key for a while, until another key is made.
func answered(outcome error, d time.Duration) hook {
	isMade := false
	give := notYet(d, outcome, func(c awsfake.Call) bool { return strings.HasPrefix(c.Caller, "user/") })
	return oneByOne(func(ctx context.Context, c awsfake.Call) awsfake.Decision {
		if isMade = isMade || c.Operation == "CreateAccessKey"; isMade {
			return awsfake.Decision{}
		}
		return give(ctx, c)
	})
}

// A14: S3 answers the stored key with anything but the two codes. Nothing is changed, and the answer is logged but for
// AccessDenied, which proves the pair right.
func TestA14OtherAnswersChangeNothing(t *testing.T) {
	long(t)
	for name, test := range answersToTheStoredKey {
		for _, age := range []time.Duration{time.Second, time.Hour} {
			for kind, next := range keyEvents(namedMaking) {
				t.Run(strings.Join([]string{name, kind, age.String()}, " "), func(t *testing.T) {
					inWorld(t, func(w *bench) {
						key := w.created(named).Data["AccessKeyId"]
						next.before(w)
						<-time.After(age)
						w.keepsItsKey(next.event, key, answered(test.outcome, time.Hour))
						if isLogged := strings.Contains(w.Log.String(), `"accessKeyId":"`+key+`","reason":`); isLogged != test.isLogged {
							t.Errorf("logged: %t", isLogged)
						}
					})
				})
			}
		}
	}
}

// keepsItsKey plays an Update while S3 gives an answer to the stored key.
func (w *bench) keepsItsKey(e event, key string, answers hook) {
	w.t.Helper()
	w.AWS.Before = first(takesTime, answers)
	start := time.Now()
	w.succeeded(w.play(e, nil).answer)
	if took := time.Since(start); took > 4*time.Minute {
		w.t.Errorf("took %s", took)
	}
	w.AWS.Before = nil
	w.holdsKeys(named, key)
	w.keepsTags(w.tagsOf(w.parse(named), "secret"), previousKeyTag, "")
}

// A14: InvalidAccessKeyId and SignatureDoesNotMatch are a reason for a new key once the key is past the propagation
// window. Before, they are asked again.
func TestA14TwoAnswersMakeANewKey(t *testing.T) {
	for name, outcome := range map[string]error{"not known": notKnown, "wrong pair": wrongPair} {
		for _, test := range []struct {
			age, d   time.Duration
			makesOne bool
		}{{time.Second, 20 * time.Second, false}, {time.Second, time.Hour, true}, {time.Hour, time.Hour, true}} {
			for kind, next := range keyEvents(namedMaking) {
				t.Run(strings.Join([]string{name, kind, test.age.String(), test.d.String()}, " "), func(t *testing.T) {
					inWorld(t, func(w *bench) {
						key := w.created(named).Data["AccessKeyId"]
						next.before(w)
						<-time.After(test.age)
						if !test.makesOne {
							w.keepsItsKey(next.event, key, answered(outcome, test.d))
							return
						}
						w.AWS.Before = first(takesTime, answered(outcome, test.d))
						a := w.succeeded(w.play(next.event, nil).answer)
						w.holdsKeys(named, key, a.Data["AccessKeyId"])
						w.keepsTags(w.tagsOf(w.parse(named), "secret"), previousKeyTag, key)
					})
				})
			}
		}
	}
}

// A14: the key is tried by one call, for one object below its prefix.
func TestA14TriesByOneCall(t *testing.T) {
	for _, p := range []sim.Properties{named, with("Prefix", "a&b%41 c/", "Access", "ReadOnly"), with("VerifyCredentials", "false")} {
		inWorld(t, func(w *bench) {
			w.created(p)
			<-time.After(time.Hour)
			var tries []string
			w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
				if strings.HasPrefix(c.Caller, "user/") {
					in, ok := c.Input.(*s3.ListObjectsV2Input)
					if tries = append(tries, c.Operation); !ok || *in.Prefix != w.parse(p).Prefix || *in.MaxKeys != 1 {
						t.Errorf("%s: %+v", c, c.Input)
					}
				}
				return awsfake.Decision{}
			})
			w.succeeded(w.update(w.idOf(p), p, p))
			if len(tries) != 1 {
				t.Errorf("tries: %v", tries)
			}
		})
	}
}
