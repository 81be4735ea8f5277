package provision_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/spec"
)

// While a Delete empties a bucket CloudFormation may give it up. What is written into the next life of the bucket stays: for
// longer than the function looks whose the bucket is nothing of that is deleted.

// aLook is how long what comes into the bucket may still be deleted: sim.NextLife.
const aLook = 25 * time.Second

// purgesMeanwhile has a Delete empty a bucket, and something happen in the midst of it. It returns what came of the Delete.
func (w *bench) purgesMeanwhile(happens func()) played {
	w.t.Helper()
	w.history(create(purging))
	w.manyObjects(4000)
	w.AWS.Before = deletesAtARate(slowly)
	var r played
	_, deliver := w.delivery(remove(purging), &r)
	over := make(chan struct{})
	go func() {
		defer close(over)
		deliver()
	}()
	<-time.After(5 * time.Minute)
	happens()
	<-time.After(aLook)
	was := w.AWS.Snapshot()
	<-over
	w.unchanged(was)
	return r
}

// wantNoFurtherRun fails the test unless the Delete was answered FAILED, and says why.
func (w *bench) wantNoFurtherRun(r played, why string) {
	w.t.Helper()
	if r.err != nil || r.answer.Status != "FAILED" || !strings.Contains(r.answer.Reason, why) {
		w.t.Errorf("%+v, error %v; want %q", r.answer, r.err, why)
	}
}

// The resource is added again under the same id: its bucket, its policy and what is written there are the new set's.
func TestPurgeEndsWhereALaterCreateHasTheBucket(t *testing.T) {
	inWorld(t, func(w *bench) {
		r := w.purgesMeanwhile(func() {
			w.history(create(purging))
			for i := range 10 {
				w.AWS.PutObject("my-data", fmt.Sprintf("new/%d", i), "1")
			}
		})
		w.wantNoFurtherRun(r, "CloudFormation no longer waits for this event: a later one has come")
		b := w.AWS.Snapshot().Buckets["my-data"]
		if len(b.Objects["new/9"]) != 1 || strings.Contains(b.Policy, spec.SidDenyWrites) || !strings.Contains(b.Policy, "bucketuser") {
			t.Errorf("%d objects, policy %s", len(b.Objects), b.Policy)
		}
	})
}

// Another stack has a bucket of that name meanwhile.
func TestPurgeEndsWhereTheBucketIsAnothers(t *testing.T) {
	for name, tags := range map[string]map[string]string{
		"another resource": {spec.TagOwner: "Other-v1-abcdefghijkl", spec.TagStackID: "arn:other", spec.TagLogicalID: "Other"},
		"no tags":          nil,
		"a person's":       {"team": "data"},
		"released":         {spec.TagOwner: spec.Released},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				r := w.purgesMeanwhile(func() {
					w.AWS.DeleteBucket("my-data")
					w.AWS.AddBucket("my-data", tags)
					w.manyObjects(4000)
				})
				w.wantNoFurtherRun(r, "is not this resource's any more, so emptying it has ended")
				if n := len(w.AWS.Snapshot().Buckets["my-data"].Objects); n < 3000 { // a batch that is under way has 240 entries
					t.Errorf("of 4000 objects of another bucket %d are left", n)
				}
			})
		})
	}
}

// A look that is not answered, or that is answered as of before the bucket had tags, ends nothing.
func TestPurgeGoesOnWhereALookSaysNothing(t *testing.T) {
	for name, answer := range map[string]awsfake.Decision{
		"denied": awsfake.Refuse(awsfake.AccessDenied), "no answer": awsfake.Refuse(awsfake.Hang),
		"no tags": awsfake.Refuse(&awsfake.Error{Status: 404, Code: "NoSuchTagSet", Message: "none"}),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.history(create(purging))
				w.manyObjects(300)
				w.AWS.Before = first(looksAfterTheFirstBatch(answer), deletesAtARate(slowly))
				w.history(remove(purging))
				if _, isThere := w.AWS.Snapshot().Buckets["my-data"]; isThere {
					t.Error("the bucket is there")
				}
			})
		})
	}
}

// looksAfterTheFirstBatch answers a look at the tags of the bucket, from the first batch of deletions on.
func looksAfterTheFirstBatch(answer awsfake.Decision) func(context.Context, awsfake.Call) awsfake.Decision {
	var begun atomic.Bool
	return func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if entriesOf(c) > 1 {
			begun.Store(true)
		}
		if begun.Load() && c.Operation == "GetBucketTagging" {
			return answer
		}
		return awsfake.Decision{}
	}
}
