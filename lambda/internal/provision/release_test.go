package provision_test

import "testing"

func TestRetainedBucketIsAdoptedAndReleasedAgain(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("OnDelete", "Retain")
		created := w.succeeded(w.create(p))
		w.AWS.PutObject("my-data", "data/x", "1")
		w.succeeded(w.delete(created.PhysicalResourceId, p))

		w.credentials(w.succeeded(w.create(p)))
		b := w.AWS.Snapshot().Buckets["my-data"]
		if b.Tags["bucketuser:adopted"] != "true" || b.Objects["data/x"][0].Body != "1" {
			t.Errorf("adopted: %+v", b)
		}
		w.refused(w.update(created.PhysicalResourceId, with("OnDelete", "Purge"), p), "bucket my-data: was adopted, so OnDelete must stay Retain")
		w.succeeded(w.update(created.PhysicalResourceId, p, with("OnDelete", "Purge")))

		w.AWS.DeleteObject("my-data", "data/x")
		w.AWS.DeleteObject("my-data", "data/")
		w.succeeded(w.delete(created.PhysicalResourceId, with("OnDelete", "Purge"))) // whatever the event says
		b = w.AWS.Snapshot().Buckets["my-data"]
		if b.Tags["bucketuser:owner"] != "released" || len(b.Tags) != 1 {
			t.Errorf("an adopted bucket is released even when empty: %+v", b)
		}
	})
}

func TestFailedCreateReleasesWhatItAdopted(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released", "theirs": "1"})
		w.AWS.PutObject("my-data", "data/", "") // their own folder
		w.AWS.Before = deny("CreateAccessKey")
		w.refused(w.create(with("OnDelete", "Retain")), "AccessDenied")
		b := w.AWS.Snapshot().Buckets["my-data"]
		if b.Tags["bucketuser:owner"] != "released" || b.Tags["theirs"] != "1" || len(b.Tags) != 2 || b.Policy != "" || len(b.Objects) != 1 {
			t.Errorf("bucket: %+v", b)
		}
	})
}
