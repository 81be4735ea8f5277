package spec

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits of AWS, or ours where the comment says so.
const (
	maxUserNameLength     = 64
	maxSecretNameLength   = 256 // ours, AWS allows 512: the largest answer must fit 4,096 bytes
	maxPrefixBytes        = 256 // ours, S3 allows keys of 1,024
	maxEncodedPrefixBytes = 512 // ours, for the answer: Url and BackupUrl hold the prefix percent-encoded
	maxLifecycleDays      = 36500
	maxKeySerial          = 999_999_999 // ours, the greatest of nine digits
	maxRotationDays       = 1000        // of Secrets Manager: RotationRulesType, AutomaticallyAfterDays
	maxTags               = 40          // ours, AWS allows 50 and some are the owner tags
	maxTagsRotated        = 38          // ours, as TagAccess and TagRotation are two more on the secret
	maxTagKeyLength       = 128
	MaxTagValueLength     = 256  // of S3, IAM and Secrets Manager
	maxTriggerLength      = 1024 // ours
)

// Naming rules: "General purpose bucket naming rules" in the S3 user guide, CreateUser in the IAM
// API reference, CreateSecret in the Secrets Manager API reference.
var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	userName   = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]+$`)
	secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]+$`)
	kmsKeyID   = regexp.MustCompile(`^[A-Za-z0-9:/_-]*$`)
	tagText    = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

	// ".mrap" is reserved, too, and has a dot; "sthree-configurator" starts with another.
	reservedBucketPrefixes = []string{"xn--", "sthree-", "amzn-s3-demo-"}
	reservedBucketSuffixes = []string{"-s3alias", "--ol-s3", "--x-s3", "--table-s3"} // and accountRegional
)

func (s *Spec) checkBucketName() string {
	if !bucketName.MatchString(s.BucketName) {
		if strings.Contains(s.BucketName, ".") {
			return "must not contain dots: S3's certificate does not cover them"
		}
		return "must be 3 to 63 lower-case letters, digits and hyphens, with a letter or digit at both ends"
	}
	for _, prefix := range reservedBucketPrefixes {
		if strings.HasPrefix(s.BucketName, prefix) {
			return fmt.Sprintf("must not start with %q, which S3 reserves", prefix)
		}
	}
	for _, suffix := range reservedBucketSuffixes {
		if strings.HasSuffix(s.BucketName, suffix) {
			return fmt.Sprintf("must not end with %q, which S3 reserves", suffix)
		}
	}
	return ""
}

func (s *Spec) checkUserName() string {
	if len(s.UserName) > maxUserNameLength || !userName.MatchString(s.UserName) {
		return fmt.Sprintf("must be 1 to %d letters, digits and characters of _+=,.@-", maxUserNameLength)
	}
	return ""
}

func (s *Spec) checkSecretName() string {
	if len(s.SecretName) > maxSecretNameLength || !secretName.MatchString(s.SecretName) {
		return fmt.Sprintf("must be 1 to %d letters, digits and characters of /_+=.@-", maxSecretNameLength)
	}
	return ""
}

// checkPrefix also adds the trailing slash.
func (s *Spec) checkPrefix() string {
	if s.Prefix == "" {
		return "must not be empty: ClickHouse refuses a disk at the root of a bucket"
	}
	if !strings.HasSuffix(s.Prefix, "/") {
		s.Prefix += "/"
	}
	for _, r := range s.Prefix {
		if r < ' ' || r > '~' {
			return "must be printable ASCII"
		}
	}
	if reason := s.patternIn(false); reason != "" {
		return reason
	}
	for _, segment := range strings.Split(strings.TrimSuffix(s.Prefix, "/"), "/") {
		if segment == "" || segment == "." || segment == ".." {
			return `must not start with "/" or have empty, "." or ".." segments`
		}
	}
	if len(s.Prefix) > maxPrefixBytes || len(escapePath(s.Prefix)) > maxEncodedPrefixBytes {
		return fmt.Sprintf("must be at most %d bytes, and at most %d percent-encoded", maxPrefixBytes, maxEncodedPrefixBytes)
	}
	return ""
}

func (s *Spec) checkKmsKeyID() string {
	if !kmsKeyID.MatchString(s.SecretKmsKeyId) {
		return "must be the id, alias or ARN of a KMS key"
	}
	return ""
}

func (s *Spec) checkRecoveryDays() string {
	if s.SecretRecoveryDays != 0 && (s.SecretRecoveryDays < 7 || s.SecretRecoveryDays > 30) {
		return "must be 0, or from 7 to 30"
	}
	return ""
}

// checkRotation counts the tags of the secret, of which a schedule adds two.
func (s *Spec) checkRotation() string {
	if reason := within(s.RotateAfterDays, 0, maxRotationDays); reason != "" {
		return reason
	}
	if s.RotateAfterDays > 0 && len(s.Tags) > maxTagsRotated {
		return fmt.Sprintf("must be 0 with more than %d Tags: a rotation sets tags of its own on the secret", maxTagsRotated)
	}
	return ""
}

func (s *Spec) checkTags() string {
	if len(s.Tags) > maxTags {
		return fmt.Sprintf("must be at most %d", maxTags)
	}
	seen := map[string]bool{}
	for _, tag := range s.Tags {
		switch key := strings.ToLower(tag.Key); {
		case tag.Key == "" || len([]rune(tag.Key)) > maxTagKeyLength || len([]rune(tag.Value)) > MaxTagValueLength,
			!tagText.MatchString(tag.Key), !tagText.MatchString(tag.Value):
			return fmt.Sprintf("keys are 1 to %d and values 0 to %d letters, digits, spaces and characters of _.:/=+-@",
				maxTagKeyLength, MaxTagValueLength)
		case strings.HasPrefix(key, "aws:"), strings.HasPrefix(key, "bucketuser:"):
			return `keys must not start with "aws:" or "bucketuser:"`
		case seen[key]: // IAM compares keys without regard to case
			return fmt.Sprintf("key %q stands twice", tag.Key)
		default:
			seen[key] = true
		}
	}
	return ""
}

// checkTrigger counts characters. The reason does not quote the text, and nothing logs it:
// people may write anything there.
func (s *Spec) checkTrigger() string {
	if utf8.RuneCountInString(s.Trigger) > maxTriggerLength {
		return fmt.Sprintf("must be at most %d characters", maxTriggerLength)
	}
	return ""
}
