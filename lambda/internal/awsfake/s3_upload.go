package awsfake

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// upload is a multipart upload that nobody has completed. Its parts are not simulated.
type upload struct {
	key       string
	id        string
	initiated time.Time
}

func (a *AWS) createMultipartUpload(r request, in *s3.CreateMultipartUploadInput) (*s3.CreateMultipartUploadOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	if err := b.mayEncrypt(r.who); err != nil {
		return nil, err
	}
	u := a.addUpload(b, aws.ToString(in.Key))
	return &s3.CreateMultipartUploadOutput{Bucket: aws.String(b.name), Key: aws.String(u.key), UploadId: aws.String(u.id)}, nil
}

// addUpload begins an upload. The caller holds the lock.
func (a *AWS) addUpload(b *bucket, key string) *upload {
	u := &upload{key: key, id: fmt.Sprintf("upload%026d", a.next()), initiated: time.Now()}
	b.uploads = append(b.uploads, u)
	slices.SortFunc(b.uploads, func(x, y *upload) int {
		return cmp.Or(strings.Compare(x.key, y.key), strings.Compare(x.id, y.id))
	})
	return u
}

func (a *AWS) abortMultipartUpload(r request, in *s3.AbortMultipartUploadInput) (*s3.AbortMultipartUploadOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	for i, u := range b.uploads {
		if u.id == aws.ToString(in.UploadId) && u.key == aws.ToString(in.Key) {
			b.uploads = slices.Delete(b.uploads, i, i+1)
			return &s3.AbortMultipartUploadOutput{}, nil
		}
	}
	return nil, fail(404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload "+
		"may have been aborted or completed.")
}

// listMultipartUploads lists by key and then by age; an upload id marker counts only with a key marker. Its action has
// no condition key for the prefix.
func (a *AWS) listMultipartUploads(r request, in *s3.ListMultipartUploadsInput) (*s3.ListMultipartUploadsOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	enc := &encoder{url: in.EncodingType == types.EncodingTypeUrl}
	out := &s3.ListMultipartUploadsOutput{
		Bucket: aws.String(b.name), Prefix: enc.optional(in.Prefix), KeyMarker: enc.optional(in.KeyMarker),
		UploadIdMarker: in.UploadIdMarker, MaxUploads: aws.Int32(int32(page(in.MaxUploads))),
		EncodingType: in.EncodingType, IsTruncated: aws.Bool(false),
	}
	keyMarker, idMarker := aws.ToString(in.KeyMarker), aws.ToString(in.UploadIdMarker)
	for _, u := range b.uploads {
		same := u.key == keyMarker && idMarker != ""
		if !strings.HasPrefix(u.key, aws.ToString(in.Prefix)) || same && u.id <= idMarker || !same && u.key <= keyMarker {
			continue
		}
		if len(out.Uploads) == page(in.MaxUploads) {
			out.IsTruncated = aws.Bool(true)
			break
		}
		out.NextKeyMarker, out.NextUploadIdMarker = enc.text(u.key), aws.String(u.id) // on the last page too
		out.Uploads = append(out.Uploads, types.MultipartUpload{Key: enc.text(u.key), UploadId: aws.String(u.id),
			Initiated: aws.Time(u.initiated)})
	}
	return out, enc.failure
}
