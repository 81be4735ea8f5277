package s3model

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"pgregory.net/rapid"
)

// line is an entry as the tests compare it.
type line struct {
	key, version string
	isLatest     bool
}

// linesOf are the entries of a page with decoded keys, in the order of all lines. The SDK has versions and delete
// markers apart.
func linesOf(t *testing.T, all []line, page *s3.ListObjectVersionsOutput) []line {
	t.Helper()
	order := map[line]int{}
	for i, l := range all {
		order[line{key: l.key, version: l.version}] = i
	}
	var lines []line
	for _, v := range page.Versions {
		lines = append(lines, line{decode(t, v.Key), *v.VersionId, *v.IsLatest})
	}
	for _, m := range page.DeleteMarkers {
		lines = append(lines, line{decode(t, m.Key), *m.VersionId, *m.IsLatest})
	}
	slices.SortFunc(lines, func(a, b line) int {
		return order[line{key: a.key, version: a.version}] - order[line{key: b.key, version: b.version}]
	})
	return lines
}

func decode(t *testing.T, key *string) string {
	t.Helper()
	return must[string](t)(url.QueryUnescape(aws.ToString(key)))
}

// lines are all entries of a server.
func (s *Server) lines() []line {
	var lines []line
	before := ""
	for e := range s.entries.from(place{}) {
		lines = append(lines, line{e.key, e.version(), e.key != before})
		before = e.key
	}
	return lines
}

// after are the lines that S3 documents a listing to return: those after the marker. A version marker stands for
// its place among the versions of its key.
func after(all []line, prefix, key, version string) []line {
	seen := version == ""
	return slices.DeleteFunc(slices.Clone(all), func(l line) bool {
		isSame := l.key == key
		isAfter := l.key > key || isSame && version != "" && seen
		if isSame && l.version == version {
			seen = true
		}
		return !isAfter || !strings.HasPrefix(l.key, prefix)
	})
}

func TestListsAfterAnyMarker(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s, client := newServer(Config{Seed: rapid.Uint64().Draw(r, "seed"), Set: Set{Kind: rapid.SampledFrom(Kinds()).Draw(r, "kind"),
			Entries: rapid.IntRange(1, 600).Draw(r, "entries"), HalfMarkers: rapid.Bool().Draw(r, "markers")}})
		all := s.lines()
		in := drawListing(r, all)
		page, err := client.ListObjectVersions(t.Context(), in)
		if err != nil {
			r.Fatal(err)
		}
		want := after(all, aws.ToString(in.Prefix), aws.ToString(in.KeyMarker), aws.ToString(in.VersionIdMarker))
		size := min(int(*in.MaxKeys), pageSize)
		isMore := len(want) > size
		want = want[:min(len(want), size)]
		if got := linesOf(t, all, page); !slices.Equal(got, want) || *page.IsTruncated != isMore {
			r.Fatalf("%d entries, want %d; truncated %v, want %v", len(got), len(want), *page.IsTruncated, isMore)
		}
		var next line
		if isMore {
			next = want[len(want)-1]
		}
		if decode(t, page.NextKeyMarker) != next.key || aws.ToString(page.NextVersionIdMarker) != next.version {
			r.Fatalf("next markers %v %v, want %v", page.NextKeyMarker, page.NextVersionIdMarker, next)
		}
	})
}

// drawListing draws a listing that begins at a key or a version which exists, or between keys.
func drawListing(r *rapid.T, all []line) *s3.ListObjectVersionsInput {
	near := rapid.SampledFrom(all).Draw(r, "near")
	size := rapid.SampledFrom([]int32{1, 3, 1000, 5000}).Draw(r, "size")
	in := &s3.ListObjectVersionsInput{Bucket: aws.String(bucketName), EncodingType: types.EncodingTypeUrl, MaxKeys: &size}
	switch rapid.SampledFrom([]string{"none", "key", "version", "between"}).Draw(r, "marker") {
	case "key":
		in.KeyMarker = &near.key
	case "version":
		in.KeyMarker, in.VersionIdMarker = &near.key, &near.version
	case "between":
		tail := rapid.SampledFrom([]string{"", "\U0010FFFF", "!", "a"}).Draw(r, "tail")
		in.KeyMarker = aws.String(drawPrefix(r, near.key) + tail)
	}
	if rapid.Bool().Draw(r, "has prefix") {
		in.Prefix = aws.String(drawPrefix(r, near.key))
	}
	return in
}

func drawPrefix(r *rapid.T, key string) string {
	runes := []rune(key)
	return string(runes[:rapid.IntRange(0, len(runes)).Draw(r, "length")])
}

// pages calls visit with each page. The next begins where the one before has ended.
func pages(t *testing.T, client *s3.Client, size int32, visit func(*s3.ListObjectVersionsOutput)) {
	t.Helper()
	in := &s3.ListObjectVersionsInput{Bucket: aws.String(bucketName), EncodingType: types.EncodingTypeUrl, MaxKeys: &size}
	for {
		page := must[*s3.ListObjectVersionsOutput](t)(client.ListObjectVersions(t.Context(), in))
		visit(page)
		if !*page.IsTruncated {
			return
		}
		in.KeyMarker, in.VersionIdMarker = aws.String(decode(t, page.NextKeyMarker)), page.NextVersionIdMarker
	}
}

func TestPagesHoldEverythingOnce(t *testing.T) {
	for _, kind := range Kinds() {
		for _, size := range []int32{37, 256, 1000} {
			t.Run(fmt.Sprint(kind, size), func(t *testing.T) {
				s, client := newServer(Config{Seed: 9, Set: Set{Kind: kind, Entries: 600, HalfMarkers: true}})
				var got []line
				all := s.lines()
				pages(t, client, size, func(page *s3.ListObjectVersionsOutput) { got = append(got, linesOf(t, all, page)...) })
				if !slices.Equal(got, all) {
					t.Errorf("%d entries", len(got))
				}
			})
		}
	}
}

// Each page is deleted before the next one is listed, so that the version that its marker names is gone.
func TestListingAfterAVersionThatIsGone(t *testing.T) {
	for _, c := range []struct {
		how  GoneMarker
		left int
	}{{ByAge, 0}, {WholeKey, 0}} {
		s, client := newServer(Config{GoneMarker: c.how, Seed: 2, Set: Set{Kind: OneKey, Entries: 600, HalfMarkers: true}})
		all := s.lines()
		pages(t, client, 50, func(page *s3.ListObjectVersionsOutput) {
			for _, l := range linesOf(t, all, page) {
				must[*s3.DeleteObjectOutput](t)(client.DeleteObject(t.Context(),
					&s3.DeleteObjectInput{Bucket: aws.String(bucketName), Key: &l.key, VersionId: &l.version}))
			}
		})
		if left := s.Stats().Left; left != c.left {
			t.Errorf("%q: %d left", c.how, left)
		}
	}
}

func TestWhatAGoneMarkerDoes(t *testing.T) {
	for how, want := range map[GoneMarker]int{ByAge: 7, WholeKey: 9, InvalidAfter: -1} {
		s, client := newServer(Config{GoneMarker: how, Set: Set{Kind: OneKey, Entries: 20}}) // ten of one key
		key := busiestOf(s)
		third := s.linesOfKey(key)[2]
		must[*s3.DeleteObjectOutput](t)(client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(bucketName), Key: &key, VersionId: &third.version}))
		page, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(bucketName), Prefix: &key, KeyMarker: &key, VersionIdMarker: &third.version})
		switch {
		case want < 0:
			wantCode(t, err, "InvalidArgument")
		case err != nil || len(page.Versions) != want:
			t.Errorf("%q: %v, %v, want %d", how, page, err, want)
		}
	}
}

func busiestOf(s *Server) string {
	lines := s.lines()
	for i := 2; i < len(lines); i++ {
		if lines[i].key == lines[i-2].key {
			return lines[i].key
		}
	}
	return ""
}

func (s *Server) linesOfKey(key string) []line {
	return slices.DeleteFunc(s.lines(), func(l line) bool { return l.key != key })
}

func TestListingsThatAreRefused(t *testing.T) {
	_, client := newServer(Config{Set: Set{Kind: Control, Entries: 20}})
	for name, in := range map[string]*s3.ListObjectVersionsInput{
		"a version marker without a key marker":       {VersionIdMarker: aws.String("null")},
		"a version marker that was never issued":      {KeyMarker: aws.String("k"), VersionIdMarker: aws.String("HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD")},
		"a size below zero":                           {MaxKeys: aws.Int32(-1)},
		"an encoding other than url":                  {EncodingType: "base64"},
		"a version marker of a version of the future": {KeyMarker: aws.String("k"), VersionIdMarker: aws.String(entry{serial: 1000}.version())},
	} {
		in.Bucket = aws.String(bucketName)
		_, err := client.ListObjectVersions(t.Context(), in)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantCode(t, err, "InvalidArgument")
	}
	if _, err := client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(bucketName)}); err == nil {
		t.Error("a reader of XML has read a character that XML cannot carry")
	}
}

func TestListsWhatIsCurrent(t *testing.T) {
	_, client := newServer(Config{IsUnversioned: true, Set: Set{Kind: Numbered, Entries: 25}})
	count := 0
	list := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String(bucketName), Prefix: aws.String("data/"), MaxKeys: aws.Int32(10)})
	for list.HasMorePages() {
		count += len(must[*s3.ListObjectsV2Output](t)(list.NextPage(t.Context())).Contents)
	}
	if count != 25 {
		t.Errorf("%d objects", count)
	}
	_, versioned := newServer(Config{Set: Set{Kind: UUIDs, Entries: 30, HalfMarkers: true}})
	if got := must[*s3.ListObjectsV2Output](t)(versioned.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucketName)})); len(got.Contents) != 0 {
		t.Errorf("%d objects under delete markers", len(got.Contents))
	}
}

func TestUploads(t *testing.T) {
	s, client := newServer(Config{Uploads: 25})
	in := &s3.ListMultipartUploadsInput{Bucket: aws.String(bucketName), EncodingType: types.EncodingTypeUrl, MaxUploads: aws.Int32(3)}
	for count := 0; ; {
		page := must[*s3.ListMultipartUploadsOutput](t)(client.ListMultipartUploads(t.Context(), in))
		for _, u := range page.Uploads {
			count++
			abort := &s3.AbortMultipartUploadInput{Bucket: aws.String(bucketName), Key: aws.String(decode(t, u.Key)), UploadId: u.UploadId}
			must[*s3.AbortMultipartUploadOutput](t)(client.AbortMultipartUpload(t.Context(), abort))
			_, err := client.AbortMultipartUpload(t.Context(), abort)
			wantCode(t, err, "NoSuchUpload")
		}
		if !*page.IsTruncated {
			if count != 25 || s.Stats().Uploads != 0 {
				t.Errorf("%d uploads listed, %d left", count, s.Stats().Uploads)
			}
			return
		}
		in.KeyMarker, in.UploadIdMarker = aws.String(decode(t, page.NextKeyMarker)), page.NextUploadIdMarker
	}
}
