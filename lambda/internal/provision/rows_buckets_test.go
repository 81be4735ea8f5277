package provision_test

import (
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
)

// What an AWS that lags shows of buckets, each input by the number of its row.

// Row 1, law L1: a new bucket is not known for seconds. A Create waits up to two minutes and
// succeeds, and the Delete that follows leaves nothing.
func TestRow1NewBucketIsNotKnown(t *testing.T) {
	inRegion(t, "us-east-1", func(w *bench) {
		w.AWS.Before = since("CreateBucket", 5*time.Second, noBucket, isCall("GetBucketTagging"))
		w.credentials(w.created(named))
		w.succeeded(w.delete(w.idOf(named), named))
		w.empty()
	})
	eachNewBucket(t, awsfake.AllUnknown, awsfake.SettingsUnknown)
}

// Row 1, its kind: the Delete after a Create that died, under its own id and under one that CloudFormation has
// made up, finds a bucket that S3 does not show yet.
func TestRow1DeleteFindsABucketThatIsNotKnown(t *testing.T) { eachYoungBucket(t, awsfake.AllUnknown) }

// Row 2, law L1: the same with NoSuchTagSet, which in us-east-1 (A8) is all that tells whose the bucket is.
func TestRow2NewBucketShowsNoTags(t *testing.T) {
	inRegion(t, "us-east-1", func(w *bench) {
		w.AWS.Before = since("CreateBucket", 5*time.Second, noTags, isCall("GetBucketTagging"))
		w.credentials(w.created(named))
		w.succeeded(w.delete(w.idOf(named), named))
		w.empty()
	})
	eachNewBucket(t, awsfake.TagsUnknown)
}

// Row 2, its kind: the Delete after a Create that died.
func TestRow2DeleteFindsABucketThatShowsNoTags(t *testing.T) { eachYoungBucket(t, awsfake.TagsUnknown) }

// Row 2, its kind: each event that looks at a bucket of ours while S3 does not show its tags.
func TestRow2EachLookShowsNoTags(t *testing.T) {
	isLook := func(c awsfake.Call) bool { return c.Operation == "GetBucketTagging" && !isOfNewSet(c) }
	for _, region := range []string{"eu-west-1", "us-east-1"} {
		eachCall(t, region, livesAfterACreate(), 5*time.Second, noTags, isLook)
		eachCall(t, region, livesNamed("update back from"), 5*time.Second, noTags, isCall("GetBucketTagging"))
	}
}

// Row 1, its kind: each event that looks at a bucket of ours while S3 does not show it.
func TestRow1EachLookShowsNoBucket(t *testing.T) {
	eachCall(t, "eu-west-1", livesAfterACreate(), 5*time.Second, noBucket, isCall("GetBucketTagging"))
	eachCall(t, "us-east-1", livesAfterACreate(), 5*time.Second, noBucket, isCall("GetBucketTagging"))
}

// livesAfterACreate are those whose bucket is ours at the beginning.
func livesAfterACreate() (all []life) {
	for _, prefix := range []string{"create again", "update", "delete", "replacement"} {
		all = append(all, livesNamed(prefix)...)
	}
	return all
}

// eachNewBucket plays a Create, one that fails, and a replacement while what is new is not known, and a Delete
// at once after them.
func eachNewBucket(t *testing.T, unknown ...awsfake.NewBuckets) {
	for _, what := range unknown {
		for _, d := range []time.Duration{5 * time.Second, 90 * time.Second} {
			for _, region := range []string{"eu-west-1", "us-east-1"} {
				t.Run(strings.Join([]string{string(what), d.String(), region}, " "), func(t *testing.T) {
					newBucket(t, region, func(w *bench) hook { w.AWS.BucketPropagation, w.AWS.NewBuckets = d, what; return nil }, d)
				})
			}
		}
	}
}

func newBucket(t *testing.T, region string, law func(*bench) hook, d time.Duration) {
	for _, l := range aged(append(livesNamed("create"), livesNamed("replacement")...)) {
		t.Run(l.name, func(t *testing.T) {
			calm, got := l.live(t, region, nil), l.live(t, region, law)
			got.isAs(t, calm)
			got.tookAtMost(t, calm.took+d+15*time.Second)
		})
	}
	inRegion(t, region, func(w *bench) {
		law(w)
		w.created(named)
		w.succeeded(w.delete(w.idOf(named), named))
		w.empty()
	})
}

// eachYoungBucket deletes what a Create has left that died when it had made the bucket.
func eachYoungBucket(t *testing.T, what awsfake.NewBuckets) {
	for _, d := range []time.Duration{5 * time.Second, 90 * time.Second} {
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			for _, isInvented := range []bool{true, false} {
				t.Run(strings.Join([]string{d.String(), region}, " "), func(t *testing.T) {
					inRegion(t, region, func(w *bench) { w.deletesAYoungBucket(what, d, isInvented) })
				})
			}
		}
	}
}

func (w *bench) deletesAYoungBucket(what awsfake.NewBuckets, d time.Duration, isInvented bool) {
	w.t.Helper()
	w.AWS.BucketPropagation, w.AWS.NewBuckets = d, what
	w.killedAfter("CreateBucket", create(named))
	id := w.idOf(named)
	if isInvented {
		id = inventedID
	}
	start := time.Now()
	w.succeeded(w.delete(id, named))
	w.empty()
	if took := time.Since(start); took > 135*time.Second {
		w.t.Errorf("took %s", took)
	}
}

// inventedID is one that CloudFormation has made up, since it never heard the answer of the Create.
const inventedID = "analytics-Disk-1ABCDEFGHIJKL"

// Row 3, law L1: NoSuchBucket to the calls that equip a new bucket is repeated.
func TestRow3NewBucketIsUnknownToItsSettings(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.Before = first(
			notYet(5*time.Second, noBucket, isCall("PutPublicAccessBlock")),
			notYet(5*time.Second, noBucket, isCall("PutBucketPolicy")),
			notYet(5*time.Second, noBucket, isCall("PutObject")))
		w.credentials(w.created(named))
	})
}

// Row 3, its kind: every call on a bucket but the looks, in every event, by the role and by the user.
func TestRow3EachCallOnABucket(t *testing.T) {
	onBucket := func(c awsfake.Call) bool {
		return c.Service == "s3" && !isCall("GetBucketTagging", "ListBuckets", "CreateBucket", "HeadBucket")(c)
	}
	eachCall(t, "eu-west-1", lives(), 5*time.Second, noBucket, onBucket)
	eachCall(t, "us-east-1", livesNamed("create"), 5*time.Second, noBucket, onBucket)
}
