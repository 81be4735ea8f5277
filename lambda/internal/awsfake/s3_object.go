package awsfake

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// nullVersion is the version id of what was written while versioning was off or suspended.
const nullVersion = "null"

// object is a version of an object, or a delete marker.
type object struct {
	version     string
	serial      int // the higher, the newer
	marker      bool
	locked      bool // under retention without an end: this version cannot be deleted
	legalHold   bool
	retention   int // days after it was written for which it cannot be deleted
	body        []byte
	contentType string
	modified    time.Time
}

func (o *object) etag() string { return fmt.Sprintf("%q", fmt.Sprintf("%x", md5.Sum(o.body))) }

// write adds a version, and takes the place of the null version while versioning is not enabled.
func (a *AWS) write(b *bucket, key string, o *object) *object {
	o.serial, o.modified = a.next(), time.Now()
	o.version = versionText(o.serial)
	if !o.marker {
		o.retention = b.retention
	}
	if b.versioning != types.BucketVersioningStatusEnabled {
		o.version = nullVersion
		b.drop(key, nullVersion)
	}
	b.objects[key] = append(b.objects[key], o)
	return o
}

// drop removes a version for good and tells what it was. It returns nil for one that does not exist.
func (b *bucket) drop(key, version string) *object {
	o := b.find(key, version)
	if o == nil {
		return nil
	}
	b.objects[key] = slices.DeleteFunc(b.objects[key], func(other *object) bool { return other == o })
	if len(b.objects[key]) == 0 {
		delete(b.objects, key)
	}
	return o
}

// find is a version of a key; the empty version is the current one, which may be a delete marker.
func (b *bucket) find(key, version string) *object {
	versions := b.objects[key]
	if version == "" && len(versions) > 0 {
		return versions[len(versions)-1]
	}
	for _, o := range versions {
		if o.version == version {
			return o
		}
	}
	return nil
}

func (a *AWS) putObject(r request, in *s3.PutObjectInput) (*s3.PutObjectOutput, error) {
	b, err := a.bucket(r)
	if err != nil {
		return nil, err
	}
	key := aws.ToString(in.Key)
	if len(key) > 1024 {
		return nil, fail(400, "KeyTooLongError", "Your key is too long")
	}
	if o := b.find(key, ""); aws.ToString(in.IfNoneMatch) == "*" && o != nil && !o.marker {
		return nil, fail(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	}
	if err := b.mayEncrypt(r.who); err != nil {
		return nil, err
	}
	body, err := readBody(in.Body)
	if err != nil {
		return nil, err
	}
	o := a.write(b, key, &object{body: body, contentType: aws.ToString(in.ContentType)})
	out := &s3.PutObjectOutput{ETag: aws.String(o.etag())}
	if o.version != nullVersion {
		out.VersionId = aws.String(o.version)
	}
	return out, nil
}

// readBody reads what the SDK would send, from the start: an earlier attempt may have read it.
func readBody(r io.Reader) ([]byte, error) {
	if r == nil {
		return nil, nil
	}
	if s, ok := r.(io.Seeker); ok {
		if _, err := s.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(r)
}

// issued tells whether a version id is one that this account has given out at some time. Others are not ids to S3.
func (a *AWS) issued(version *string) bool {
	var n int
	if version == nil || *version == nullVersion {
		return true
	}
	_, err := fmt.Sscanf(*version, "v%d", &n)
	return err == nil && n <= a.serial && *version == versionText(n)
}

func versionText(serial int) string { return fmt.Sprintf("v%031d", serial) }

func invalidVersion() *Error { return fail(400, "InvalidArgument", "Invalid version id specified") }

// versionID is what S3 says of a version: nothing in a bucket that was never versioned.
func (b *bucket) versionID(o *object) *string {
	if b.versioning == "" {
		return nil
	}
	return aws.String(o.version)
}

// read finds the object that a GET or HEAD is about.
func (a *AWS) read(r request, version *string) (*bucket, *object, error) {
	b, err := a.bucket(r.ofVersion(version))
	if err != nil {
		return nil, nil, err
	}
	if !a.issued(version) {
		return nil, nil, invalidVersion()
	}
	o := b.find(aws.ToString(r.key), aws.ToString(version))
	switch {
	case o != nil && !o.marker:
		return b, o, nil
	case o != nil && version != nil:
		return nil, nil, fail(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
	case !a.may(r.who, b, "s3:ListBucket", ""):
		return nil, nil, fail(403, "AccessDenied", "Access Denied") // whether it exists is for those who may list
	case version != nil:
		return nil, nil, fail(404, "NoSuchVersion", "The specified version does not exist.")
	}
	return nil, nil, fail(404, "NoSuchKey", "The specified key does not exist.")
}

func (a *AWS) getObject(r request, in *s3.GetObjectInput) (*s3.GetObjectOutput, error) {
	b, o, err := a.read(r, in.VersionId)
	if err != nil {
		return nil, err
	}
	return &s3.GetObjectOutput{
		Body:          io.NopCloser(bytes.NewReader(bytes.Clone(o.body))),
		ContentLength: aws.Int64(int64(len(o.body))),
		ContentType:   aws.String(o.contentType),
		ETag:          aws.String(o.etag()),
		LastModified:  aws.Time(o.modified),
		VersionId:     b.versionID(o),
	}, nil
}

func (a *AWS) headObject(r request, in *s3.HeadObjectInput) (*s3.HeadObjectOutput, error) {
	b, o, err := a.read(r, in.VersionId)
	if err != nil {
		return nil, err
	}
	return &s3.HeadObjectOutput{
		ContentLength: aws.Int64(int64(len(o.body))),
		ContentType:   aws.String(o.contentType),
		ETag:          aws.String(o.etag()),
		LastModified:  aws.Time(o.modified),
		VersionId:     b.versionID(o),
	}, nil
}
