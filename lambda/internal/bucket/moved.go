package bucket

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/purge"
	"bucketuser/lambda/spec"
)

// The look at the prefix before is one page, and the event does not wait for it for long: nothing depends on it.
const (
	movedPage    = 100
	movedTimeout = 10 * time.Second
)

// ReportMoved logs that an Update of Prefix has left objects where the user can no longer reach them. That is not
// refused: the rollback of such an Update has the same shape, and whoever has forgotten the value can set it back.
// What was written under the new prefix before a rollback is out of reach just as well.
func (c Client) ReportMoved(ctx context.Context, change spec.Change) {
	before := change.Before
	isLeft := before.PhysicalID != "" && !strings.HasPrefix(before.Prefix, c.spec.Prefix) && c.spec.Access != spec.Full
	if !isLeft {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, movedTimeout)
	defer cancel()
	switch holds, err := c.holdsBeside(ctx, before); {
	case err != nil:
		c.log.Warn("could not look for objects under the prefix before", "bucket", c.spec.BucketName, "before", before.Prefix, "reason", awscall.Brief(err).Error())
	case holds:
		c.log.Warn("left objects under the prefix before, which the user can no longer reach", "bucket", c.spec.BucketName,
			"before", before.Prefix, "prefix", c.spec.Prefix, "remedy", c.howToReach(before.Prefix))
	}
}

// holdsBeside reports whether there are objects under the prefix before that are not ours and not under the one that
// follows. Where a page does not tell, there may be. A delimiter has S3 show those under the one that follows as one.
func (c Client) holdsBeside(ctx context.Context, before spec.Spec) (bool, error) {
	in := &s3.ListObjectVersionsInput{Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(),
		Prefix: &before.Prefix, MaxKeys: aws.Int32(movedPage), EncodingType: types.EncodingTypeUrl}
	if rest, isBelow := strings.CutPrefix(c.spec.Prefix, before.Prefix); isBelow {
		in.Delimiter = &rest
	}
	page, err := c.s3.ListObjectVersions(ctx, in)
	if err != nil {
		return false, err
	}
	isOther := func(v types.ObjectVersion) bool {
		key, err := purge.Decoded(v.Key, page.EncodingType)
		return aws.ToBool(v.IsLatest) && (err != nil || !isOurObject(before, key, aws.ToInt64(v.Size)))
	}
	isBeside := func(p types.CommonPrefix) bool {
		prefix, err := purge.Decoded(p.Prefix, page.EncodingType)
		return err != nil || prefix != c.spec.Prefix
	}
	return aws.ToBool(page.IsTruncated) || slices.ContainsFunc(page.Versions, isOther) || slices.ContainsFunc(page.CommonPrefixes, isBeside), nil
}

// howToReach says what helps.
func (c Client) howToReach(before string) string {
	address := func(prefix string) string { return quoted("s3://" + c.spec.BucketName + "/" + prefix) }
	text := fmt.Sprintf("set Prefix back to %s, or move them with rights to both: aws s3 mv %s %s --recursive", before, address(before), address(c.spec.Prefix))
	if rest, isBelow := strings.CutPrefix(c.spec.Prefix, before); isBelow {
		text += " --exclude " + quoted(strings.ReplaceAll(rest, "[", "[[]")+"*") // a pattern of the AWS CLI
	}
	return text
}

// quoted is a word of a shell.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
