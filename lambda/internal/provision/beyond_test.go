package provision_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"
)

// Buckets that no function empties within an hour: README has lifecycle rules for them.

// beyondText is that part of README.
func beyondText(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../infra/README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, _ := strings.Cut(string(text), "\n### Beyond an hour\n")
	part, _, _ = strings.Cut(part, "\n## ")
	return part
}

// beyondRules are the rules of its lifecycle document.
func beyondRules(t *testing.T) []types.LifecycleRule {
	t.Helper()
	documents := regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(beyondText(t), -1)
	if len(documents) != 1 {
		t.Fatalf("README has %d documents for it", len(documents))
	}
	var is types.BucketLifecycleConfiguration
	decoder := json.NewDecoder(bytes.NewBufferString(documents[0][1]))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&is); err != nil {
		t.Fatal(err)
	}
	return is.Rules
}

// putRules puts lifecycle rules in place, as people do.
func (w *bench) putRules(rules ...types.LifecycleRule) error {
	name := "my-data"
	_, err := s3.NewFromConfig(w.AWS.Session("people").Config()).PutBucketLifecycleConfiguration(w.t.Context(), &s3.PutBucketLifecycleConfigurationInput{
		Bucket: &name, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules}})
	return err
}

// released is a bucket that a Delete has released, in which is all that can be, and everywhere.
func (w *bench) released(versioning string) awsfake.Bucket {
	w.t.Helper()
	p := with("OnDelete", "Retain", "AbortIncompleteUploadsAfterDays", "30")
	created := w.succeeded(w.create(p))
	w.AWS.SetVersioning("my-data", versioning)
	for _, key := range []string{"data/table", "elsewhere", "deleted", "marked"} {
		w.AWS.PutObject("my-data", key, "1")
		w.AWS.PutObject("my-data", key, "2")
	}
	w.AWS.DeleteObject("my-data", "deleted")
	w.AWS.DeleteObject("my-data", "never there")
	w.AWS.AddUpload("my-data", "elsewhere")
	w.succeeded(w.delete(created.PhysicalResourceId, p))
	b := w.AWS.Snapshot().Buckets["my-data"]
	if b.Tags["bucketuser:owner"] != "released" || len(b.Lifecycle) > 0 {
		w.t.Fatalf("released: %+v", b)
	}
	return b
}

// nights lets S3 run the rules at midnight UTC until nothing is left, and returns the number of nights until no data
// was left, and until nothing was. It gives up after a week.
func (w *bench) nights() (data, all int) {
	for night := 1; night < 8; night++ {
		<-time.After(time.Until(time.Now().Truncate(24 * time.Hour).Add(24 * time.Hour)))
		w.AWS.RunLifecycle("my-data")
		b := w.AWS.Snapshot().Buckets["my-data"]
		if data == 0 && !holdsData(b) {
			data = night
		}
		if len(b.Objects)+len(b.Uploads) == 0 {
			return data, night
		}
	}
	return data, 0
}

// holdsData tells whether there is anything to pay for.
func holdsData(b awsfake.Bucket) bool {
	for _, versions := range b.Objects {
		for _, o := range versions {
			if !o.DeleteMarker {
				return true
			}
		}
	}
	return len(b.Uploads) > 0
}

// TestBeyondAnHour has S3 empty a released bucket by README's rules, within the days that README says.
func TestBeyondAnHour(t *testing.T) {
	rules, inDays := beyondRules(t), map[string]int{}
	for versioning, want := range map[string][2]int{"": {1, 1}, "Enabled": {3, 4}, "Suspended": {1, 2}} {
		inWorld(t, func(w *bench) {
			w.released(versioning)
			<-time.After(34 * time.Hour) // the data is older than a day, and it is not midnight
			if err := w.putRules(rules...); err != nil {
				t.Fatal(err)
			}
			data, all := w.nights()
			if [2]int{data, all} != want {
				t.Errorf("versioning %q: no data after %d nights, nothing after %d, want %v", versioning, data, all, want)
			}
			inDays[versioning] = data
		})
	}
	if days := fmt.Sprintf("| %d days | $", inDays["Enabled"]); strings.Count(beyondText(t), days) != 3 {
		t.Errorf("README's table does not say %q", days)
	}
}

// TestBeyondAnHourNeedsEachAction shows that no action of the rules can be spared, but for the delete markers' own, which
// S3 also removes by their age, and that one rule cannot hold all.
func TestBeyondAnHourNeedsEachAction(t *testing.T) {
	for name, without := range map[string]func(*types.LifecycleRule){
		"current versions":    func(r *types.LifecycleRule) { r.Expiration = nil },
		"noncurrent versions": func(r *types.LifecycleRule) { r.NoncurrentVersionExpiration = nil },
		"uploads":             func(r *types.LifecycleRule) { r.AbortIncompleteMultipartUpload = nil },
	} {
		inWorld(t, func(w *bench) {
			rules := beyondRules(t)
			without(&rules[0])
			w.released("Enabled")
			if err := w.putRules(rules...); err != nil {
				t.Fatal(err)
			}
			if _, all := w.nights(); all > 0 {
				t.Errorf("nothing is left without the action for %s", name)
			}
			rules = beyondRules(t)
			rules[0].Expiration.ExpiredObjectDeleteMarker = rules[1].Expiration.ExpiredObjectDeleteMarker
			awsrules.Want(t, w.putRules(rules[0]), 400, "MalformedXML")
		})
	}
}

// TestBeyondAnHourAnAdoptionLeavesTheRules is why README says to take them away before a bucket is adopted.
func TestBeyondAnHourAnAdoptionLeavesTheRules(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.released("Enabled")
		if err := w.putRules(beyondRules(t)...); err != nil {
			t.Fatal(err)
		}
		w.succeeded(w.create(retain))
		w.nights()
		if b := w.AWS.Snapshot().Buckets["my-data"]; holdsData(b) {
			t.Errorf("an adopted bucket keeps data under the rules: %+v", b)
		}
	})
}

// TestBeyondAnHourAPurgeGoesOnAfterTheRules deletes a bucket that a Purge could not empty, once the rules have.
func TestBeyondAnHourAPurgeGoesOnAfterTheRules(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("OnDelete", "Purge", "Versioning", "true")
		created := w.succeeded(w.create(p))
		w.AWS.PutObject("my-data", "data/table", "1")
		w.AWS.Before = deny("DeleteObjects", "DeleteObject")
		w.refused(w.delete(created.PhysicalResourceId, p), "AccessDenied")
		w.AWS.Before = nil
		if err := w.putRules(beyondRules(t)...); err != nil {
			t.Fatal(err)
		}
		w.nights()
		w.AWS.Before = deny("DeleteObjects", "DeleteObject") // nothing is left to delete
		w.succeeded(w.delete(created.PhysicalResourceId, p))
		w.empty()
	})
}
