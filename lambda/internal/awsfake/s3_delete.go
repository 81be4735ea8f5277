package awsfake

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// pageSize is the most that S3 lists in one answer, and deletes in one call.
const pageSize = 1000

func (a *AWS) deleteObject(r request, in *s3.DeleteObjectInput) (*s3.DeleteObjectOutput, error) {
	b, err := a.bucket(r.ofVersion(in.VersionId))
	if err != nil {
		return nil, err
	}
	if !a.issued(in.VersionId) {
		return nil, invalidVersion()
	}
	if err := b.withoutMFA(); in.VersionId != nil && err != nil {
		return nil, err
	}
	done, err := a.remove(b, aws.ToString(in.Key), in.VersionId)
	if err != nil {
		return nil, err
	}
	out := &s3.DeleteObjectOutput{DeleteMarker: done.DeleteMarker, VersionId: in.VersionId}
	if done.DeleteMarkerVersionId != nil {
		out.VersionId = done.DeleteMarkerVersionId
	}
	return out, nil
}

// remove deletes a version for good, or, without a version, what is current: that adds a delete marker once versioning
// was enabled. It succeeds for what does not exist.
func (a *AWS) remove(b *bucket, key string, version *string) (types.DeletedObject, error) {
	done := types.DeletedObject{Key: aws.String(key), VersionId: version}
	id := aws.ToString(version)
	if version == nil && b.versioning == "" {
		id = nullVersion
	}
	if version == nil && b.versioning != "" {
		if o := b.find(key, nullVersion); b.versioning == types.BucketVersioningStatusSuspended && o != nil && o.isLocked() {
			return done, lockedError()
		}
		marker := a.write(b, key, &object{marker: true})
		done.DeleteMarker, done.DeleteMarkerVersionId = aws.Bool(true), aws.String(marker.version)
		return done, nil
	}
	if o := b.find(key, id); o != nil && o.isLocked() {
		return done, lockedError()
	}
	if o := b.drop(key, id); o != nil && o.marker {
		done.DeleteMarker, done.DeleteMarkerVersionId = aws.Bool(true), aws.String(o.version)
	}
	return done, nil
}

// deleteObjects takes up to 1,000 keys and succeeds as a whole: what fails is in Errors. XML cannot carry some
// characters, and a request with such a key is refused as a whole, as is one with a version under MFA delete (S3 API
// Reference, DeleteObjects).
func (a *AWS) deleteObjects(r request, in *s3.DeleteObjectsInput) (*s3.DeleteObjectsOutput, error) {
	b, err := a.findBucket(r)
	if err != nil {
		return nil, err
	}
	items := in.Delete.Objects
	if len(items) == 0 || len(items) > pageSize {
		return nil, malformedXML()
	}
	for _, item := range items {
		if !xmlText(aws.ToString(item.Key)) {
			return nil, malformedXML()
		}
		if err := b.withoutMFA(); item.VersionId != nil && err != nil {
			return nil, err
		}
	}
	out := &s3.DeleteObjectsOutput{}
	for _, item := range items {
		done, err := a.deleteOne(r, b, item)
		var refused *Error
		switch {
		case errors.As(err, &refused):
			out.Errors = append(out.Errors, types.Error{Key: aws.String(aws.ToString(item.Key)), VersionId: item.VersionId,
				Code: aws.String(refused.Code), Message: aws.String(refused.Message)})
		case err != nil:
			return nil, err
		case !aws.ToBool(in.Delete.Quiet):
			out.Deleted = append(out.Deleted, done)
		}
	}
	return out, nil
}

func (a *AWS) deleteOne(r request, b *bucket, item types.ObjectIdentifier) (types.DeletedObject, error) {
	key := aws.ToString(item.Key)
	if !a.may(r.who, b, r.ofVersion(item.VersionId).action, key) {
		return types.DeletedObject{}, fail(403, "AccessDenied", "Access Denied")
	}
	if !a.issued(item.VersionId) {
		return types.DeletedObject{}, fail(404, "NoSuchVersion", "The specified version does not exist.")
	}
	return a.remove(b, key, item.VersionId)
}

// xmlText tells whether XML 1.0 can carry a string.
func xmlText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
	})
}

// unreadable is a listing with a key that XML cannot carry, by someone who did not ask for encoded keys.
func unreadable(key string) error {
	return &broken{body: fmt.Sprintf("<Result><Key>%s</Key></Result>", key)}
}
