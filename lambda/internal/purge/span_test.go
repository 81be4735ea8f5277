package purge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"pgregory.net/rapid"
)

// drawBucket draws the entries of a bucket in order: keys of any kind, some with many versions.
func drawBucket(r *rapid.T) (all []Entry) {
	for _, key := range rapid.SliceOfNDistinct(rapid.Custom(func(r *rapid.T) string { return drawKey(r, "key") }), 1, 40, rapid.ID).Draw(r, "keys") {
		for i := range rapid.SampledFrom([]int{1, 1, 1, 2, 5, 30}).Draw(r, "versions") {
			if key != "" {
				all = append(all, Entry{ID: ID{key, fmt.Sprintf("%03d", i)}})
			}
		}
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Version, b.Version))
	})
	return all
}

// behind is a page of a bucket: at most size entries after a place.
func behind(all []Entry, at cursor, size int) Page {
	rest := slices.DeleteFunc(slices.Clone(all), func(e Entry) bool {
		return e.Key < at.key || e.Key == at.key && (at.version == "" || e.Version <= at.version)
	})
	page := Page{Entries: rest[:min(size, len(rest))], IsLast: len(rest) <= size}
	if !page.IsLast {
		last := page.Entries[len(page.Entries)-1]
		page.next = cursor{last.Key, last.Version}
	}
	return page
}

// probe tells of each mark what is behind it.
func probe(all []Entry, marks []string) (told []found) {
	for _, mark := range marks {
		page := behind(all, cursor{key: mark}, 1)
		f := found{mark: mark, isAny: len(page.Entries) > 0}
		if f.isAny {
			f.first = page.Entries[0].Key
		}
		told = append(told, f)
	}
	return told
}

// However a bucket is divided, and whenever, each of its entries is accepted by one range, once; and no two ranges share a
// key.
func TestSpansCoverEachEntryOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		all := drawBucket(r)
		spans := []*span{newSpan("", "", &lane{rate: firstRate})}
		size := rapid.IntRange(1, 20).Draw(r, "page")
		for steps := 0; ; steps++ {
			open := slices.DeleteFunc(slices.Clone(spans), func(s *span) bool { return s.isListed })
			if len(open) == 0 {
				break
			}
			if steps > 100*len(all)+1000 {
				r.Fatal("it does not end")
			}
			s := rapid.SampledFrom(open).Draw(r, "span")
			spans = append(spans, divideOrList(r, all, s, size)...)
		}
		checkCover(r, all, spans)
	})
}

// divideOrList takes a step with a span, and returns what it gives away.
func divideOrList(r *rapid.T, all []Entry, s *span, size int) []*span {
	if !s.isDivisible() || rapid.Bool().Draw(r, "list") {
		s.accept(behind(all, s.at, size))
		return nil
	}
	s.told = probe(all, marksBetween(s.known, s.end))
	if rapid.Bool().Draw(r, "list meanwhile") {
		s.accept(behind(all, s.at, size))
	}
	return s.split(rapid.IntRange(1, 8).Draw(r, "parts"))
}

// checkCover fails the test unless the spans have accepted all entries, each once, and all versions of a key in one.
func checkCover(r *rapid.T, all []Entry, spans []*span) {
	var accepted []Entry
	of := map[string]*span{}
	for _, s := range spans {
		for _, t := range s.waiting {
			accepted = append(accepted, Entry{ID: t.ID})
			if other := of[t.Key]; other != nil && other != s {
				r.Fatalf("%q is in two ranges", t.Key)
			}
			of[t.Key] = s
			if t.Key <= s.from && t.Key != "" || s.end != "" && t.Key > s.end {
				r.Fatalf("%q is not behind %q, up to %q", t.Key, s.from, s.end)
			}
		}
	}
	slices.SortFunc(accepted, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Version, b.Version))
	})
	if !slices.Equal(accepted, all) {
		r.Fatalf("%d entries of %d", len(accepted), len(all))
	}
}

// A batch has at most 1,000 keys and 1 MB of a body, takes the first that wait, and at least one.
func TestBatchesHaveTheirLimits(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var waiting []todo
		kind := rapid.SampledFrom([]string{"a", "&", "\u2028", "\u0085", "x\n\t"}).Draw(r, "of")
		for range rapid.IntRange(1, 1500).Draw(r, "entries") {
			e := ID{Key: strings.Repeat(kind, min(maxKeyBytes, 1+rapid.IntRange(0, 1000).Draw(r, "length"))/len(kind)), Version: "null"}
			waiting = append(waiting, todo{ID: e, bytes: int32(e.bytes())})
		}
		b, rest := cut(waiting, rapid.IntRange(1, mostOfBatch).Draw(r, "size"))
		if len(b.todos) == 0 || len(b.todos) > mostOfBatch || len(b.todos)+len(rest) != len(waiting) || b.todos[0] != waiting[0] {
			r.Fatalf("%d and %d of %d", len(b.todos), len(rest), len(waiting))
		}
		if n := bodyOf(b.todos); n > mostOfBody || n > b.bytes+200 {
			r.Fatalf("a body of %d bytes, taken for %d", n, b.bytes)
		}
	})
}

// bodyOf is how long the body of a DeleteObjects is, as the SDK writes it.
func bodyOf(todos []todo) (n int) {
	client := s3.New(s3.Options{Region: "eu-central-1", RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{},
		HTTPClient: doer(func(r *http.Request) { n = int(r.ContentLength) })})
	ids := make([]types.ObjectIdentifier, len(todos))
	for i := range todos {
		ids[i] = types.ObjectIdentifier{Key: &todos[i].Key, VersionId: todos[i].versionID()}
	}
	_, _ = client.DeleteObjects(context.Background(), &s3.DeleteObjectsInput{Bucket: aws.String("b"), Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)}})
	return n
}

type doer func(*http.Request)

func (d doer) Do(r *http.Request) (*http.Response, error) {
	d(r)
	return nil, errors.New("not sent")
}
