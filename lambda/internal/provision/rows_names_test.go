package provision_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// What AWS shows of names that others have, or nobody, and of keys, each input by the number of its row.

// Row 9, law L6: a bucket elsewhere has four faces, and each means that nothing is ours. A Create says so and
// leaves the account as it was. Its Delete succeeds.
func TestRow9BucketElsewhere(t *testing.T) {
	for _, face := range []awsfake.Face{awsfake.WrongLocation, awsfake.Redirected, awsfake.WrongSignature, awsfake.WrongToken, awsfake.Denied} {
		for _, region := range []string{"eu-west-1", "us-east-1"} {
			for _, account := range []string{"999999999999", sim.Account} {
				t.Run(strings.Join([]string{string(face), region, account}, " "), func(t *testing.T) {
					inRegion(t, region, func(w *bench) { w.isElsewhere(face, account) })
				})
			}
		}
	}
}

func (w *bench) isElsewhere(face awsfake.Face, account string) {
	w.t.Helper()
	w.AWS.AddBucketElsewhere("my-data", account, face)
	<-time.After(time.Minute)
	w.AWS.Before = takesTime
	start := time.Now()
	if face == awsfake.Denied && account == sim.Account { // that is what a missing right looks like, too
		w.AWS.AddBucketElsewhere("my-data", "999999999999", face)
	}
	for _, p := range []sim.Properties{named, with("OnDelete", "Retain")} {
		a := w.refused(w.create(p), "bucket my-data: owned by another account, or in another region")
		w.empty()
		w.succeeded(w.delete(a.PhysicalResourceId, p))
		w.empty()
	}
	if took := time.Since(start); took > 20*time.Second {
		w.t.Errorf("took %s, and nothing is to be waited for", took)
	}
}

// Row 9, its kind: an event about a set whose bucket is gone, while its name is somebody's elsewhere. An Update
// says so in the log: refused, its rollback would be refused as well. A replacement says what is in the way. A Delete,
// and an Update back from a replacement, take the rest away.
func TestRow9EachEventWhereTheBucketIsElsewhere(t *testing.T) {
	for _, face := range []awsfake.Face{awsfake.WrongLocation, awsfake.Redirected, awsfake.WrongSignature, awsfake.WrongToken, awsfake.Denied} {
		t.Run(string(face), func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(named)
				w.AWS.DeleteBucket("my-data")
				w.AWS.AddBucketElsewhere("my-data", "999999999999", face)
				w.succeeded(w.update(w.idOf(named), with("Access", "Full"), named))
				if !strings.Contains(w.Log.String(), `"bucket":"my-data","reason":"is owned by another account by now, or in another region"`) {
					t.Error("the log does not say where the bucket is")
				}
				w.succeeded(w.delete(w.idOf(named), named))
				w.empty()
			})
			inWorld(t, func(w *bench) {
				w.created(named)
				was := w.AWS.Snapshot()
				w.AWS.AddBucketElsewhere("my-data-2", "999999999999", face)
				w.refused(w.update(w.idOf(named), other(named), named), "bucket my-data-2: owned by another account, or in another region")
				w.same(was)
				w.succeeded(w.update(w.idOf(named), named, other(named)))
				w.same(was)
			})
		})
	}
}

// Row 41: keys with + and % in a listing that is not encoded are taken as they are.
func TestRow41PlainListing(t *testing.T) {
	keys := []string{"data/a+b", "data/a b", "data/100%", "data/%2b", "data/%zz", "data/+"}
	for _, isPlain := range []bool{true, false} {
		for _, versioning := range []string{"false", "true"} {
			inWorld(t, func(w *bench) {
				p := with("OnDelete", "Purge", "Versioning", versioning)
				w.created(p)
				w.AWS.PlainListings = isPlain
				for _, key := range keys {
					w.AWS.PutObject("my-data", key, "1")
					w.AWS.AddUpload("my-data", key)
				}
				w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
					w.isOfOneOf(c, append(keys, "data/"))
					return awsfake.Decision{}
				})
				w.succeeded(w.delete(w.idOf(p), p))
				w.AWS.Before = nil
				w.empty()
			})
		}
	}
}

// isOfOneOf fails the test if a call is about another object.
func (w *bench) isOfOneOf(c awsfake.Call, keys []string) {
	w.t.Helper()
	if c.Operation != "AbortMultipartUpload" && c.Operation != "DeleteObject" {
		return
	}
	for _, key := range keys {
		if c.Target == "my-data/"+key {
			return
		}
	}
	w.t.Errorf("%s: no such object", c)
}

// Row 41, its kind: the markers of further pages, the folder marker and the probe below a Prefix with & and %.
func TestRow41PlainListingOfPagesAndPrefixes(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("OnDelete", "Purge")
		w.created(p)
		w.AWS.PlainListings = true
		for i := range 1002 {
			w.AWS.PutObject("my-data", "data/+%"+strings.Repeat("x", i%700)+string(rune('a'+i/700)), "1")
			w.AWS.AddUpload("my-data", "data/%+"+strings.Repeat("x", i%700)+string(rune('a'+i/700)))
		}
		w.succeeded(w.delete(w.idOf(p), p))
		w.empty()
	})
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		inWorld(t, func(w *bench) {
			p := with("OnDelete", onDelete, "Prefix", "a&b%41 c/", "Versioning", "true")
			w.AWS.PlainListings = true
			w.created(p)
			if objects := w.AWS.Snapshot().Buckets["my-data"].Objects; len(objects) != 1 || len(objects["a&b%41 c/"]) != 1 {
				t.Errorf("OnDelete %s: objects: %+v", onDelete, objects)
			}
			w.succeeded(w.delete(w.idOf(p), p))
		})
	}
}

// Row 49: where S3 answers 403 to a look at a name that nobody has, CreateBucket tells: BucketAlreadyExists is
// somebody else's, and success is ours.
func TestRow49NameThatNobodyHasIsHidden(t *testing.T) {
	hidden := func(w *bench) hook { w.AWS.HiddenBuckets = true; return nil }
	for _, region := range []string{"eu-west-1", "us-east-1"} {
		t.Run(region, func(t *testing.T) {
			inRegion(t, region, func(w *bench) {
				hidden(w)
				w.credentials(w.created(named))
				w.succeeded(w.delete(w.idOf(named), named))
				w.empty()
				w.AWS.AddForeignBucket("my-data", "999999999999")
				a := w.refused(w.create(named), "bucket my-data: owned by another account")
				w.empty()
				w.succeeded(w.delete(a.PhysicalResourceId, named))
				w.empty()
			})
			for _, l := range lives() {
				t.Run(l.name, func(t *testing.T) { l.live(t, region, hidden).isAs(t, l.live(t, region, nil)) })
			}
		})
	}
}

// Row 49, its kind: a name that is hidden while S3 does not know the new bucket either, in each event.
func TestRow49HiddenNameOfANewBucket(t *testing.T) {
	for _, region := range []string{"eu-west-1", "us-east-1"} {
		newBucket(t, region, func(w *bench) hook { w.AWS.HiddenBuckets, w.AWS.BucketPropagation = true, 5*time.Second; return nil }, 5*time.Second)
	}
}

// Row 49: where the rights of the role end with the account, CreateBucket is refused for a bucket of another account.
func TestRow49NameOfAnotherAccountIsOutOfTheRole(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.AddForeignBucket("my-data", "999999999999")
		w.AWS.Before = deny("CreateBucket")
		a := w.refused(w.create(named), "bucket my-data: owned by another account, or in another region; choose another BucketName; or the role lacks a right: AccessDenied")
		w.AWS.Before = nil
		w.succeeded(w.delete(a.PhysicalResourceId, named))
		if now := w.AWS.Snapshot(); len(now.Users)+len(now.Secrets) > 0 {
			t.Errorf("left: %+v", now)
		}
	})
}
