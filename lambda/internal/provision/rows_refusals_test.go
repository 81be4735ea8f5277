package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// What is refused for what somebody else has, and what the refusals say, by the numbers of row and attacks.

// theirTags are the tags that a thing of somebody else's may have.
var theirTags = map[string]func(w *bench, p sim.Properties) map[string]string{
	"none":         func(*bench, sim.Properties) map[string]string { return nil },
	"of their own": func(*bench, sim.Properties) map[string]string { return map[string]string{"team": "data"} },
	"of another resource": func(w *bench, _ sim.Properties) map[string]string {
		return map[string]string{"bucketuser:owner": "Old-v1-x", "bucketuser:stack-id": w.stackID + "-2", "bucketuser:logical-id": "Old"}
	},
	"two of ours": func(w *bench, p sim.Properties) map[string]string {
		return map[string]string{"bucketuser:stack-id": w.stackID, "bucketuser:owner": w.idOf(p)}
	},
}

// A3: nothing of the name is taken: a bucket, a secret or a user of somebody else's, made before the first delivery or
// between two of them, with names that were given or generated. Theirs stays as it is, and nothing of ours is left.
func TestA3(t *testing.T) {
	long(t)
	for _, thing := range thingsOfASet {
		for name, tags := range theirTags {
			for killed, isReplacement := range both([]string{"", "CreateSecret", "CreateAccessKey"}, yesAndNo) {
				for region, p := range both(regions[:map[bool]int{true: 1, false: 2}[isReplacement]], []sim.Properties{named, {}, with("OnDelete", "Retain")}) {
					t.Run(strings.Join([]string{thing, name, region, killed}, " "), func(t *testing.T) {
						inRegion(t, region, func(w *bench) { w.takesNothing(thing, tags, p, killed, isReplacement) })
					})
				}
			}
		}
	}
}

// takesNothing plays a Create, or a replacement, that meets a thing of somebody else's. Where an earlier delivery was
// cut off, what it had made of that name is somebody else's by now.
func (w *bench) takesNothing(thing string, tags func(*bench, sim.Properties) map[string]string, p sim.Properties, killed string, isReplacement bool) {
	w.t.Helper()
	e, next := create(p), remove(p)
	if isReplacement {
		q := renaming(p)
		w.created(p)
		e, next, p = update(p, q, p), update(p, p, q), q
		<-time.After(time.Hour)
	}
	was, s := w.AWS.Snapshot(), w.parse(p)
	if killed != "" {
		w.killedAfter(killed, e)
	}
	w.takesAway(s, thing)
	w.adds(s, thing, tags(w, p))
	theirs := w.AWS.Snapshot()
	<-time.After(3 * time.Minute)
	a := w.play(e, nil).answer
	w.saysAll(a, nameOf(s, thing))
	w.saysNone(a, "bucketuser:adopted")
	if strings.Contains(a.Reason, "released") && (thing != "bucket" || tags(w, p)["bucketuser:owner"] != "") {
		w.t.Errorf("the reason advises to release what is somebody else's: %s", a.Reason)
	}
	w.keeps(theirs, p, []string{thing})
	w.succeeded(w.play(next, nil).answer)
	w.keeps(theirs, p, []string{thing})
	for _, other := range thingsOfASet {
		isDoubtful := other == "bucket" && thing == "secret" // nothing says any more that we made it
		if other != thing && !(isDoubtful && w.tagsOf(s, other)["bucketuser:owner"] == "released") {
			w.isGone(p, other)
		}
	}
	if isReplacement {
		w.keeps(was, next.p, thingsOfASet, ignoreLastEvent)
	}
}

// takesAway has somebody delete a thing of a set.
func (w *bench) takesAway(s spec.Spec, thing string) {
	switch thing {
	case "bucket":
		w.AWS.DeleteBucket(s.BucketName)
	case "secret":
		w.AWS.DeleteSecret(s.SecretName, 0)
	case "user":
		w.AWS.DeleteUser(s.UserName)
	}
}

// A refusal is one for the state of the account, with the event that CloudFormation sends after it.
type refusal struct {
	name   string
	start  func(*bench)
	before hook // of both events
	event  event
	back   event
}

// refusals are all of them.
func refusals() (all []refusal) {
	add := func(name string, e, back event, start func(*bench), before hook) {
		all = append(all, refusal{name, start, before, e, back})
	}
	retain := with("OnDelete", "Retain")
	for _, thing := range thingsOfASet {
		taken := func(p sim.Properties) func(*bench) {
			return func(w *bench) { w.adds(w.parse(p), thing, map[string]string{"team": "data"}) }
		}
		add("create, "+thing+" taken", create(named), remove(named), taken(named), nil)
		add("replacement, "+thing+" taken", update(named, other(named), named), update(named, named, other(named)),
			func(w *bench) { w.created(named); taken(other(named))(w) }, nil)
		for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
			p := with("OnDelete", onDelete)
			if thing == "bucket" && onDelete == "Retain" {
				continue // CloudFormation's Delete leaves it alone
			}
			add("replacement, "+thing+" lost, "+onDelete, update(p, other(p), p), update(p, p, other(p)),
				func(w *bench) { w.created(p); w.loses(p, losses[0], thing) }, nil)
		}
		for _, row := range inPlace {
			p := row.changed()
			if len(concerned[row.property]) > 0 && concerned[row.property][0] == thing {
				add("in place, "+thing+" lost, "+row.property, update(named, p, named), update(named, named, p),
					func(w *bench) { w.created(named); w.loses(named, losses[0], thing) }, nil)
			}
		}
	}
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge"} {
		p := with("OnDelete", onDelete)
		e, back := update(p, other(p), p), update(p, p, other(p))
		made := func(w *bench) { w.created(p) }
		add("replacement, data, "+onDelete, e, back, func(w *bench) { w.created(p); w.fill() }, nil)
		add("replacement, bucket denied, "+onDelete, e, back, func(w *bench) { w.created(p); denyAll(w.AWS, "my-data") }, nil)
		add("replacement, no right to the tags, "+onDelete, e, back, made, denied("my-data", "GetBucketTagging"))
		add("replacement, no right to the content, "+onDelete, e, back, made, denied("my-data", "ListObjectVersions"))
		add("replacement, no right to the mark, "+onDelete, e, back, made, denied("my-data", "PutBucketTagging"))
	}
	elsewhere := func(w *bench) { w.created(named); w.AWS.AddForeignBucket("my-data-2", "999999999999") }
	released := func(w *bench) {
		w.created(named)
		w.AWS.AddBucket("my-data-2", map[string]string{"bucketuser:owner": "released"})
	}
	large := with("Statements", []any{map[string]any{"Effect": "Allow", "Action": "s3:GetObjectTagging", "Resource": "/" + strings.Repeat("x", 700)}})
	add("replacement, bucket elsewhere", update(named, other(named), named), update(named, named, other(named)), elsewhere, nil)
	add("replacement, bucket released", update(named, other(named), named), update(named, named, other(named)), released, nil)
	add("in place, adopted", update(retain, with("OnDelete", "Purge"), retain), update(retain, retain, with("OnDelete", "Purge")),
		func(w *bench) { w.adopts(retain) }, nil)
	expiring := with("ExpireNoncurrentAfterDays", "30")
	add("create, never versioned", create(expiring), remove(expiring), nothing, nil)
	add("replacement, never versioned", update(named, other(expiring), named), update(named, named, other(expiring)), func(w *bench) { w.created(named) }, nil)
	add("in place, never versioned", update(named, expiring, named), update(named, named, expiring), func(w *bench) { w.created(named) }, nil)
	add("in place, policy of others", update(named, large, named), update(named, named, large), func(w *bench) { w.created(named); w.sharesAll("my-data") }, nil)
	return all
}

// sharesAll fills the policy of a bucket with statements of others, but for some 300 bytes.
func (w *bench) sharesAll(bucket string) {
	w.t.Helper()
	policy, object := w.AWS.Snapshot().Buckets[bucket].Policy, `"arn:aws:s3:::`+bucket+"/"+strings.Repeat("x", 100)+`"`
	theirs := `"Statement":[{"Sid":"Theirs","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::` + sim.Account + `:root"},"Action":"s3:PutObjectAcl","Resource":[` +
		strings.Repeat(object+",", (spec.MaxPolicyBytes-300-len(policy)-2*len(object))/len(object+",")) + object + `]},`
	if err := w.AWS.SetBucketPolicy(bucket, strings.Replace(policy, `"Statement":[`, theirs, 1)); err != nil {
		w.t.Fatal(err)
	}
}

// A7: each refusal for the state of the account, in each delivery, with the account as it was. What CloudFormation sends
// then is never refused, and changes nothing.
func TestA7(t *testing.T) {
	for r, region := range both(refusals(), regions) {
		t.Run(r.name+" "+region, func(t *testing.T) { inRegion(t, region, func(w *bench) { w.isRefusedAndGoesBack(r) }) })
	}
}

func (w *bench) isRefusedAndGoesBack(r refusal) {
	w.t.Helper()
	r.start(w)
	<-time.After(time.Hour)
	was := w.AWS.Snapshot()
	w.AWS.Before = r.before
	for range 2 {
		w.saysAll(w.play(r.event, nil).answer)
		if !strings.Contains(r.name, "the mark") { // until then the new set is committed
			w.same(was)
		}
	}
	w.succeeded(w.play(r.back, nil).answer)
	w.AWS.Before = nil
	now := w.AWS.Snapshot()
	withoutVersions(was)
	withoutVersions(now)
	if diff := cmp.Diff(was, now, ignoreLastEvent); diff != "" {
		w.t.Errorf("going back has changed the account (-before +after)\n%s", diff)
	}
}

// A7: Prefix changes, a dependant writes below the new one, a sibling fails. Going back has the shape of a change, and
// nothing that is in force is refused.
func TestA7PrefixGoesBack(t *testing.T) {
	for _, m := range everyMaking(t) {
		t.Run(m.name, func(t *testing.T) {
			inRegion(t, m.region, func(w *bench) {
				m.make(w)
				logs := plus(m.p, "Prefix", "logs")
				w.writes(m.p, "data/x")
				w.history(update(m.p, logs, m.p))
				w.writes(m.p, "logs/x")
				w.history(update(m.p, m.p, logs))
				b := w.AWS.Snapshot().Buckets[w.parse(m.p).BucketName]
				if len(b.Objects["logs/x"]) != 1 || len(b.Objects["data/x"]) != 1 || w.value(m.p)["S3_PREFIX"] != "data/" {
					t.Errorf("objects: %+v", b.Objects)
				}
			})
		})
	}
}
