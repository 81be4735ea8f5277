package awsfake

import "time"

// Laws are what AWS does and an account that answers at once and consistently does not. Each field is a switch, and
// off when it is zero. Names such as L1 are those of the rules in the tests, which play each of them.
type Laws struct {
	// BucketPropagation (L1) is how long a new bucket is not known everywhere. CreateBucket knows it at once. NewBuckets
	// says what does not. Sources: terraform-provider-aws #10068, #13008, #33717 and #49960; S3 User Guide, Data
	// consistency model: "Bucket configurations have an eventual consistency model".
	BucketPropagation time.Duration
	// NewBuckets (L1) is what is not known of a new bucket during BucketPropagation.
	NewBuckets NewBuckets

	// LateRights (L2) are rights of roles that are not in force yet. RolePropagation is the same for all rights of a role.
	// [AWS.DelayRights] adds some from now on. Sources: aws-cdk #18237, #37675, #37878 and #37939: a policy that is
	// CREATE_COMPLETE is accepted, and not in force.
	LateRights []LateRights

	// UserPath (L3), such as "/team/", limits the rights of roles to users under it: every operation of IAM on a user who
	// is elsewhere, or who does not exist, is denied. GetUser is allowed on every user, and CreateUser names its path.
	// Sources: cloud-gov/terraform-provision #1923, #1928 and #1929: the ARN of a user who does not exist has no path.
	UserPath string

	// UserLag (L4) is how old the users are that IAM shows and knows: reads of a user, of its tags and of its keys answer
	// as of that long ago, and no operation knows a user or key that is younger. Sources: IAM User Guide, Troubleshooting:
	// "Changes that I make are not always immediately visible"; terraform-provider-aws #18458.
	UserLag time.Duration
	// BucketLag (L4) is the same for buckets: their existence, tags, public access block, policy, versioning,
	// lifecycle, default encryption and access control by tags. A policy also decides as it was that long ago. Objects and uploads never lag. Sources: S3 User Guide, Data
	// consistency model: strong for objects and their listings since December 2020, eventual for the configuration of
	// buckets, and a deleted bucket may still be listed; terraform-provider-aws #15572.
	BucketLag time.Duration
	// SecretLag (L4) is the same for DescribeSecret and GetSecretValue. It is a switch of its own, as other operations
	// on secrets are not known to lag. Sources: Secrets Manager API Reference, ListSecrets: "All Secrets Manager operations
	// are eventually consistent"; terraform-provider-aws #18406 and #18462.
	SecretLag time.Duration

	// Abandonment (L17) is which changes of a secret end a rotation that is under way.
	Abandonment Abandonment
	// MoveEndsPending (L17) has AWSPENDING come off the version that AWSCURRENT moves to, in the same call. Otherwise it stays there. Sources:
	// Secrets Manager User Guide, Lambda rotation functions, finishSecret; against it aws-secrets-manager-rotation-lambdas #168.
	MoveEndsPending bool
	// LateFunction (L17) is until when Secrets Manager may not invoke any rotation function: RotateSecret is refused. Sources: aws-cdk
	// #26481; recorded by localstack, test_secretsmanager.snapshot.json (test_rotate_secret_invalid_lambda_arn).
	LateFunction time.Time
	// StagesInvalidRequest (L17) has UpdateSecretVersionStage refuse with InvalidRequestException where no code is known.
	StagesInvalidRequest bool
	// RepeatedPutMoves (L17) has a PutSecretValue that repeats token and value move the labels that it names. The API Reference says
	// that it "does nothing"; that labels are meant, too, nobody has recorded.
	RepeatedPutMoves bool

	// History (L4) is how far back a hook may have a call lag: see [AWS.LagsBehind]. The states before each change are
	// kept while it, or another switch that needs them, is not zero.
	History time.Duration
	// SecretHistory (L4) has a hook let reads of secrets lag, too. The source is that of SecretLag.
	SecretHistory bool

	// StatusPropagation (L5) is how long DescribeStackResource goes on answering the status, time and physical id before a
	// change, and DescribeStacks the status. Source: aws-cdk-cli PR #1848, about DescribeStacks.
	StatusPropagation time.Duration

	// UserDeletion (L7) is how long the name of a user who was deleted stays taken: CreateUser says that it exists, and
	// all else that it does not. Source: IAM API Reference, CreateUser and UpdateUser, Errors.
	UserDeletion time.Duration
	// BucketDeletion (L7) is how long CreateBucket is aborted for the name of a bucket that was deleted. Sources: S3 API
	// Reference, Error responses, OperationAborted; S3 User Guide, Deleting a bucket: a name is not free at once.
	BucketDeletion time.Duration

	// ConflictPropagation (L8) is how long what was deleted still keeps something else: a key its user, in DeleteUser's
	// DeleteConflict, and the last object or version its bucket, in DeleteBucket's BucketNotEmpty. Sources:
	// terraform-provider-aws PR #49260 for users; hashicorp/terraform PR #14707 for roles. That BucketNotEmpty lags is
	// inferred: objects are strongly consistent.
	ConflictPropagation time.Duration

	// PlainListings has S3 not encode the keys of listings, whatever EncodingType asks for. The answer says so: it has no
	// encoding type. Source: S3 API Reference, ListObjectVersions: EncodingType of the response; stores that are
	// compatible with S3.
	PlainListings bool
	// AbacDenied (L14) has S3 answer 403 AccessDenied to PutBucketTagging and DeleteBucketTagging of a bucket with access
	// control by tags, instead of 400 InvalidRequest. That they fail is documented and was seen, their code is neither, so
	// it has to be right either way. Sources: those of [AWS.SetAbac]; dev.classmethod.jp, s3-bucket-abac-tagging-command.
	AbacDenied bool
	// OneRulePerPrefix (L11) has S3 refuse two lifecycle rules with the same Prefix of their own, whatever they do. No page of
	// AWS has that; stores that copy its answers do, so it has to be right either way. Source: ceph/s3-tests PR #261, which
	// takes the assumption back for Ceph.
	OneRulePerPrefix bool
	// Forbidden (L12) are operations, such as s3:PutPublicAccessBlock, that an organization denies to every role, whatever
	// they would do. Sources: IAM User Guide, Troubleshoot access denied error messages; aws-controllers-k8s/community #2670.
	Forbidden []string
	// HiddenBuckets has S3 answer 403 where it would say that a bucket does not exist. CreateBucket succeeds all the
	// same. Source: S3 API Reference, HeadBucket and GetObject: 403 where the caller may not know whether something exists.
	HiddenBuckets bool
	// StrictKmsKeys has UpdateSecret refuse another KMS key where it cannot encrypt again what the secret holds, since
	// that key or the one before is not usable. Without it the call succeeds and leaves the versions as they are. Sources:
	// see [AWS.SetKmsKeyUsable] and UpdateSecret's errors in the API Reference, DecryptionFailure and EncryptionFailure.
	StrictKmsKeys bool
}

// NewBuckets is what S3 does not know of a new bucket.
type NewBuckets string

const (
	// AllUnknown has every call on the bucket answer NoSuchBucket, and ListBuckets leave it out.
	AllUnknown NewBuckets = ""
	// TagsUnknown has GetBucketTagging answer NoSuchTagSet, and everything else work.
	TagsUnknown NewBuckets = "tags"
	// SettingsUnknown has every call answer NoSuchBucket, but for GetBucketTagging and ListBuckets.
	SettingsUnknown NewBuckets = "settings"
)

// LateRights are rights of one policy that are denied for a while.
type LateRights struct {
	// Role is its name; empty: every role.
	Role string
	// Rights are operations (s3:HeadBucket) or IAM actions (s3:ListBucket), also with wildcards: "s3:*". A call with tags
	// needs the right to tag as well, and a bucket with an ownership that to set it.
	Rights []string
	// From is when the policy was attached; zero: when the first session of the role was made.
	From time.Time
	// For is how long after that they are denied.
	For time.Duration
}

// remembers tells whether a switch needs the states before earlier changes.
func (l Laws) remembers() bool {
	return max(l.History, l.UserLag, l.BucketLag, l.SecretLag, l.StatusPropagation, l.ConflictPropagation) > 0
}
