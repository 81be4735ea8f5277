package s3model

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/internal/awscall"
)

func TestDeleteObjects(t *testing.T) {
	s, client := newServer(Config{Set: Set{Kind: Nulls, Entries: 300, HalfMarkers: true}})
	ids := s.idsOf()
	out := must[*s3.DeleteObjectsOutput](t)(deleteAll(t, client, ids[:100], false))
	if len(out.Deleted) != 100 || len(out.Errors) != 0 || s.Stats().Left != 200 {
		t.Errorf("%d deleted, %d errors, %d left", len(out.Deleted), len(out.Errors), s.Stats().Left)
	}
	quiet := must[*s3.DeleteObjectsOutput](t)(deleteAll(t, client, ids[:200], true)) // half of which are gone
	if len(quiet.Deleted) != 0 || len(quiet.Errors) != 0 || s.Stats().Left != 100 {
		t.Errorf("quiet: %d deleted, %d errors, %d left", len(quiet.Deleted), len(quiet.Errors), s.Stats().Left)
	}
	never := must[*s3.DeleteObjectsOutput](t)(deleteAll(t, client, []types.ObjectIdentifier{{Key: ids[200].Key, VersionId: aws.String("never")}}, true))
	if len(never.Errors) != 1 || *never.Errors[0].Code != "NoSuchVersion" {
		t.Errorf("%v", never.Errors)
	}
	_, err := deleteAll(t, client, make1001(), true)
	wantCode(t, err, "MalformedXML")
	if left := s.Stats().Left; left != 100 {
		t.Errorf("%d left", left)
	}
}

func make1001() []types.ObjectIdentifier {
	return slices.Repeat([]types.ObjectIdentifier{{Key: aws.String("k")}}, 1001)
}

func TestKeysThatXMLCannotCarry(t *testing.T) {
	s, client := newServer(Config{Set: Set{Kind: Control, Entries: 10}})
	ids := s.idsOf()
	body := "<Delete><Object><Key>a&#x1;b</Key></Object></Delete>"
	raw := must[*http.Response](t)((&http.Client{Transport: Transport{s}}).Post("http://127.0.0.1/"+bucketName+"?delete", "", strings.NewReader(body)))
	if raw.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d", raw.StatusCode)
	}
	must[*s3.DeleteObjectsOutput](t)(deleteAll(t, client, ids, true)) // the SDK writes another character instead
	if left := s.Stats().Left; left != 1 {
		t.Errorf("%d left", left)
	}
	for _, id := range ids {
		must[*s3.DeleteObjectOutput](t)(client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucketName), Key: id.Key, VersionId: id.VersionId}))
	}
	if left := s.Stats().Left; left != 0 {
		t.Errorf("%d left", left)
	}
}

func TestDocumentsThatAreTooLong(t *testing.T) {
	s, client := newServer(Config{MaxBody: 1 << 20, Set: Set{Kind: Long, Entries: 1000}})
	_, err := deleteAll(t, client, s.idsOf(), true)
	wantCode(t, err, "MaxMessageLengthExceeded")
	must[*s3.DeleteObjectsOutput](t)(deleteAll(t, client, s.idsOf()[:900], true))
}

func TestWithoutAVersion(t *testing.T) {
	s, client := newServer(Config{Set: Set{Kind: UUIDs, Entries: 1}})
	key := s.Left(1)[0]
	one := &s3.DeleteObjectInput{Bucket: aws.String(bucketName), Key: &key}
	out := must[*s3.DeleteObjectOutput](t)(client.DeleteObject(t.Context(), one))
	if !aws.ToBool(out.DeleteMarker) || s.Stats().Left != 2 || s.lines()[0].version != *out.VersionId {
		t.Errorf("%v, %d left", out, s.Stats().Left)
	}
	one.VersionId = out.VersionId
	if gone := must[*s3.DeleteObjectOutput](t)(client.DeleteObject(t.Context(), one)); !aws.ToBool(gone.DeleteMarker) || s.Stats().Left != 1 {
		t.Errorf("%v, %d left", gone, s.Stats().Left)
	}
	one.VersionId = aws.String("never")
	_, err := client.DeleteObject(t.Context(), one)
	wantCode(t, err, "InvalidArgument")

	unversioned, client := newServer(Config{IsUnversioned: true, Set: Set{Kind: UUIDs, Entries: 1}})
	must[*s3.DeleteObjectOutput](t)(client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucketName), Key: &unversioned.Left(1)[0]}))
	if left := unversioned.Stats().Left; left != 0 {
		t.Errorf("unversioned: %d left", left)
	}
}

func TestLocks(t *testing.T) {
	s, client := newServer(Config{Seed: 4, Set: Set{Kind: Numbered, Entries: 1000, HalfMarkers: true}, Trouble: Trouble{Retained: 0.1, LegalHold: 0.1}})
	for range 2 {
		out := must[*s3.DeleteObjectsOutput](t)(deleteAll(t, client, s.idsOf(), true))
		if left := s.Stats().Left; len(out.Errors) != left || left < 60 || left > 140 {
			t.Errorf("%d errors, %d left", len(out.Errors), left)
		}
		for _, e := range out.Errors {
			if *e.Code != "AccessDenied" || *e.Message != "Access Denied because object protected by object lock." || e.VersionId == nil {
				t.Fatalf("%s %s", *e.Code, *e.Message)
			}
		}
	}
	id := s.idsOf()[0]
	_, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucketName), Key: id.Key, VersionId: id.VersionId})
	wantCode(t, err, "AccessDenied")
	_, err = client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(bucketName)})
	wantCode(t, err, "BucketNotEmpty")
}

func TestRatesKeyByKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, client := newServer(Config{Set: Set{Kind: Numbered, Entries: 5000}, Partitions: Partitions{Count: 1, Rates: []float64{1000}}})
		for i, want := range []int{1000, 500, 0, 1000, 0} { // the burst, half a second, nothing, a second, nothing
			out := must[*s3.DeleteObjectsOutput](t)(deleteAll(t, client, s.idsOf()[:1000], false))
			if len(out.Deleted) != want || len(out.Errors) != 1000-want {
				t.Errorf("call %d: %d deleted, %d refused, want %d", i, len(out.Deleted), len(out.Errors), want)
			}
			if len(out.Errors) > 0 && *out.Errors[0].Code != "SlowDown" {
				t.Errorf("call %d: %s", i, *out.Errors[0].Code)
			}
			time.Sleep([]time.Duration{500 * time.Millisecond, 0, time.Hour, 0, 0}[i]) // which fills no more than a second's tokens
		}
		if stats := s.Stats(); stats.Refused != 2500 || stats.Left != 2500 {
			t.Errorf("%d refused, %d left", stats.Refused, stats.Left)
		}
	})
}

func TestRatesCallByCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, client := newServer(Config{Set: Set{Kind: Numbered, Entries: 5000}, Partitions: Partitions{IsWhole: true, Borders: []string{"data/000000002000"}, Rates: []float64{1500, 400}}})
		must[*s3.DeleteObjectsOutput](t)(deleteAll(t, client, s.idsOf()[:1000], false))
		_, err := deleteAll(t, client, s.idsOf()[:1000], false) // 500 would be accepted
		wantCode(t, err, "SlowDown")
		last := s.idsOf()[3000:]
		must[*s3.DeleteObjectsOutput](t)(deleteAll(t, client, last[:1000], false)) // of the other partition, which never has as many
		time.Sleep(time.Second)
		_, err = deleteAll(t, client, last[900:910], false)
		wantCode(t, err, "SlowDown")
		if stats := s.Stats(); stats.Refused != 1010 || stats.Left != 3000 || stats.Refusals["SlowDown"] != 2 {
			t.Errorf("%d refused, %d left, %v", stats.Refused, stats.Left, stats.Refusals)
		}
	})
}

func TestBursts(t *testing.T) {
	for burst, want := range map[time.Duration]int{0: 100, -1: 0, 3 * time.Second: 300} {
		synctest.Test(t, func(t *testing.T) {
			s, client := newServer(Config{Set: Set{Kind: Numbered, Entries: 1000}, Partitions: Partitions{Count: 1, Rates: []float64{100}, Burst: burst}})
			time.Sleep(time.Minute) // before the first call there is no time
			if out := must[*s3.DeleteObjectsOutput](t)(deleteAll(t, client, s.idsOf(), false)); len(out.Deleted) != want {
				t.Errorf("burst %s: %d deleted, want %d", burst, len(out.Deleted), want)
			}
		})
	}
}

func TestLatencies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, client := newServer(Config{List: 100 * time.Millisecond, Delete: 300 * time.Millisecond, Set: Set{Kind: Numbered, Entries: 10}})
		begun := time.Now()
		must[*s3.ListObjectVersionsOutput](t)(client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(bucketName)}))
		if took := time.Since(begun); took != 100*time.Millisecond {
			t.Errorf("a listing took %s", took)
		}
		begun = time.Now()
		must[*s3.DeleteObjectsOutput](t)(deleteAll(t, client, s.idsOf()[:5], false))
		if took := time.Since(begun); took != 300*time.Millisecond {
			t.Errorf("a delete took %s", took)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		begun = time.Now()
		_, err := client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: aws.String(bucketName), Delete: &types.Delete{Objects: s.idsOf()}})
		if took := time.Since(begun); err == nil || took != 200*time.Millisecond || s.Stats().Left != 5 {
			t.Errorf("a delete that was given up: %v after %s, %d left", err, took, s.Stats().Left)
		}
	})
}

func TestTrouble(t *testing.T) {
	for code, trouble := range map[string]Trouble{"SlowDown": {SlowDown: 1}, "InternalError": {InternalError: 1}} {
		s, client := newServer(Config{Set: Set{Kind: Numbered, Entries: 10}, Trouble: trouble})
		_, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(bucketName)})
		wantCode(t, err, code)
		_, err = deleteAll(t, client, s.idsOf(), false)
		wantCode(t, err, code)
		if stats := s.Stats(); stats.Left != 10 || stats.Refusals[code] != 2 {
			t.Errorf("%s: %d left, %v", code, stats.Left, stats.Refusals)
		}
		must[*s3.GetBucketLocationOutput](t)(client.GetBucketLocation(t.Context(), &s3.GetBucketLocationInput{Bucket: aws.String(bucketName)}))
	}
}

func TestTroubleOfKeys(t *testing.T) {
	s, client := newServer(Config{Seed: 5, Set: Set{Kind: Numbered, Entries: 1000}, Trouble: Trouble{KeySlowDown: 0.2, KeyInternalError: 0.1}})
	codes := map[string]int{}
	for _, e := range must[*s3.DeleteObjectsOutput](t)(deleteAll(t, client, s.idsOf(), true)).Errors {
		codes[*e.Code]++
	}
	if n := codes["SlowDown"]; n < 150 || n > 250 {
		t.Errorf("%v", codes)
	}
	if n := codes["InternalError"]; n < 50 || n > 150 {
		t.Errorf("%v", codes)
	}
	if stats := s.Stats(); stats.Left != codes["SlowDown"]+codes["InternalError"] || stats.Failed != stats.Left {
		t.Errorf("%d left, %d failed, %v", stats.Left, stats.Failed, codes)
	}
}

// Both without a network and over one, half of the calls whose connection is reset have taken effect.
func TestResets(t *testing.T) {
	s, client := newServer(Config{Set: Set{Kind: Numbered, Entries: 100}, Trouble: Trouble{Reset: 1}})
	network := httptest.NewServer(s)
	defer network.Close()
	for i, c := range []*s3.Client{client, clientOf(network.URL, network.Client())} {
		for _, id := range s.idsOf()[:50] {
			_, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucketName), Key: id.Key, VersionId: id.VersionId})
			if err == nil || !strings.Contains(err.Error(), "reset by peer") && !strings.Contains(err.Error(), "EOF") {
				t.Fatalf("%d: %v", i, err)
			}
		}
	}
	if left := s.Stats().Left; left < 30 || left > 75 {
		t.Errorf("%d left", left)
	}
}

func TestDenyKeepsWritersOut(t *testing.T) {
	s, client := newServer(Config{})
	put := func() error {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucketName), Key: aws.String("k"), Body: strings.NewReader("body")})
		return err
	}
	if err := put(); err != nil || s.Stats().Left != 1 {
		t.Fatal(err)
	}
	for document, isDenied := range map[string]bool{
		`{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::my-data/*"}]}`:                                     true,
		`{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}`: false,
		`{"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:user/u"}, "Action": ["s3:PutObject"], "Resource": "*"}]}`:               false,
	} {
		must[*s3.PutBucketPolicyOutput](t)(client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(bucketName), Policy: &document}))
		if got := awscall.IsDenied(put()); got != isDenied {
			t.Errorf("%s: denied %v", document, got)
		}
	}
	must[*s3.DeleteBucketPolicyOutput](t)(client.DeleteBucketPolicy(t.Context(), &s3.DeleteBucketPolicyInput{Bucket: aws.String(bucketName)}))
	if err := put(); err != nil {
		t.Error(err)
	}
}

func TestBucket(t *testing.T) {
	s, client := newServer(Config{Tags: map[string]string{"a": "1"}, Uploads: 1})
	name := aws.String(bucketName)
	must[*s3.PutBucketTaggingOutput](t)(client.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: name,
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("b<"), Value: aws.String("2&")}}}}))
	out := must[*s3.GetBucketTaggingOutput](t)(client.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: name}))
	if len(out.TagSet) != 1 || *out.TagSet[0].Key != "b<" || *out.TagSet[0].Value != "2&" {
		t.Errorf("%v", out.TagSet)
	}
	_, err := client.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: name})
	wantCode(t, err, "NoSuchBucketPolicy")
	_, err = client.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: name, ExpectedBucketOwner: aws.String("999999999999")})
	wantCode(t, err, "AccessDenied")
	if all := must[*s3.ListBucketsOutput](t)(client.ListBuckets(t.Context(), &s3.ListBucketsInput{})); len(all.Buckets) != 1 {
		t.Errorf("%d buckets", len(all.Buckets))
	}
	must[*s3.DeleteBucketOutput](t)(client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: name, ExpectedBucketOwner: aws.String(account)}))
	_, err = client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: name})
	wantCode(t, err, "NoSuchBucket")
	if all := must[*s3.ListBucketsOutput](t)(client.ListBuckets(t.Context(), &s3.ListBucketsInput{})); len(all.Buckets) != 0 || !s.Stats().IsGone {
		t.Errorf("%d buckets", len(all.Buckets))
	}
	_, err = client.PutBucketAcl(t.Context(), &s3.PutBucketAclInput{Bucket: aws.String("other"), ACL: "private"})
	wantCode(t, err, "NotImplemented")
}
