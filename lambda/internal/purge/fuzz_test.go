package purge_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/purge"
	"bucketuser/lambda/internal/s3model"
)

// bits reads choices off a number, one after the other.
type bits uint64

func (b *bits) choose(n uint64) uint64 {
	x := uint64(*b) % n
	*b = bits(uint64(*b) / n)
	return x
}

func (b *bits) is() bool { return b.choose(2) == 1 }

// share is a share that is none half of the time.
func (b *bits) share(most float64) float64 { return max(0, float64(b.choose(8))-3) / 4 * most }

// drawScene reads a scene off numbers, and off a text whose lines are keys. A line that stands twice is another version.
func drawScene(seed, choices uint64, entries uint16, text string) scene {
	b := bits(choices)
	kinds := s3model.Kinds()
	var s scene
	s.Seed = seed
	s.Set = s3model.Set{Kind: kinds[b.choose(uint64(len(kinds)))], Entries: int(entries % 4000), HalfMarkers: b.is()}
	s.List, s.Delete = time.Duration(b.choose(4))*30*ms, time.Duration(b.choose(4))*100*ms
	s.GoneMarker = []s3model.GoneMarker{s3model.ByAge, s3model.WholeKey, s3model.InvalidAfter}[b.choose(3)]
	s.IsUnversioned, s.Uploads = b.is(), int(b.choose(3)*10)
	if b.is() {
		s.Partitions = s3model.Partitions{Count: 1 + int(b.choose(4)), Burst: -1, IsWhole: b.is()}
	}
	s.Trouble = s3model.Trouble{KeySlowDown: b.share(0.4), KeyInternalError: b.share(0.4), SlowDown: b.share(0.15), InternalError: b.share(0.15), Reset: b.share(0.15)}
	if b.is() {
		s.Trouble.Retained, s.Trouble.LegalHold = 0.05, 0.05
	}
	if b.choose(8) == 1 {
		s.limit = time.Second + time.Duration(b.choose(8))*500*ms
	}
	size := []int{1000, 1000, 333, 50}[b.choose(4)]
	s.meets = func(r *http.Request) (*http.Response, error) { return nil, limitPages(r, size) }
	s.before = func(client *s3.Client) { put(context.Background(), client, keysOf(text)...) }
	if b.is() {
		s.beside = writer(int(b.choose(8)))
	}
	s.isAhead = b.is()
	return s
}

// limitPages has S3 list fewer entries than it is asked for, as it may.
func limitPages(r *http.Request, size int) error {
	q := r.URL.Query()
	if asked, err := strconv.Atoi(q.Get("max-keys")); err == nil && isList(r) && asked > size {
		q.Set("max-keys", strconv.Itoa(size))
		r.URL.RawQuery = q.Encode()
	}
	return nil
}

// keysOf are the lines of a text that can be keys.
func keysOf(text string) []string {
	keys := strings.Split(strings.ToValidUTF8(text, "?"), "\n")
	keys = slices.DeleteFunc(keys, func(key string) bool { return key == "" || len(key) > 1024 || !utf8.ValidString(key) })
	return keys[:min(len(keys), 200)]
}

func put(ctx context.Context, client *s3.Client, keys ...string) {
	for _, key := range keys {
		_, _ = client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("my-data"), Key: &key})
	}
}

// FuzzEmpty holds what Empty promises, whatever is in the bucket and whatever S3 answers.
func FuzzEmpty(f *testing.F) {
	for i := range uint64(12) {
		f.Add(i, i*0x9E3779B97F4A7C15, uint16(i*321), "a\na\na/\nb\x01\n語\n\U0010FFFF\n\uE000\na\U0010FFFF\n"+strings.Repeat("x", 1024))
	}
	f.Fuzz(func(t *testing.T, seed, choices uint64, entries uint16, text string) {
		s := drawScene(seed, choices, entries, text)
		if o := play(t, s); !isTrue(t, s, o) {
			t.Errorf("%+v: after %v of %v: %v; left %d, uploads %d, requests %v: %.5q", s.Config, o.took, s.limit, o.err, o.Left, o.Uploads, o.Requests, o.left)
		}
	})
}

// isTrue reports whether what came of an emptying is what it says.
func isTrue(t *testing.T, s scene, o outcome) bool {
	t.Helper()
	var refused *purge.Refused
	var rest *purge.Unfinished
	isAsked := o.Requests["ListObjectVersions"] < 4000+o.Entries
	isInTime := o.took <= max(s.limit, 30*time.Minute)
	switch {
	case s.limit == 0 && !isInTime || !isAsked || o.panicked != nil:
		return false
	case o.err == nil: // what was written after the last list may be left
		return o.Left == 0 || s.beside != nil && o.Left <= o.Written
	case errors.As(o.err, &rest):
		return s.limit > 0 && o.took <= s.limit && int(rest.Left) <= o.Left+o.Written
	case errors.As(o.err, &refused):
		return o.Denied > 0 && (s.beside != nil || int(refused.Count) == o.Left) && namesWhatIsLeft(refused, o)
	}
	return false
}

// namesWhatIsLeft reports whether the keys that an error names are there.
func namesWhatIsLeft(refused *purge.Refused, o outcome) bool {
	for _, key := range refused.Keys {
		if len(o.left) == o.Left && !slices.Contains(o.left, key) {
			return false
		}
	}
	return len(refused.Keys) == min(10, int(refused.Count)) && !strings.Contains(fmt.Sprint(refused.Cause), "nil")
}
