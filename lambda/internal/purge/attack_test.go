package purge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/purge"
	"bucketuser/lambda/internal/s3model"
)

// quick has S3 answer at once what is not about the pace.
func quick(kind s3model.Kind, entries int) s3model.Config {
	return s3model.Config{Set: set(kind, entries), List: 10 * ms, Delete: 20 * ms}
}

// wantEmpty fails the test unless nothing is left and nothing was wrong.
func wantEmpty(t *testing.T, o outcome) {
	t.Helper()
	if o.err != nil || o.Left > 0 {
		t.Errorf("%v, left %d: %.10q\n%s", o.err, o.Left, o.left, o.log)
	}
}

func TestBucketThatIsGoneEndsIt(t *testing.T) {
	for _, at := range []int64{1, 2, 20, 60} {
		t.Run(fmt.Sprint("call ", at), func(t *testing.T) {
			var calls, after atomic.Int64
			o := play(t, scene{Config: quick(s3model.UUIDs, 20_000), meets: func(r *http.Request) (*http.Response, error) {
				if calls.Add(1) < at || !isList(r) && !isBatch(r) {
					return nil, nil
				}
				after.Add(1)
				return refusal(r, 404, "NoSuchBucket", "The specified bucket does not exist"), nil
			}})
			if !awscall.IsNoBucket(o.err) || o.took > time.Second || after.Load() > 200 {
				t.Errorf("%v, after %v and %d more calls", o.err, o.took, after.Load())
			}
		})
	}
}

// A first page that was listed before saves one listing, and whatever has changed since, nothing is left.
func TestBeginsWithWhatWasListed(t *testing.T) {
	remove := func(client *s3.Client) {
		b := purge.Bucket{S3: client, Name: "my-data", Owner: account}
		for page := range b.Pages(context.Background(), "") {
			for _, e := range page.Entries[:len(page.Entries)/2] {
				_ = b.Delete(context.Background(), e.ID)
			}
		}
	}
	write := func(client *s3.Client) { put(context.Background(), client, "", "!", "0", "5", "a", "~", "\U0010FFFF") }
	for name, c := range map[string]struct {
		since   func(client *s3.Client)
		entries int
	}{
		"nothing has changed": {entries: 3000}, "one page": {entries: 700}, "less is there": {remove, 3000}, "more is there": {write, 3000},
		"it was empty": {write, 0}, "half of a page is gone": {remove, 700},
	} {
		t.Run(name, func(t *testing.T) {
			var fromStart atomic.Int64
			o := play(t, scene{Config: quick(s3model.UUIDs, c.entries), isAhead: true, before: c.since, meets: func(r *http.Request) (*http.Response, error) {
				if isList(r) && !r.URL.Query().Has("key-marker") {
					fromStart.Add(1)
				}
				return nil, nil
			}})
			wantEmpty(t, o)
			if c.since == nil && fromStart.Load() != 2 { // ahead, and the last
				t.Errorf("listed %d times from the start", fromStart.Load())
			}
		})
	}
}

// Nothing of what was listed before is deleted, and more is there by now: the count is that of what is left all the same.
func TestRefusedIsTrueOfAPageThatIsOld(t *testing.T) {
	c := quick(s3model.UUIDs, 30)
	c.Trouble.Retained = 1
	wantRefused(t, play(t, scene{Config: c, isAhead: true, before: func(client *s3.Client) { put(context.Background(), client, "!", "~") }}))
}

// What panics in a part of it panics where it was called, and nothing hangs.
func TestPanicsComeOut(t *testing.T) {
	for name, is := range map[string]func(r *http.Request) bool{
		"first list": isList, "batch": isBatch, "single": isSingle,
		"later list": func(r *http.Request) bool { return isList(r) && r.URL.Query().Get("key-marker") != "" },
		"probe":      func(r *http.Request) bool { return isList(r) && r.URL.Query().Get("max-keys") == "1" },
		"upload":     func(r *http.Request) bool { return r.URL.Query().Has("uploadId") },
		"uploads":    func(r *http.Request) bool { return r.URL.Query().Has("uploads") },
	} {
		t.Run(name, func(t *testing.T) {
			c := quick(s3model.Control, 5000)
			c.Uploads = 10
			o := play(t, scene{Config: c, meets: func(r *http.Request) (*http.Response, error) {
				if is(r) {
					panic("of a test")
				}
				return nil, nil
			}})
			if o.panicked == nil || o.took > time.Minute {
				t.Errorf("%v, after %v", o.err, o.took)
			}
		})
	}
}

// Refusals are counted once, and named, whatever else happens; uploads are aborted all the same.
func TestRefusedSaysWhatIsLeft(t *testing.T) {
	for _, kind := range []s3model.Kind{s3model.UUIDs, s3model.OneKey, s3model.Nulls, s3model.Control} {
		for _, gone := range []s3model.GoneMarker{s3model.ByAge, s3model.WholeKey, s3model.InvalidAfter} {
			t.Run(string(kind)+" "+string(gone), func(t *testing.T) {
				c := quick(kind, 2500)
				c.GoneMarker, c.Uploads, c.Trouble = gone, 500, s3model.Trouble{Retained: 0.1, LegalHold: 0.1}
				o := play(t, scene{Config: c})
				wantRefused(t, o)
				if o.Uploads > 0 {
					t.Errorf("%d uploads are left", o.Uploads)
				}
			})
		}
	}
}

// wantRefused fails the test unless the error says exactly what is left.
func wantRefused(t *testing.T, o outcome) {
	t.Helper()
	var refused *purge.Refused
	if !errors.As(o.err, &refused) {
		t.Fatalf("%v, %d left", o.err, o.Left)
	}
	isNamed := len(refused.Keys) == min(10, o.Left)
	for _, key := range refused.Keys {
		isNamed = isNamed && (len(o.left) < o.Left || slices.Contains(o.left, key))
	}
	if int(refused.Count) != o.Left || o.Left == 0 || !isNamed || !strings.Contains(refused.Error(), "AccessDenied") {
		t.Errorf("%v; %d are left: %q", refused, o.Left, o.left[:min(10, len(o.left))])
	}
}

// More are locked than a page lists.
func TestRefusesManyTruly(t *testing.T) {
	c := quick(s3model.UUIDs, 5000)
	c.Trouble.Retained = 0.6
	wantRefused(t, play(t, scene{Config: c}))
}

// What S3 refuses at once does not end the uploads, which take longer.
func TestRefusedLeavesTimeForUploads(t *testing.T) {
	c := quick(s3model.UUIDs, 30)
	c.Uploads = 500
	o := play(t, scene{Config: c, meets: func(r *http.Request) (*http.Response, error) {
		switch {
		case isBatch(r):
			return keyErrors(r, "MethodNotAllowed", true)
		case isSingle(r):
			return refusal(r, 405, "MethodNotAllowed", "The specified method is not allowed against this resource."), nil
		}
		return nil, nil
	}})
	if !errors.As(o.err, new(*purge.Refused)) || o.Uploads > 0 || o.Left != 30 {
		t.Errorf("%v, %d left, %d uploads", o.err, o.Left, o.Uploads)
	}
}

// Rights that are late are waited for.
func TestLateRightsAreNoRefusal(t *testing.T) {
	var begun time.Time
	var first sync.Once
	o := play(t, scene{Config: quick(s3model.UUIDs, 3000), meets: func(r *http.Request) (*http.Response, error) {
		first.Do(func() { begun = time.Now() })
		if isBatch(r) && time.Since(begun) < 10*time.Second {
			return keyErrors(r, "AccessDenied", true)
		}
		if isSingle(r) && time.Since(begun) < 10*time.Second {
			return refusal(r, 403, "AccessDenied", "Access Denied"), nil
		}
		return nil, nil
	}})
	wantEmpty(t, o)
}

var keyElement, versionElement = regexp.MustCompile(`<Key>([^<]*)</Key>`), regexp.MustCompile(`<VersionId>([^<]*)</VersionId>`)

// keyErrors answers a DeleteObjects with an error for each key, and its version if asked for.
func keyErrors(r *http.Request, code string, hasVersion bool) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	keys, versions := keyElement.FindAllStringSubmatch(string(body), -1), versionElement.FindAllStringSubmatch(string(body), -1)
	var text strings.Builder
	for i, key := range keys {
		text.WriteString("<Error>" + key[0])
		if hasVersion {
			text.WriteString(versions[i][0])
		}
		text.WriteString("<Code>" + code + "</Code><Message>said so</Message></Error>")
	}
	return answered(r, 200, "<DeleteResult>"+text.String()+"</DeleteResult>"), nil
}

// What S3 says of a key: it is tried again, counts as deleted, or is refused.
func TestErrorsOfKeys(t *testing.T) {
	for code, wants := range map[string]string{
		"SlowDown": "again", "InternalError": "again", "ServiceUnavailable": "again", "OperationAborted": "again", "RequestTimeout": "again",
		"NoSuchVersion": "gone", "NoSuchKey": "gone", "AccessDenied": "refused", "MethodNotAllowed": "refused", "InvalidRequest": "refused", "Unheard": "refused",
	} {
		t.Run(code, func(t *testing.T) {
			var batches atomic.Int64
			o := play(t, scene{Config: quick(s3model.UUIDs, 30), meets: func(r *http.Request) (*http.Response, error) {
				if isBatch(r) && batches.Add(1) == 1 {
					return keyErrors(r, code, true)
				}
				return nil, nil
			}})
			wantEmpty(t, o) // what was refused is tried once more, one by one, and then all
			if asked := o.Requests["DeleteObject"] > 0; asked != (wants == "refused") {
				t.Errorf("%d calls for one key, want %s", o.Requests["DeleteObject"], wants)
			}
			if lists := o.Requests["ListObjectVersions"]; wants == "again" && lists != 2 {
				t.Errorf("%d lists", lists)
			}
		})
	}
}

// An error that names no version is about the version "null".
func TestErrorWithoutAVersion(t *testing.T) {
	c := quick(s3model.UUIDs, 30)
	c.IsUnversioned, c.Trouble.Retained = true, 0.2
	wantRefused(t, play(t, scene{Config: c, hears: func(r *http.Request, answer []byte) []byte {
		if isBatch(r) {
			return versionElement.ReplaceAll(answer, nil)
		}
		return answer
	}}))
}

// A store that refuses a whole call for one of its keys: all others are deleted.
func TestOneForbiddenKeyRefusesTheCall(t *testing.T) {
	for _, forbidden := range [][]int{{0}, {50}, {99}, {0, 99}, {3, 40, 41, 98}, {0, 1, 98, 99}} {
		t.Run(fmt.Sprint(forbidden), func(t *testing.T) {
			store := &strict{forbids: forbidden}
			o := play(t, scene{Config: quick(s3model.Numbered, 100), meets: store.answer})
			wantRefused(t, o)
			if o.Left != len(forbidden) {
				t.Errorf("%d left", o.Left)
			}
		})
	}
}

// strict is a store that refuses a call for some of the keys of its first one.
type strict struct {
	mu      sync.Mutex
	forbids []int
	keys    []string // of them
}

func (s *strict) answer(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := r.URL.Path
	if isBatch(r) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		text = string(body)
		r.Body = io.NopCloser(strings.NewReader(text))
		if all := keyElement.FindAllStringSubmatch(text, -1); s.keys == nil {
			for _, i := range s.forbids {
				s.keys = append(s.keys, all[i][1])
			}
		}
	}
	isForbidden := slices.ContainsFunc(s.keys, func(key string) bool { return strings.Contains(text, key) })
	if (isBatch(r) || isSingle(r)) && isForbidden {
		return refusal(r, 403, "AccessDenied", "Access Denied"), nil
	}
	return nil, nil
}

// MFA delete refuses every call as a whole. That does not take a call for each key.
func TestMFARefusesAll(t *testing.T) {
	var calls atomic.Int64
	o := play(t, scene{Config: quick(s3model.UUIDs, 6000), meets: func(r *http.Request) (*http.Response, error) {
		if isBatch(r) || isSingle(r) {
			calls.Add(1)
			return refusal(r, 403, "AccessDenied", "Mfa Authentication must be used for this request"), nil
		}
		return nil, nil
	}})
	wantRefused(t, o)
	if calls.Load() > 6000/2 || !strings.Contains(o.err.Error(), "Mfa") {
		t.Errorf("%d calls, %v", calls.Load(), o.err)
	}
}

// Stores that are compatible with S3 page in ways of their own.
func TestPagesOfOtherStores(t *testing.T) {
	needsTime(t)
	without := func(elements ...string) func(*http.Request, []byte) []byte {
		return func(r *http.Request, answer []byte) []byte {
			if !isList(r) {
				return answer
			}
			for _, element := range elements {
				answer = regexp.MustCompile(`<`+element+`>[^<]*</`+element+`>`).ReplaceAll(answer, nil)
			}
			return answer
		}
	}
	ask := func(change func(q map[string][]string)) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) {
			if isList(r) {
				q := r.URL.Query()
				change(q)
				r.URL.RawQuery = q.Encode()
			}
			return nil, nil
		}
	}
	for name, s := range map[string]scene{
		"no next version":     {hears: without("NextVersionIdMarker")},
		"no next key":         {hears: without("NextVersionIdMarker", "NextKeyMarker")},
		"not encoded":         {meets: ask(func(q map[string][]string) { delete(q, "encoding-type") })},
		"pages of 7":          {meets: ask(func(q map[string][]string) { q["max-keys"] = []string{"7"} })},
		"pages of 333":        {meets: ask(func(q map[string][]string) { q["max-keys"] = []string{"333"} })},
		"versions 400":        {Config: s3model.Config{GoneMarker: s3model.InvalidAfter}},
		"versions whole":      {Config: s3model.Config{GoneMarker: s3model.WholeKey}},
		"versions unnumbered": {Config: s3model.Config{IsUnversioned: true}},
	} {
		for _, kind := range []s3model.Kind{s3model.UUIDs, s3model.OneKey, s3model.Nulls, s3model.UTF8} {
			t.Run(name+" "+string(kind), func(t *testing.T) {
				s.Set, s.List, s.Delete = set(kind, 2500), 400*ms, 5*ms
				wantEmpty(t, play(t, s))
			})
		}
	}
}

// A page may be empty although there are more.
func TestEmptyPages(t *testing.T) {
	var lists atomic.Int64
	o := play(t, scene{Config: quick(s3model.UUIDs, 4000), hears: func(r *http.Request, answer []byte) []byte {
		if !isList(r) || lists.Add(1)%3 != 1 || !strings.Contains(string(answer), "<IsTruncated>true") {
			return answer
		}
		marker := r.URL.Query().Get("key-marker")
		return []byte(`<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>` + url.QueryEscape(marker) + `!</NextKeyMarker></ListVersionsResult>`)
	}})
	wantEmpty(t, o)
}

// A page in the middle that does not say where it goes on is no beginning.
func TestPageWithoutAMarkerInTheMiddle(t *testing.T) {
	o := play(t, scene{Config: quick(s3model.UUIDs, 1), limit: time.Minute, meets: func(r *http.Request) (*http.Response, error) {
		switch {
		case !isList(r):
			return nil, nil
		case r.URL.Query().Has("key-marker"):
			return answered(r, 200, `<ListVersionsResult><IsTruncated>true</IsTruncated></ListVersionsResult>`), nil
		}
		return answered(r, 200, `<ListVersionsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker></ListVersionsResult>`), nil
	}})
	if o.err == nil || !strings.Contains(o.err.Error(), "does not go on") {
		t.Errorf("%v after %v", o.err, o.took)
	}
}

// A listing that does not go on is an error, and no bucket that is empty.
func TestListingThatDoesNotGoOn(t *testing.T) {
	for name, page := range map[string]string{"no marker": "", "the same marker": "<NextKeyMarker>a</NextKeyMarker>"} {
		t.Run(name, func(t *testing.T) {
			o := play(t, scene{Config: quick(s3model.UUIDs, 1), meets: func(r *http.Request) (*http.Response, error) {
				if !isList(r) {
					return nil, nil
				}
				return answered(r, 200, `<ListVersionsResult><IsTruncated>true</IsTruncated>`+page+`</ListVersionsResult>`), nil
			}})
			if o.err == nil || !strings.Contains(o.err.Error(), "does not go on") {
				t.Errorf("%v after %v", o.err, o.took)
			}
		})
	}
}

// A store that lists its keys in another order: what the ranges miss is found, also where something is refused.
func TestOtherOrder(t *testing.T) {
	for _, refuses := range []string{"", "data/003333"} {
		t.Run("refuses "+refuses, func(t *testing.T) {
			store := &reversed{refuses: refuses}
			for i := range 7000 {
				store.keys = append(store.keys, reverse(fmt.Sprintf("data/%06d", i)))
			}
			slices.Sort(store.keys)
			o := play(t, scene{meets: store.answer})
			left := len(store.keys)
			if isRefused := errors.As(o.err, new(*purge.Refused)); isRefused != (refuses != "") || !isRefused && o.err != nil || left > len(refuses)/len("data/003333") {
				t.Errorf("%v, %d left", o.err, left)
			}
		})
	}
}

// reversed is a store that orders its keys from behind.
type reversed struct {
	mu      sync.Mutex
	keys    []string // each reversed, in order
	refuses string
}

func reverse(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

func (s *reversed) answer(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case isList(r):
		return s.list(r), nil
	case isSingle(r):
		return refusal(r, 403, "AccessDenied", "Access Denied"), nil
	case !isBatch(r):
		return nil, nil
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	errors := ""
	for _, key := range keyElement.FindAllStringSubmatch(string(body), -1) {
		if key[1] == s.refuses {
			errors = "<Error>" + key[0] + "<Code>AccessDenied</Code><Message>said so</Message></Error>"
			continue
		}
		if i, isThere := slices.BinarySearch(s.keys, reverse(key[1])); isThere {
			s.keys = slices.Delete(s.keys, i, i+1)
		}
	}
	return answered(r, 200, "<DeleteResult>"+errors+"</DeleteResult>"), nil
}

func (s *reversed) list(r *http.Request) *http.Response {
	q := r.URL.Query()
	size := 1000
	if q.Get("max-keys") == "1" {
		size = 1
	}
	from, isThere := slices.BinarySearch(s.keys, reverse(q.Get("key-marker")))
	if isThere {
		from++
	}
	page := s.keys[from:min(len(s.keys), from+size)]
	var text strings.Builder
	for _, key := range page {
		fmt.Fprintf(&text, "<Version><Key>%s</Key><VersionId>null</VersionId></Version>", reverse(key))
	}
	next := ""
	if from+len(page) < len(s.keys) {
		next = "<NextKeyMarker>" + reverse(page[len(page)-1]) + "</NextKeyMarker><NextVersionIdMarker>null</NextVersionIdMarker>"
	}
	return answered(r, 200, fmt.Sprintf("<ListVersionsResult><IsTruncated>%v</IsTruncated>%s%s</ListVersionsResult>", next != "", next, text.String()))
}

// Keys that XML cannot carry are deleted one by one, and beside each other.
func TestControlCharactersInGreatNumber(t *testing.T) {
	o := play(t, scene{Config: s3model.Config{Set: set(s3model.Control, 10_000), List: 100 * ms, Delete: 100 * ms}})
	wantEmpty(t, o)
	if o.took > 5*time.Second {
		t.Errorf("took %v", o.took)
	}
}

// Uploads that cannot be aborted go with the bucket.
func TestUploadsThatCannotBeAborted(t *testing.T) {
	for name, is := range map[string]func(r *http.Request) bool{
		"list":  func(r *http.Request) bool { return r.URL.Query().Has("uploads") },
		"abort": func(r *http.Request) bool { return r.URL.Query().Has("uploadId") },
	} {
		t.Run(name, func(t *testing.T) {
			c := quick(s3model.UUIDs, 3000)
			c.Uploads = 20
			o := play(t, scene{Config: c, meets: func(r *http.Request) (*http.Response, error) {
				if is(r) {
					return refusal(r, 403, "AccessDenied", "Access Denied"), nil
				}
				return nil, nil
			}})
			wantEmpty(t, o)
			if o.Uploads != 20 || !strings.Contains(o.log, "left uploads that could not be aborted") {
				t.Errorf("%d uploads, %s", o.Uploads, o.log)
			}
		})
	}
}

// What is listed is deleted in time, and the error is true.
func TestUnfinishedInTime(t *testing.T) {
	needsTime(t)
	for name, s := range map[string]scene{
		"latency":    {Config: s3model.Config{Set: set(s3model.UUIDs, 50_000), List: 100 * ms, Delete: 300 * ms}, limit: 1500 * ms},
		"one":        {Config: s3model.Config{Set: set(s3model.UUIDs, 40_000), List: 100 * ms, Delete: 100 * ms, Partitions: one(1500)}, limit: 18 * time.Second},
		"two":        {Config: s3model.Config{Set: set(s3model.Numbered, 40_000), List: 100 * ms, Delete: 100 * ms, Partitions: s3model.Partitions{Count: 2, Rates: []float64{1000, 1500}}}, limit: 12 * time.Second},
		"slow lists": {Config: s3model.Config{Set: set(s3model.UUIDs, 60_000), List: 900 * ms, Delete: 20 * ms}, limit: 4 * time.Second},
		"one key":    {Config: s3model.Config{Set: set(s3model.OneKey, 30_000), List: 300 * ms, Delete: 100 * ms}, limit: 3 * time.Second},
		"locks": {Config: s3model.Config{Set: set(s3model.UUIDs, 40_000), List: 100 * ms, Delete: 100 * ms, Partitions: one(1500),
			Trouble: s3model.Trouble{Retained: 0.5}}, limit: 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			o := play(t, s)
			var rest *purge.Unfinished
			if !errors.As(o.err, &rest) {
				t.Fatalf("%v, %d left, after %v", o.err, o.Left, o.took)
			}
			t.Logf("%v; %d left, %d of them listed, after %v", rest, o.Left, o.ListedLeft, o.took)
			isTrue := rest.Left <= int64(o.Left) && rest.Deleted <= int64(o.Deleted) && o.took <= s.limit
			if inVain := o.ListedLeft - o.Denied; !isTrue || inVain > 4000 || o.Left == 0 || o.Deleted < o.Entries/10 {
				t.Errorf("%v; %d left, %d of them listed in vain, %d deleted, after %v", rest, o.Left, inVain, o.Deleted, o.took)
			}
		})
	}
}

// A bucket of which S3 never takes a delete says so.
func TestUnfinishedNamesItsCause(t *testing.T) {
	for name, answer := range map[string]func(r *http.Request) (*http.Response, error){
		"SlowDown as a whole": func(r *http.Request) (*http.Response, error) {
			return refusal(r, 503, "SlowDown", "Please reduce your request rate."), nil
		},
		"SlowDown of each key": func(r *http.Request) (*http.Response, error) { return keyErrors(r, "SlowDown", true) },
		"TooManyRequests":      func(r *http.Request) (*http.Response, error) { return refusal(r, 429, "SlowDown2", "SlowDown"), nil },
	} {
		t.Run(name, func(t *testing.T) {
			o := play(t, scene{Config: quick(s3model.UUIDs, 3000), limit: time.Minute, meets: func(r *http.Request) (*http.Response, error) {
				if isBatch(r) {
					return answer(r)
				}
				return nil, nil
			}})
			var rest *purge.Unfinished
			if !errors.As(o.err, &rest) || rest.Deleted > 0 || !strings.Contains(o.err.Error(), "SlowDown") {
				t.Errorf("%v after %v", o.err, o.took)
			}
		})
	}
}

// A writer who goes on until shortly before the end.
func TestWriterMeanwhile(t *testing.T) {
	o := play(t, scene{Config: s3model.Config{Set: set(s3model.UUIDs, 10_000), List: 100 * ms, Delete: 100 * ms}, beside: writer(7)})
	wantEmpty(t, o)
	if o.Written < 7 {
		t.Errorf("%d were written", o.Written)
	}
}

// writer writes objects, one after the other.
func writer(n int) func(ctx context.Context, client *s3.Client) {
	return func(ctx context.Context, client *s3.Client) {
		for i := range n {
			if ctx.Err() != nil {
				return
			}
			_, _ = client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("my-data"), Key: aws.String(fmt.Sprintf("%x-%d", i%16, i))})
		}
	}
}
