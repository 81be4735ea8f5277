package awsfake

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

var tagForm = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

func (a *AWS) getBucketTagging(r request, _ *s3.GetBucketTaggingInput) (*s3.GetBucketTaggingOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	if len(b.tags) == 0 || a.untaggedYet(b) {
		return nil, fail(404, "NoSuchTagSet", "The TagSet does not exist")
	}
	return &s3.GetBucketTaggingOutput{TagSet: bucketTags(b.tags)}, nil
}

func (a *AWS) putBucketTagging(r request, in *s3.PutBucketTaggingInput) (*s3.PutBucketTaggingOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	if err := a.mayTag(b); err != nil {
		return nil, err
	}
	tags := maps.Clone(b.tags)
	if err := replaceBucketTags(tags, in.Tagging.TagSet); err != nil {
		return nil, err
	}
	b.tags = tags
	return &s3.PutBucketTaggingOutput{}, nil
}

func (a *AWS) deleteBucketTagging(r request, _ *s3.DeleteBucketTaggingInput) (*s3.DeleteBucketTaggingOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	if err := a.mayTag(b); err != nil {
		return nil, err
	}
	maps.DeleteFunc(b.tags, func(key, _ string) bool { return !systemTag(key) })
	return &s3.DeleteBucketTaggingOutput{}, nil
}

// replaceBucketTags puts a whole set in place of another. The tags that AWS itself has set stay, and have to be in the
// new set as they are.
func replaceBucketTags(into map[string]string, tags []types.Tag) error {
	set := map[string]string{}
	for _, t := range tags {
		key, value := aws.ToString(t.Key), aws.ToString(t.Value)
		if _, twice := set[key]; twice {
			return fail(400, "InvalidTag", "Cannot provide multiple Tags with the same key")
		}
		if current, ok := into[key]; systemTag(key) && (!ok || current != value) {
			return fail(400, "InvalidTag", "System tags cannot be added/updated by requester")
		}
		if err := checkBucketTag(t); err != nil {
			return err
		}
		set[key] = value
	}
	for key := range into {
		if _, kept := set[key]; systemTag(key) && !kept {
			return fail(400, "InvalidTag", "System Tags cannot be removed by requester")
		}
	}
	if len(set) > 50 {
		return fail(400, "BadRequest", "Bucket tag count cannot be greater than 50")
	}
	clear(into)
	maps.Copy(into, set)
	return nil
}

// newBucketTags is the set of a bucket that is being created: the same rules in other words, and a key that is there
// twice is an internal error.
func newBucketTags(tags []types.Tag) (map[string]string, error) {
	set := map[string]string{}
	for _, t := range tags {
		key := aws.ToString(t.Key)
		if systemTag(key) {
			return nil, fail(400, "InvalidTag", "User-defined tag keys can't start with \"aws:\". This prefix is reserved "+
				"for system tags. Remove \"aws:\" from your tag keys and try again.")
		}
		if _, twice := set[key]; twice {
			return nil, fail(500, "InternalError", "We encountered an internal error. Please try again.")
		}
		if err := checkBucketTag(t); err != nil {
			return nil, err
		}
		set[key] = aws.ToString(t.Value)
	}
	return set, nil
}

func checkBucketTag(t types.Tag) error {
	switch {
	case t.Key == nil || t.Value == nil:
		return malformedXML()
	case !tagText(*t.Key, 1, 128):
		return fail(400, "InvalidTag", "The TagKey you have provided is invalid")
	case !tagText(*t.Value, 0, 256):
		return fail(400, "InvalidTag", "The TagValue you have provided is invalid")
	}
	return nil
}

// tagText tells whether AWS takes a text in a tag: letters, digits, spaces and _.:/=+-@, of a length in characters.
func tagText(s string, shortest, longest int) bool {
	n := utf8.RuneCountInString(s)
	return n >= shortest && n <= longest && tagForm.MatchString(s)
}

func systemTag(key string) bool { return strings.HasPrefix(key, "aws:") }

func bucketTags(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(tags[key])})
	}
	return out
}

func (a *AWS) getPublicAccessBlock(r request, _ *s3.GetPublicAccessBlockInput) (*s3.GetPublicAccessBlockOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	if b.access == nil {
		return nil, fail(404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
	}
	return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: copyOf(b.access)}, nil
}

func (a *AWS) putPublicAccessBlock(r request, in *s3.PutPublicAccessBlockInput) (*s3.PutPublicAccessBlockOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	config := in.PublicAccessBlockConfiguration
	b.access = publicAccessBlock(PublicAccessBlock{aws.ToBool(config.BlockPublicAcls), aws.ToBool(config.IgnorePublicAcls),
		aws.ToBool(config.BlockPublicPolicy), aws.ToBool(config.RestrictPublicBuckets)})
	return &s3.PutPublicAccessBlockOutput{}, nil
}

func (a *AWS) getBucketVersioning(r request, _ *s3.GetBucketVersioningInput) (*s3.GetBucketVersioningOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	return &s3.GetBucketVersioningOutput{Status: b.versioning, MFADelete: b.mfaDelete}, nil
}

func (a *AWS) putBucketVersioning(r request, in *s3.PutBucketVersioningInput) (*s3.PutBucketVersioningOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	switch status := in.VersioningConfiguration.Status; status {
	case types.BucketVersioningStatusEnabled, types.BucketVersioningStatusSuspended:
		if err := b.mayChangeVersioning(status); err != nil {
			return nil, err
		}
		b.versioning = status
		return &s3.PutBucketVersioningOutput{}, nil
	case "":
		return nil, fail(400, "IllegalVersioningConfigurationException", "The Versioning element must be specified")
	}
	return nil, malformedXML()
}

func malformedXML() *Error {
	return fail(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}

// copyOf is a deep copy of an SDK structure: nothing here shares memory with a caller.
func copyOf[T any](v T) T {
	var out T
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		return v // the SDK's structures are plain data: this does not happen
	}
	return out
}

// PublicAccessBlock is the switches of a bucket's public access block: BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy
// and RestrictPublicBuckets.
type PublicAccessBlock = [4]bool

func publicAccessBlock(on PublicAccessBlock) *types.PublicAccessBlockConfiguration {
	return &types.PublicAccessBlockConfiguration{BlockPublicAcls: &on[0], IgnorePublicAcls: &on[1], BlockPublicPolicy: &on[2],
		RestrictPublicBuckets: &on[3]}
}

// switches are those of a public access block; all are off for nil.
func switches(access *types.PublicAccessBlockConfiguration) PublicAccessBlock {
	if access == nil {
		return PublicAccessBlock{}
	}
	return PublicAccessBlock{*access.BlockPublicAcls, *access.IgnorePublicAcls, *access.BlockPublicPolicy, *access.RestrictPublicBuckets}
}
