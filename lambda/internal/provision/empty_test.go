package provision_test

import (
	"fmt"
	"testing"

	"bucketuser/lambda/internal/awsfake"
)

// aborted counts the uploads that were aborted.
func (w *bench) aborted() (n int) {
	for _, call := range w.AWS.Calls() {
		if call.Operation == "AbortMultipartUpload" && call.Code == "" {
			n++
		}
	}
	return n
}

// However many versions of our own objects come first.
func TestDeleteFindsDataBehindManyOwnObjects(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("Versioning", "true")
		created := w.created(p)
		for range 1500 {
			w.AWS.PutObject("my-data", "data/.bucketuser-probe", "")
		}
		w.AWS.PutObject("my-data", "data/x", "1")
		w.AWS.DeleteObject("my-data", "data/x")
		was := w.AWS.Snapshot()
		w.refused(w.delete(created.PhysicalResourceId, p), "is not empty")
		w.same(was)
	})
}

// What DeleteObjects refused is tried once more by itself.
func TestPurgeTriesAgainWhatWasRefused(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("OnDelete", "Purge", "Versioning", "true")
		created := w.created(p)
		version := w.AWS.PutObject("my-data", "data/locked", "1")
		w.AWS.LockObject("my-data", "data/locked", version, true)
		w.at("DeleteObject", func() { w.AWS.LockObject("my-data", "data/locked", version, false) })
		w.succeeded(w.delete(created.PhysicalResourceId, p))
		w.empty()
	})
}

// Many versions of one key, and many uploads of one key, go on over pages.
func TestPurgeOfManyVersionsOfOneKey(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("OnDelete", "Purge", "Versioning", "true")
		created := w.created(p)
		for range 2100 {
			w.AWS.PutObject("my-data", "data/x", "1")
			w.AWS.AddUpload("my-data", "data/x")
		}
		w.succeeded(w.delete(created.PhysicalResourceId, p))
		w.empty()
		for _, call := range w.AWS.Calls() {
			if call.Operation == "DeleteBucket" && call.Code != "" {
				t.Errorf("%s: versions were passed over", call)
			}
		}
		if aborted := w.aborted(); aborted != 2100 {
			t.Errorf("aborted %d of 2100 uploads", aborted)
		}
	})
}

// S3 may lose a bucket while it is emptied: another delivery was faster.
func TestDeleteOfABucketThatGoesMeanwhile(t *testing.T) {
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		for _, operation := range []string{"ListObjectVersions", "DeleteObjects", "DeleteObject", "ListMultipartUploads", "AbortMultipartUpload",
			"DeleteBucket", "GetBucketPolicy", "DeleteBucketPolicy", "GetBucketLifecycleConfiguration", "DeleteBucketLifecycle", "PutBucketTagging"} {
			t.Run(onDelete+" "+operation, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := with("OnDelete", onDelete)
					w.created(p)
					if onDelete != "DeleteIfEmpty" {
						w.fill()
					}
					w.at(operation, func() { w.AWS.DeleteBucket("my-data") })
					w.succeeded(w.delete(w.idOf(p), p))
					w.AWS.Before = nil
					w.succeeded(w.delete(w.idOf(p), p))
				})
			})
		}
	}
}

// An event beside the Delete may write its marker late.
func TestDeleteOfABucketThatIsWrittenTo(t *testing.T) {
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		t.Run(onDelete, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				p := with("OnDelete", onDelete)
				w.created(p)
				w.at("DeleteBucket", func() { w.AWS.PutObject("my-data", "data/", "") })
				w.succeeded(w.delete(w.idOf(p), p))
				w.empty()
			})
		})
	}
	inWorld(t, func(w *bench) { // on and on
		p := with("OnDelete", "Retain")
		w.created(p)
		w.AWS.Before = only("DeleteBucket", awsfake.Refuse(&awsfake.Error{Status: 409, Code: "BucketNotEmpty", Message: "not empty"}))
		w.succeeded(w.delete(w.idOf(p), p))
		if b := w.AWS.Snapshot().Buckets["my-data"]; b.Tags["bucketuser:owner"] != "released" {
			t.Errorf("bucket: %+v", b)
		}
	})
}

// A proof that was cut off may have left its probe.
func TestReleasedBucketHasNoProbe(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("OnDelete", "Retain")
		w.created(p)
		w.fill()
		w.AWS.PutObject("my-data", "data/.bucketuser-probe", "")
		w.history(remove(p))
		if objects := w.AWS.Snapshot().Buckets["my-data"].Objects; len(objects["data/.bucketuser-probe"]) > 0 || len(objects["data/y"]) == 0 {
			t.Errorf("objects: %v", objects)
		}
	})
}

// An adopted bucket is let go of, so it does not matter what it holds, or what OnDelete says.
func TestAdoptedBucketIsReleasedWithWhatItHolds(t *testing.T) {
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
		inWorld(t, func(w *bench) {
			w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released"})
			w.AWS.PutObject("my-data", "data/x", "1")
			w.history(create(with("OnDelete", "Retain")), remove(with("OnDelete", onDelete)))
			now := w.AWS.Snapshot()
			if b := now.Buckets["my-data"]; len(now.Users)+len(now.Secrets) > 0 || b.Tags["bucketuser:owner"] != "released" || len(b.Objects["data/x"]) != 1 {
				t.Errorf("left: %+v", now)
			}
		})
	}
}

// Empty objects are data too, and so is the history of a versioned bucket.
func TestDeleteCountsEmptyObjectsAndDeleteMarkers(t *testing.T) {
	for name, fill := range map[string]func(*awsfake.AWS){
		"object":        func(a *awsfake.AWS) { a.PutObject("my-data", "data/_SUCCESS", "") },
		"delete marker": func(a *awsfake.AWS) { a.DeleteObject("my-data", "data/x") },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				p := with("Versioning", "true")
				w.created(p)
				fill(w.AWS)
				was := w.AWS.Snapshot()
				w.refused(w.delete(w.idOf(p), p), "is not empty: it holds 1 "+name+", and OnDelete is DeleteIfEmpty")
				w.same(was)
			})
		})
	}
}

// Whoever is cut off while it lets go of a bucket finds it as ours again.
func TestReleaseThatIsCutOffGoesOn(t *testing.T) {
	p := with("OnDelete", "Retain")
	for _, operation := range []string{"GetBucketPolicy", "DeleteBucketPolicy", "DeleteBucketLifecycle", "PutBucketTagging"} {
		t.Run(operation, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(p)
				w.fill()
				w.killedAfter(operation, remove(p))
				w.history(remove(p))
				if b := w.AWS.Snapshot().Buckets["my-data"]; b.Policy != "" || len(b.Lifecycle) > 0 || b.Tags["bucketuser:owner"] != "released" || len(b.Tags) != 1 {
					t.Errorf("bucket: %+v", b)
				}
			})
		})
	}
}

func TestPurgeOfManyPages(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("OnDelete", "Purge", "Versioning", "true")
		created := w.succeeded(w.create(p))
		for i := range 2500 {
			w.AWS.PutObject("my-data", fmt.Sprintf("data/%% +&\x01\u00e4/%04d", i), "1")
			w.AWS.DeleteObject("my-data", fmt.Sprintf("data/%% +&\x01\u00e4/%04d", i))
		}
		for i := range 2100 {
			w.AWS.AddUpload("my-data", fmt.Sprintf("data/%% +&\x01\u00e4/%04d", i))
		}
		w.succeeded(w.delete(created.PhysicalResourceId, p))
		w.empty()
	})
}

// Each upload is aborted, whatever the order of encoded keys: "%01" sorts after "!".
func TestPurgeAbortsUploadsOfEveryPage(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("OnDelete", "Purge")
		created := w.succeeded(w.create(p))
		for i := range 1500 {
			w.AWS.AddUpload("my-data", fmt.Sprintf("\x01%04d", i))
		}
		w.AWS.AddUpload("my-data", "!")
		w.succeeded(w.delete(created.PhysicalResourceId, p))
		if aborted := w.aborted(); aborted != 1501 {
			t.Errorf("aborted %d of 1501 uploads", aborted)
		}
	})
}
