package status

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/lambda/claim"
)

// ofBucket tells of the bucket: there, and of this resource.
func ofBucket(f facts) []Finding {
	name := f.spec.BucketName
	switch {
	case f.tags.err != nil && isDenied(f.tags.err):
		found := f.unknown("bucketTags", f.tags.err)
		found.What += "; S3 says the same of a bucket of another account"
		return []Finding{found}
	case f.tags.err != nil:
		return []Finding{f.unknown("bucketTags", f.tags.err)}
	case f.tags.isNone:
		found := f.repair(Finding{Check: "bucket", State: Fault, What: "bucket " + name + " is gone, with all data"})
		found.Todo = "that makes an empty bucket: " + found.Todo
		return []Finding{found}
	}
	there := Finding{Check: "bucket", State: OK, What: "bucket " + name + " is there"}
	return append([]Finding{there}, f.ofTags("bucketTags", "bucket "+name, f.bucketClaim(), f.tagBucket)...)
}

// ofPublicAccess wants all four switches on, whatever those of the account are.
func ofPublicAccess(f facts) []Finding {
	switch {
	case f.block.err != nil:
		return []Finding{f.unknown("publicAccess", f.block.err)}
	case f.block.isNone: // the bucket is gone
		return nil
	}
	is := f.block.value
	var off []string
	for _, switched := range []struct {
		name string
		is   *bool
	}{
		{"BlockPublicAcls", is.BlockPublicAcls}, {"IgnorePublicAcls", is.IgnorePublicAcls},
		{"BlockPublicPolicy", is.BlockPublicPolicy}, {"RestrictPublicBuckets", is.RestrictPublicBuckets},
	} {
		if !aws.ToBool(switched.is) {
			off = append(off, switched.name)
		}
	}
	if len(off) == 0 {
		return []Finding{{Check: "publicAccess", State: OK, What: "all public access is blocked"}}
	}
	todo := "block it"
	if f.bucketClaim().State == claim.Adopted {
		todo = "the bucket was adopted, and its owner decides: block it"
	}
	return []Finding{{Check: "publicAccess", State: Fault, What: "public access is open: off are " + strings.Join(off, ", "), Todo: todo,
		Commands: []string{fmt.Sprintf("aws s3api put-public-access-block --bucket %s --public-access-block-configuration "+
			"BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true", quoted(f.spec.BucketName))}}}
}
