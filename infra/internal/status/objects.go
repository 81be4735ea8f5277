package status

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/dustin/go-humanize"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/spec"
)

// A count is of the objects on one page of a listing, or on two.
type count struct {
	objects int
	isMore  bool   // there is another page
	example string // key of one of them
}

func (c count) and(d count) count {
	if c.example == "" {
		c.example = d.example
	}
	return count{c.objects + d.objects, c.isMore || d.isMore, c.example}
}

func (c count) String() string {
	switch {
	case c.isMore:
		return "more than " + humanize.Comma(int64(c.objects)) + " objects"
	case c.objects == 1:
		return "1 object"
	}
	return humanize.Comma(int64(c.objects)) + " objects"
}

// lookAtObjects tries the key in the secret with a listing of the prefix, and counts with it: a caller needs no right to the
// objects. Of a user with Access Full nothing is out of reach.
func (l looker) lookAtObjects(ctx context.Context, f *facts) {
	v := f.value.value
	f.outside = answer[count]{isNone: true}
	switch {
	case f.value.err != nil:
		f.tried = answer[count]{err: f.value.err}
		return
	case v.fields[spec.FieldAccessKeyID] == "" || v.fields[spec.FieldSecretAccessKey] == "":
		f.tried = answer[count]{isNone: true}
		return
	}
	user := l.asUser(v)
	f.tried = ask(func() (count, error) { return countInside(ctx, user, f.spec) })
	if isOpen := f.isSaid && f.spec.Access == spec.Full; !isOpen && f.tried.isThere() {
		f.outside = ask(func() (count, error) { return countOutside(ctx, user, f.spec) })
	}
}

// asUser is a client that acts with the key in the secret.
func (l looker) asUser(v value) *s3.Client {
	config := l.config.Copy()
	config.Credentials = credentials.NewStaticCredentialsProvider(v.fields[spec.FieldAccessKeyID], v.fields[spec.FieldSecretAccessKey], "")
	return s3.NewFromConfig(config)
}

// countInside counts under the prefix.
func countInside(ctx context.Context, by *s3.Client, s spec.Spec) (count, error) {
	return countPage(ctx, by, &s3.ListObjectsV2Input{Bucket: &s.BucketName, Prefix: &s.Prefix}, s, func(string) bool { return true })
}

// countOutside counts on the page before the prefix, and on the one behind it.
func countOutside(ctx context.Context, by *s3.Client, s spec.Spec) (count, error) {
	isOutside := func(key string) bool { return !strings.HasPrefix(key, s.Prefix) }
	before, err := countPage(ctx, by, &s3.ListObjectsV2Input{Bucket: &s.BucketName}, s, func(key string) bool { return isOutside(key) && key < s.Prefix })
	if err != nil {
		return count{}, err
	}
	last := s.Prefix + "\U0010FFFF" // no key with the prefix follows that
	behind, err := countPage(ctx, by, &s3.ListObjectsV2Input{Bucket: &s.BucketName, StartAfter: &last}, s, isOutside)
	return before.and(behind), err
}

// countPage counts those on one page that are meant, but for our own. There are more if the page is not the last, and
// all of it is meant.
func countPage(ctx context.Context, by *s3.Client, in *s3.ListObjectsV2Input, s spec.Spec, isMeant func(key string) bool) (count, error) {
	in.ExpectedBucketOwner, in.EncodingType = &s.Account, types.EncodingTypeUrl
	page, err := by.ListObjectsV2(ctx, in)
	if err != nil {
		return count{}, err
	}
	c := count{isMore: aws.ToBool(page.IsTruncated)}
	for _, object := range page.Contents {
		key := decoded(object.Key, page.EncodingType)
		isOwn := aws.ToInt64(object.Size) == 0 && (strings.HasSuffix(key, "/") || strings.HasSuffix(key, spec.ProbeName))
		switch {
		case !isMeant(key):
			c.isMore = false
		case !isOwn:
			c.objects, c.example = c.objects+1, key
		}
	}
	return c, nil
}

// decoded is a key as it is. One that S3 has not encoded may hold what looks as if it were.
func decoded(key *string, encoding types.EncodingType) string {
	if plain, err := url.QueryUnescape(aws.ToString(key)); err == nil && encoding == types.EncodingTypeUrl {
		return plain
	}
	return aws.ToString(key)
}

func ofObjects(f facts) []Finding {
	switch {
	case !f.tried.isThere(): // the key says why
		return nil
	case f.outside.err != nil:
		return []Finding{f.unknown("objects", f.outside.err)}
	}
	found := Finding{Check: "objects", State: OK, What: fmt.Sprintf("%s under %s", f.tried.value, f.spec.Prefix)}
	out := f.outside.value
	isTheirs := f.bucketClaim().State == claim.Adopted
	switch {
	case out.objects == 0 || f.access() == spec.Full:
		return []Finding{found}
	case isTheirs:
		found.What += fmt.Sprintf("; %s outside of it, as a bucket that was adopted may have", out)
		return []Finding{found}
	}
	found.State = Warning
	found.What += fmt.Sprintf("; %s outside of it, such as %s, which the user cannot reach unless Statements let it", out, plain(out.example))
	found.Todo = "set Prefix back if it was changed by mistake, or move what is left, with rights to both"
	from, _, _ := strings.Cut(out.example, "/")
	found.Commands = []string{fmt.Sprintf("aws s3 mv %s %s --recursive", quoted("s3://"+f.spec.BucketName+"/"+from+"/"), quoted("s3://"+f.spec.BucketName+"/"+f.spec.Prefix))}
	if !strings.Contains(out.example, "/") || strings.HasPrefix(f.spec.Prefix, from+"/") {
		found.Commands = nil
	}
	return []Finding{found}
}

func (f facts) reportObjects() *Objects {
	if !f.tried.isThere() {
		return nil
	}
	in, out := f.tried.value, f.outside.value
	return &Objects{in.objects, in.isMore, out.objects, out.isMore}
}
