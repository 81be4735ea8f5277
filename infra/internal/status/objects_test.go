package status

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/spec"
)

// listing answers ListObjectsV2 as S3 does: pages of a thousand keys in their order, encoded where that is asked for.
func listing(t *testing.T, keys []string) *s3.Client {
	t.Helper()
	slices.Sort(keys)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		var page strings.Builder
		n, isMore := 0, false
		for _, key := range keys {
			if !strings.HasPrefix(key, q.Get("prefix")) || key <= q.Get("start-after") {
				continue
			}
			if isMore = n == 1000; isMore {
				break
			}
			size := 0 // as our own, and others
			if strings.HasSuffix(key, "full/") {
				size = 1
			}
			fmt.Fprintf(&page, "<Contents><Key>%s</Key><Size>%d</Size></Contents>", url.QueryEscape(key), size)
			n++
		}
		fmt.Fprintf(w, "<ListBucketResult><IsTruncated>%t</IsTruncated><EncodingType>%s</EncodingType>%s</ListBucketResult>", isMore, q.Get("encoding-type"), page.String())
	}))
	t.Cleanup(server.Close)
	return s3.New(s3.Options{Region: "eu-west-1", BaseEndpoint: &server.URL, UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")})
}

func many(n int, prefix string) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprintf("%s%05d", prefix, i))
	}
	return keys
}

// What is counted is bounded by a page on each side, and says so.
func TestCounts(t *testing.T) {
	for name, test := range map[string]struct {
		keys            []string
		inside, outside string
	}{
		"nothing":           {nil, "0 objects", "0 objects"},
		"our own":           {[]string{"logs/x/", "old/data/", "old/.bucketuser-probe"}, "0 objects", "0 objects"},
		"no marker":         {[]string{"logs/x/", "logs/x/full/", "logs/x/empty"}, "2 objects", "0 objects"},
		"one":               {[]string{"logs/x/a b+c%2F"}, "1 object", "0 objects"},
		"both sides":        {[]string{"a", "logs/x/1", "logs/x/2", "logs/y", "z\U0010FFFF"}, "2 objects", "3 objects"},
		"a page":            {many(1000, "logs/x/"), "1,000 objects", "0 objects"},
		"more than a page":  {many(2500, "logs/x/"), "more than 1,000 objects", "0 objects"},
		"many before":       {append(many(1200, "a/"), "logs/x/1"), "1 object", "more than 1,000 objects"},
		"some before, many": {append(many(7, "a/"), many(3000, "logs/x/")...), "more than 1,000 objects", "7 objects"},
		"many behind":       {append(many(2, "logs/x/"), many(1001, "logs/x0/")...), "2 objects", "more than 1,000 objects"},
	} {
		t.Run(name, func(t *testing.T) {
			s := healthy(map[string]any{"Prefix": "logs/x/"}).spec
			client := listing(t, test.keys)
			inside, err := countInside(t.Context(), client, s)
			if err != nil {
				t.Fatal(err)
			}
			outside, err := countOutside(t.Context(), client, s)
			if err != nil || inside.String() != test.inside || outside.String() != test.outside {
				t.Errorf("%v: %s inside, %s outside", err, inside, outside)
			}
		})
	}
}

// What is outside is said of a bucket that was adopted, too, and is its owner's.
func TestOutsideOfTheAdopted(t *testing.T) {
	f := healthy(adopted)
	f.tags.value[spec.TagAdopted] = "true"
	f.outside.value = count{objects: 16, example: "theirs/1"}
	if is := said(judge(f), OK); !strings.Contains(is, "objects: 0 objects under data/; 16 objects outside of it, as a bucket that was adopted may have") {
		t.Error(is)
	}
}
