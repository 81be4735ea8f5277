package awsfake

import (
	"reflect"
	"slices"
	"strings"
)

// checkFields refuses an input with a field set that would change AWS's answer and that the fake does not look at.
func checkFields(c Call) error {
	known, ok := fields(c.Name())
	if !ok {
		return &notSimulated{c.Name()}
	}
	v := reflect.Indirect(reflect.ValueOf(c.Input))
	if v.Kind() != reflect.Struct {
		return &notSimulated{c.Name() + " without an input"}
	}
	if field := unknownField(v, "", strings.Fields(known)); field != "" {
		return &notSimulated{c.Name() + " with " + field}
	}
	return nil
}

// unknownField is the path of a field that is set and that is not known, such as "Delete.MFA". A known path covers
// what is below it.
func unknownField(v reflect.Value, path string, known []string) string {
	switch v = reflect.Indirect(v); v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			if field := unknownField(v.Index(i), path, known); field != "" {
				return field
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			name, f := path+v.Type().Field(i).Name, v.Field(i)
			switch {
			case !v.Type().Field(i).IsExported() || f.IsZero() || slices.Contains(known, name):
			case !hasPrefix(known, name+"."):
				return name
			default:
				if field := unknownField(f, name+".", known); field != "" {
					return field
				}
			}
		}
	}
	return ""
}

func hasPrefix(known []string, prefix string) bool {
	return slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(k, prefix) })
}

// fields names, for each operation of the fake, the input fields that it honours or that change no answer here.
func fields(operation string) (string, bool) {
	const bucket = "Bucket ExpectedBucketOwner "
	const put = bucket + "ChecksumAlgorithm ContentMD5 "
	switch operation {
	case "iam:GetUser", "iam:DeleteUser", "iam:CreateAccessKey":
		return "UserName", true
	case "iam:ListAccessKeys", "iam:ListUserTags":
		return "UserName MaxItems", true
	case "iam:CreateUser":
		return "UserName Path PermissionsBoundary Tags", true
	case "iam:TagUser":
		return "UserName Tags", true
	case "iam:UntagUser":
		return "UserName TagKeys", true
	case "iam:UpdateAccessKey":
		return "UserName AccessKeyId Status", true
	case "iam:DeleteAccessKey":
		return "UserName AccessKeyId", true

	case "secretsmanager:CreateSecret":
		return "Name ClientRequestToken Description KmsKeyId SecretBinary SecretString Tags", true
	case "secretsmanager:DescribeSecret", "secretsmanager:RestoreSecret":
		return "SecretId", true
	case "secretsmanager:GetSecretValue":
		return "SecretId VersionId VersionStage", true
	case "secretsmanager:PutSecretValue":
		return "SecretId ClientRequestToken SecretBinary SecretString VersionStages", true
	case "secretsmanager:UpdateSecret":
		return "SecretId ClientRequestToken Description KmsKeyId SecretBinary SecretString", true
	case "secretsmanager:TagResource":
		return "SecretId Tags", true
	case "secretsmanager:UntagResource":
		return "SecretId TagKeys", true
	case "secretsmanager:DeleteSecret":
		return "SecretId ForceDeleteWithoutRecovery RecoveryWindowInDays", true

	case "cloudformation:DescribeStackResource":
		return "StackName LogicalResourceId", true

	case "s3:CreateBucket":
		return "Bucket ObjectOwnership CreateBucketConfiguration.LocationConstraint CreateBucketConfiguration.Tags", true
	case "s3:ListBuckets":
		return "BucketRegion ContinuationToken MaxBuckets Prefix", true
	case "s3:DeleteBucket", "s3:HeadBucket", "s3:GetBucketTagging", "s3:DeleteBucketTagging", "s3:GetPublicAccessBlock",
		"s3:GetBucketPolicy", "s3:DeleteBucketPolicy", "s3:GetBucketVersioning", "s3:GetBucketLifecycleConfiguration",
		"s3:DeleteBucketLifecycle":
		return bucket, true
	case "s3:PutBucketTagging":
		return put + "Tagging", true
	case "s3:PutPublicAccessBlock":
		return put + "PublicAccessBlockConfiguration", true
	case "s3:PutBucketPolicy":
		return put + "Policy", true
	case "s3:PutBucketVersioning":
		return put + "VersioningConfiguration.Status", true
	case "s3:PutBucketLifecycleConfiguration":
		return put + "LifecycleConfiguration TransitionDefaultMinimumObjectSize", true
	case "s3:PutObject":
		return put + "Key Body ContentLength ContentType IfNoneMatch", true
	case "s3:HeadObject", "s3:GetObject":
		return bucket + "Key VersionId ChecksumMode", true
	case "s3:DeleteObject":
		return bucket + "Key VersionId", true
	case "s3:DeleteObjects":
		return put + "Delete.Objects.Key Delete.Objects.VersionId Delete.Quiet", true
	case "s3:ListObjectsV2":
		return bucket + "ContinuationToken Delimiter EncodingType MaxKeys Prefix StartAfter", true
	case "s3:ListObjectVersions":
		return bucket + "EncodingType KeyMarker MaxKeys Prefix VersionIdMarker", true
	case "s3:CreateMultipartUpload":
		return bucket + "Key ContentType ChecksumAlgorithm", true
	case "s3:ListMultipartUploads":
		return bucket + "EncodingType KeyMarker MaxUploads Prefix UploadIdMarker", true
	case "s3:AbortMultipartUpload":
		return bucket + "Key UploadId", true
	}
	return "", false
}
