package awsfake

// The columns are name, IAM action, target, the other fields that it honours, and handler: see [operation].

var iamOperations = []operation{
	{"iam:GetUser", "iam:GetUser", "UserName", "", handle((*AWS).getUser)},
	{"iam:CreateUser", "iam:CreateUser", "UserName", "Path PermissionsBoundary Tags", handle((*AWS).createUser)},
	{"iam:DeleteUser", "iam:DeleteUser", "UserName", "", handle((*AWS).deleteUser)},
	{"iam:TagUser", "iam:TagUser", "UserName", "Tags", handle((*AWS).tagUser)},
	{"iam:UntagUser", "iam:UntagUser", "UserName", "TagKeys", handle((*AWS).untagUser)},
	{"iam:ListUserTags", "iam:ListUserTags", "UserName", "MaxItems", handle((*AWS).listUserTags)},
	{"iam:ListAccessKeys", "iam:ListAccessKeys", "UserName", "MaxItems", handle((*AWS).listAccessKeys)},
	{"iam:CreateAccessKey", "iam:CreateAccessKey", "UserName", "", handle((*AWS).createAccessKey)},
	{"iam:UpdateAccessKey", "iam:UpdateAccessKey", "UserName AccessKeyId", "Status", handle((*AWS).updateAccessKey)},
	{"iam:GetAccessKeyLastUsed", "iam:GetAccessKeyLastUsed", "AccessKeyId", "", handleRequest((*AWS).getAccessKeyLastUsed)},
	{"iam:DeleteAccessKey", "iam:DeleteAccessKey", "UserName AccessKeyId", "", handle((*AWS).deleteAccessKey)},
}

var secretOperations = []operation{
	{"secretsmanager:CreateSecret", "secretsmanager:CreateSecret", "Name",
		"ClientRequestToken Description KmsKeyId SecretBinary SecretString Tags", handle((*AWS).createSecret)},
	{"secretsmanager:DescribeSecret", "secretsmanager:DescribeSecret", "SecretId", "", handle((*AWS).describeSecret)},
	{"secretsmanager:GetSecretValue", "secretsmanager:GetSecretValue", "SecretId", "VersionId VersionStage",
		handle((*AWS).getSecretValue)},
	{"secretsmanager:PutSecretValue", "secretsmanager:PutSecretValue", "SecretId",
		"ClientRequestToken RotationToken SecretBinary SecretString VersionStages", handle((*AWS).putSecretValue)},
	{"secretsmanager:UpdateSecretVersionStage", "secretsmanager:UpdateSecretVersionStage", "SecretId",
		"MoveToVersionId RemoveFromVersionId VersionStage", handle((*AWS).updateSecretVersionStage)},
	{"secretsmanager:RotateSecret", "secretsmanager:RotateSecret", "SecretId",
		"ClientRequestToken RotateImmediately RotationLambdaARN RotationRules.AutomaticallyAfterDays", handle((*AWS).rotateSecret)},
	{"secretsmanager:CancelRotateSecret", "secretsmanager:CancelRotateSecret", "SecretId", "", handle((*AWS).cancelRotateSecret)},
	{"secretsmanager:UpdateSecret", "secretsmanager:UpdateSecret", "SecretId",
		"ClientRequestToken Description KmsKeyId SecretBinary SecretString", handle((*AWS).updateSecret)},
	{"secretsmanager:TagResource", "secretsmanager:TagResource", "SecretId", "Tags", handle((*AWS).tagSecret)},
	{"secretsmanager:UntagResource", "secretsmanager:UntagResource", "SecretId", "TagKeys", handle((*AWS).untagSecret)},
	{"secretsmanager:DeleteSecret", "secretsmanager:DeleteSecret", "SecretId",
		"ForceDeleteWithoutRecovery RecoveryWindowInDays", handle((*AWS).deleteSecret)},
	{"secretsmanager:RestoreSecret", "secretsmanager:RestoreSecret", "SecretId", "", handle((*AWS).restoreSecret)},
}

var stackOperations = []operation{
	{"cloudformation:DescribeStackResource", "cloudformation:DescribeStackResource", "LogicalResourceId", "StackName",
		handle((*AWS).describeStackResource)},
	{"cloudformation:DescribeStacks", "cloudformation:DescribeStacks", "", "StackName", handle((*AWS).describeStacks)},
}

// Fields that many operations of S3 have.
const (
	owned     = "ExpectedBucketOwner "
	checksums = "ChecksumAlgorithm ContentMD5 " // nothing is lost on the way here
)

var bucketOperations = []operation{
	{"s3:CreateBucket", "s3:CreateBucket", "Bucket",
		"ObjectOwnership CreateBucketConfiguration.LocationConstraint CreateBucketConfiguration.Tags",
		handleRequest((*AWS).createBucket)},
	{"s3:DeleteBucket", "s3:DeleteBucket", "Bucket", owned, handleRequest((*AWS).deleteBucket)},
	{"s3:HeadBucket", "s3:ListBucket", "Bucket", owned, handleRequest((*AWS).headBucket)},
	{"s3:ListBuckets", "s3:ListAllMyBuckets", "", "BucketRegion ContinuationToken MaxBuckets Prefix",
		handleRequest((*AWS).listBuckets)},
	{"s3:GetBucketTagging", "s3:GetBucketTagging", "Bucket", owned, handleRequest((*AWS).getBucketTagging)},
	{"s3:PutBucketTagging", "s3:PutBucketTagging", "Bucket", owned + checksums + "Tagging",
		handleRequest((*AWS).putBucketTagging)},
	{"s3:DeleteBucketTagging", "s3:PutBucketTagging", "Bucket", owned, handleRequest((*AWS).deleteBucketTagging)},
	{"s3:GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", "Bucket", owned, handleRequest((*AWS).getPublicAccessBlock)},
	{"s3:PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock", "Bucket",
		owned + checksums + "PublicAccessBlockConfiguration", handleRequest((*AWS).putPublicAccessBlock)},
	{"s3:GetBucketEncryption", "s3:GetEncryptionConfiguration", "Bucket", owned, handleRequest((*AWS).getBucketEncryption)},
	{"s3:GetBucketAbac", "s3:GetBucketAbac", "Bucket", owned, handleRequest((*AWS).getBucketAbac)},
	{"s3:GetBucketPolicy", "s3:GetBucketPolicy", "Bucket", owned, handleRequest((*AWS).getBucketPolicy)},
	{"s3:PutBucketPolicy", "s3:PutBucketPolicy", "Bucket", owned + checksums + "Policy", handleRequest((*AWS).putBucketPolicy)},
	{"s3:DeleteBucketPolicy", "s3:DeleteBucketPolicy", "Bucket", owned, handleRequest((*AWS).deleteBucketPolicy)},
	{"s3:GetBucketVersioning", "s3:GetBucketVersioning", "Bucket", owned, handleRequest((*AWS).getBucketVersioning)},
	{"s3:PutBucketVersioning", "s3:PutBucketVersioning", "Bucket", owned + checksums + "VersioningConfiguration.Status",
		handleRequest((*AWS).putBucketVersioning)},
	{"s3:GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration", "Bucket", owned,
		handleRequest((*AWS).getBucketLifecycle)},
	{"s3:PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration", "Bucket",
		owned + "ChecksumAlgorithm LifecycleConfiguration TransitionDefaultMinimumObjectSize", handleRequest((*AWS).putBucketLifecycle)},
	{"s3:DeleteBucketLifecycle", "s3:PutLifecycleConfiguration", "Bucket", owned, handleRequest((*AWS).deleteBucketLifecycle)},
}

// Reading, writing and deleting a version are actions of their own: see [request.ofVersion].
var objectOperations = []operation{
	{"s3:PutObject", "s3:PutObject", "Bucket Key", owned + checksums + "Body ContentLength ContentType IfNoneMatch",
		handleRequest((*AWS).putObject)},
	{"s3:HeadObject", "s3:GetObject", "Bucket Key", owned + "VersionId ChecksumMode", handleRequest((*AWS).headObject)},
	{"s3:GetObject", "s3:GetObject", "Bucket Key", owned + "VersionId ChecksumMode", handleRequest((*AWS).getObject)},
	{"s3:DeleteObject", "s3:DeleteObject", "Bucket Key", owned + "VersionId", handleRequest((*AWS).deleteObject)},
	{"s3:DeleteObjects", "s3:DeleteObject", "Bucket",
		owned + "ChecksumAlgorithm Delete.Objects.Key Delete.Objects.VersionId Delete.Quiet", handleRequest((*AWS).deleteObjects)},
	{"s3:ListObjectsV2", "s3:ListBucket", "Bucket", owned + "ContinuationToken Delimiter EncodingType MaxKeys Prefix StartAfter",
		handleRequest((*AWS).listObjects)},
	{"s3:ListObjectVersions", "s3:ListBucketVersions", "Bucket",
		owned + "Delimiter EncodingType KeyMarker MaxKeys Prefix VersionIdMarker", handleRequest((*AWS).listObjectVersions)},
	{"s3:CreateMultipartUpload", "s3:PutObject", "Bucket Key", owned + "ContentType ChecksumAlgorithm",
		handleRequest((*AWS).createMultipartUpload)},
	{"s3:ListMultipartUploads", "s3:ListBucketMultipartUploads", "Bucket",
		owned + "EncodingType KeyMarker MaxUploads Prefix UploadIdMarker", handleRequest((*AWS).listMultipartUploads)},
	{"s3:AbortMultipartUpload", "s3:AbortMultipartUpload", "Bucket Key", owned + "UploadId",
		handleRequest((*AWS).abortMultipartUpload)},
}
