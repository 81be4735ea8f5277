package provision_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// A Delete revokes first, whatever keeps it from the rest.

// A11: neither a bucket that denies everything to everybody nor one without our tags keeps the key alive: the user goes,
// and then the Delete fails. The secret goes as well, unless it alone says that the bucket was adopted. With the obstacle
// gone the next Delete ends.
func TestA11(t *testing.T) {
	long(t)
	for _, m := range everyMaking(t) {
		for name, obstacle := range map[string]func(w *bench, bucket string){
			"Deny": func(w *bench, bucket string) { denyAll(w.AWS, bucket) },
			"tags": func(w *bench, _ string) { w.loses(m.p, losses[0], "bucket") },
			"both": func(w *bench, bucket string) { denyAll(w.AWS, bucket); w.loses(m.p, losses[1], "bucket") },
		} {
			for i, key := range []string{"data/x", ""} {
				if !m.tries(i, 2) {
					continue
				}
				t.Run(strings.Join([]string{m.name, name, key}, " "), func(t *testing.T) {
					inRegion(t, m.region, func(w *bench) {
						m.make(w)
						w.writes(m.p, key)
						bucket := w.parse(m.p).BucketName
						tags := w.tagsOf(w.parse(m.p), "bucket")
						obstacle(w, bucket)
						w.revokesAndFails(m, name == "tags" || !m.isAdopted)
						_ = w.AWS.SetBucketPolicy(bucket, "")
						w.AWS.SetBucketTags(bucket, tags)
						w.deletesWithoutObstacle(m, key)
					})
				})
			}
		}
	}
}

func (w *bench) revokesAndFails(m making, isSecretGone bool) {
	w.t.Helper()
	was, s := w.AWS.Snapshot(), w.parse(m.p)
	w.saysAll(w.play(remove(m.p), nil).answer, "bucket "+s.BucketName)
	if w.isGone(m.p, "user"); isSecretGone && !w.isForgotten(m.p) {
		w.isGone(m.p, "secret")
	}
	if diff := cmp.Diff(was.Buckets[s.BucketName].Objects, w.AWS.Snapshot().Buckets[s.BucketName].Objects); diff != "" {
		w.t.Errorf("objects (-before +after)\n%s", diff)
	}
}

// deletesWithoutObstacle deletes once more, when the bucket may be looked at and has its tags again.
func (w *bench) deletesWithoutObstacle(m making, key string) {
	w.t.Helper()
	<-time.After(time.Hour)
	was := w.AWS.Snapshot()
	w.anew()
	a := w.play(remove(m.p), nil).answer
	if key != "" && m.onDelete == "DeleteIfEmpty" {
		w.saysAll(a, "not empty")
		return
	}
	w.succeeded(a)
	w.isGone(m.p, "secret", "user")
	if m.isAdopted || key != "" && m.onDelete == "Retain" {
		w.isReleased(was, m.p)
	} else {
		w.isGone(m.p, "bucket")
	}
}

// A11, its kind: each call of a Delete is refused for good in turn. A doubt about one part never keeps the others alive:
// what is refused on the bucket keeps neither secret nor user, and what is refused on one of these not the other. With
// the right the next Delete ends.
func TestA11EachRight(t *testing.T) {
	long(t)
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		for _, days := range []string{"0", "7"} {
			p := with("OnDelete", onDelete, "SecretRecoveryDays", days)
			start := func(w *bench) {
				w.history(create(p))
				if onDelete != "DeleteIfEmpty" {
					w.fill()
				}
				<-time.After(time.Hour)
			}
			calm := life{"", start, remove(p), nil}.live(t, "eu-west-1", nil)
			for _, kind := range calm.kinds(func(c awsfake.Call) bool { return c.Service != "cloudformation" }) {
				t.Run(strings.Join([]string{onDelete, days, kind}, " "), func(t *testing.T) {
					inWorld(t, func(w *bench) { start(w); w.deletesWithoutARight(p, kind) })
				})
			}
		}
	}
}

// isBestEffort reports whether a Delete goes on without a kind of calls: a Purge that cannot stop writers, or count its runs.
// It deletes one by one what it may not delete together, and uploads go with the bucket.
func isBestEffort(p sim.Properties, kind string) bool {
	operation, _, _ := strings.Cut(kind, " ")
	return p["OnDelete"] == "Purge" && slices.Contains([]string{"GetBucketPolicy", "PutBucketPolicy", "PutBucketTagging",
		"DeleteObjects", "ListMultipartUploads", "AbortMultipartUpload"}, operation)
}

// deletesWithoutARight has a kind of calls be refused in a Delete, and not in the next.
func (w *bench) deletesWithoutARight(p sim.Properties, kind string) {
	w.t.Helper()
	service := ""
	w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if isKind(kind)(c) {
			service = c.Service
			return awsfake.Refuse(awsfake.AccessDenied)
		}
		return awsfake.Decision{}
	})
	was := w.AWS.Snapshot()
	a := w.play(remove(p), nil).answer
	if goesOn := a.Status == "SUCCESS"; service != "" && goesOn != isBestEffort(p, kind) && !strings.HasPrefix(kind, "GetSecretValue") {
		w.t.Errorf("answers %s", a.Status)
	}
	switch service {
	case "s3":
		w.isGone(p, "secret", "user")
	case "iam":
		w.isGone(p, "secret")
		var beside []cmp.Option
		if strings.HasPrefix(kind, "DeleteUser") && len(was.Buckets["my-data"].Objects) == 1 { // without a key, our own empty objects go
			beside = append(beside, cmpopts.IgnoreFields(awsfake.Bucket{}, "Objects"))
		}
		w.keeps(was, p, []string{"bucket"}, beside...)
	case "secretsmanager":
		w.isGone(p, "user")
	}
	w.AWS.Before = nil
	<-time.After(time.Hour)
	w.anew()
	w.history(remove(p))
	w.isGone(p, "secret", "user")
	if b, ok := w.AWS.Snapshot().Buckets["my-data"]; ok && b.Tags["bucketuser:owner"] != "released" {
		w.t.Errorf("the bucket is still there: %+v", b)
	}
}

// denyAll puts a statement in front of the policy of a bucket that denies everything to everybody. allowAll takes it away.
func denyAll(a *awsfake.AWS, bucket string) {
	replacePolicy(a, bucket, ownStatements, denyStatements(bucket))
}
func allowAll(a *awsfake.AWS, bucket string) {
	replacePolicy(a, bucket, denyStatements(bucket), ownStatements)
}

const ownStatements = `"Statement":[`

func denyStatements(bucket string) string {
	return ownStatements + `{"Action":"s3:*","Effect":"Deny","Principal":"*","Resource":["arn:aws:s3:::` + bucket + `","arn:aws:s3:::` + bucket + `/*"],"Sid":"NoMore"},`
}

func replacePolicy(a *awsfake.AWS, bucket, from, to string) {
	policy := a.Snapshot().Buckets[bucket].Policy
	if err := a.SetBucketPolicy(bucket, strings.Replace(policy, from, to, 1)); err != nil && policy != "" {
		panic(err)
	}
}
