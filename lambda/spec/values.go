package spec

import (
	"net/url"
	"strings"
)

// A Value is one row of a table of documented values.
type Value struct{ Name, Meaning string }

// ReturnValues are the attributes of Fn::GetAtt, in the order of the
// documentation. None of them is the secret or leads to it without permission.
var ReturnValues = []Value{
	{"UserName", "the IAM user"},
	{"UserArn", "its ARN"},
	{"AccessKeyId", "its access key id, as of the last stack operation"},
	{"BucketName", "the bucket"},
	{"BucketArn", "its ARN"},
	{"Prefix", "the folder, ends in `/`"},
	{"Region", "region of the bucket"},
	{"Url", "`https://<bucket>.s3.<region>.<dns suffix>/<prefix>`, ends in `/`"},
	{"BackupUrl", "`Url` + `backups/`: one level below the folder marker"},
	{"SecretArn", "the secret's full ARN, with its random suffix"},
	{"SecretName", "the secret's name"},
	{"SecretVersionId", "the version that holds the key, as of the last stack operation"},
}

// Fields of the secret's JSON object, all strings, usable as environment
// variables.
const (
	FieldAccessKeyID     = "AWS_ACCESS_KEY_ID"
	FieldSecretAccessKey = "AWS_SECRET_ACCESS_KEY"
	FieldRegion          = "AWS_REGION"
	FieldBucket          = "S3_BUCKET"
	FieldPrefix          = "S3_PREFIX"
	FieldURL             = "S3_URL"
	FieldBackupPrefix    = "S3_BACKUP_PREFIX"
	FieldBackupURL       = "S3_BACKUP_URL"
	FieldUserARN         = "S3_USER_ARN"

	// FieldKeySerial is the KeySerial that the key was made for, in decimal. Without it the serial
	// is 0.
	FieldKeySerial = "BUCKETUSER_KEY_SERIAL"
)

// SecretFields are the fields of the secret, in the order of the documentation.
var SecretFields = []Value{
	{FieldAccessKeyID, "the access key id"},
	{FieldSecretAccessKey, "the secret access key"},
	{FieldRegion, "region of the bucket"},
	{FieldBucket, "the bucket"},
	{FieldPrefix, "the folder, ends in `/`"},
	{FieldURL, "`Url`"},
	{FieldBackupPrefix, "`S3_PREFIX` + `backups/`"},
	{FieldBackupURL, "`BackupUrl`"},
	{FieldUserARN, "ARN of the user"},
	{FieldKeySerial, "the `KeySerial` that the key was created for; absent as long as that is `0`"},
}

// backups is the level below the folder marker that backups go to. Nothing is
// ever written at exactly this key: clickhouse-backup takes a zero-byte object
// that ends its path for a backup without a name, and its clean-up then deletes
// every backup (Altinity/clickhouse-backup#1524).
const backups = "backups/"

// MarkerKey returns the key of the folder marker.
func (s Spec) MarkerKey() string { return s.Prefix }

// ProbeName ends the key of every probe, below whatever prefix.
const ProbeName = ".bucketuser-probe"

// ProbeKey returns the key of the object that proves a new key. It counts as
// ours when a bucket is asked whether it is empty.
func (s Spec) ProbeKey() string { return s.Prefix + ProbeName }

// defaultAbortDays is how long the parts of an unfinished upload stay in a bucket that we have made.
const defaultAbortDays = 7

// IsVersioned reports whether versioning is asked for.
func (s Spec) IsVersioned() bool { return s.Versioning != nil && *s.Versioning }

// AbortDays is after how many days the parts of unfinished uploads are removed, or 0 for never. In an
// adopted bucket they are its owner's, unless the property says otherwise.
func (s Spec) AbortDays(isAdopted bool) int {
	switch {
	case s.AbortIncompleteUploadsAfterDays != nil:
		return *s.AbortIncompleteUploadsAfterDays
	case isAdopted:
		return 0
	}
	return defaultAbortDays
}

// URL returns the address of the folder, percent-encoded, with a trailing slash.
func (s Spec) URL() string {
	return "https://" + s.BucketName + ".s3." + s.Region + "." + DNSSuffix(s.Partition) + "/" + escapePath(s.Prefix)
}

// SecretValue returns the fields of the secret for one access key.
func (s Spec) SecretValue(accessKeyID, secretAccessKey string) map[string]string {
	return map[string]string{
		FieldAccessKeyID:     accessKeyID,
		FieldSecretAccessKey: secretAccessKey,
		FieldRegion:          s.Region,
		FieldBucket:          s.BucketName,
		FieldPrefix:          s.Prefix,
		FieldURL:             s.URL(),
		FieldBackupPrefix:    s.Prefix + backups,
		FieldBackupURL:       s.URL() + backups,
		FieldUserARN:         s.UserARN(),
	}
}

// Data returns the return values for an access key and the secret that holds it.
func (s Spec) Data(accessKeyID, secretARN, secretVersionID string) map[string]string {
	return map[string]string{
		"UserName":        s.UserName,
		"UserArn":         s.UserARN(),
		"AccessKeyId":     accessKeyID,
		"BucketName":      s.BucketName,
		"BucketArn":       s.BucketARN(),
		"Prefix":          s.Prefix,
		"Region":          s.Region,
		"Url":             s.URL(),
		"BackupUrl":       s.URL() + backups,
		"SecretArn":       secretARN,
		"SecretName":      s.SecretName,
		"SecretVersionId": secretVersionID,
	}
}

// escapePath percent-encodes everything but unreserved characters and slashes,
// as S3 does when it computes a signature.
func escapePath(path string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(path))
}
