package awsfake_test

import (
	"testing"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// pass lets time go by: none, as it is the time of a bubble.
func pass(d time.Duration) { <-time.After(d) }

// The calls on a bucket that the rules make.

func getTags(t *testing.T, c clients, name string) error {
	_, err := c.s3.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &name})
	return err
}

func blockPublic(t *testing.T, c clients, name string) error {
	_, err := c.s3.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: &name,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true)}})
	return err
}

func putObject(t *testing.T, c clients, name, key string) error {
	_, err := c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: &key})
	return err
}

func listed(t *testing.T, c clients) int {
	return len(awsrules.Must[*s3.ListBucketsOutput](t)(c.s3.ListBuckets(t.Context(), &s3.ListBucketsInput{})).Buckets)
}

// newRules are about a bucket that is not known everywhere yet (L1), and about one that nobody has.
func newRules() []fakeRule {
	const name = "my-bucket"
	return []fakeRule{
		{"L1: a new bucket is not known for a while, but to CreateBucket", "terraform-provider-aws #10068, #13008, #33717, #49960",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.BucketPropagation = time.Minute
				awsrules.Equal(t, "created", createBucket(t.Context(), c, name), nil)
				awsrules.Want(t, getTags(t, c, name), 404, "NoSuchBucket")
				awsrules.Want(t, blockPublic(t, c, name), 404, "NoSuchBucket")
				awsrules.Want(t, putObject(t, c, name, "k"), 404, "NoSuchBucket")
				_, err := c.s3.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(name)})
				awsrules.Want(t, err, 404, "NoSuchBucket")
				awsrules.Want(t, createBucket(t.Context(), c, name), 409, "BucketAlreadyOwnedByYou")
				awsrules.Equal(t, "listed", listed(t, c), 0)
				pass(time.Minute)
				awsrules.Want(t, getTags(t, c, name), 404, "NoSuchTagSet")
				awsrules.Equal(t, "later", putObject(t, c, name, "k"), nil)
				awsrules.Equal(t, "listed later", listed(t, c), 1)
			}},
		{"L1: in us-east-1 CreateBucket of a new bucket writes nothing", "S3 API Reference, CreateBucket, BucketAlreadyOwnedByYou: 200 OK in us-east-1",
			func(t *testing.T, _ *awsfake.AWS, _ clients) {
				fake := awsfake.New(account, "us-east-1")
				fake.BucketPropagation, fake.LenientCreateBucket = time.Minute, true
				c := clientsOf(fake.Session("provider").Config())
				fake.AddBucket(name, map[string]string{"owner": "somebody"})
				awsrules.Must[*s3.CreateBucketOutput](t)(c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(name),
					CreateBucketConfiguration: &types.CreateBucketConfiguration{Tags: []types.Tag{{Key: aws.String("owner"), Value: aws.String("me")}}}}))
				awsrules.Want(t, getTags(t, c, name), 404, "NoSuchBucket")
				awsrules.Equal(t, "owner", fake.Snapshot().Buckets[name].Tags["owner"], "somebody")
				pass(time.Minute)
				awsrules.Equal(t, "later", getTags(t, c, name), nil)
			}},
		{"L1: only the tags of a new bucket may be unknown", "terraform-provider-aws #9725",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.BucketPropagation, fake.NewBuckets = time.Minute, awsfake.TagsUnknown
				fake.AddBucket(name, map[string]string{"k": "v"})
				awsrules.Want(t, getTags(t, c, name), 404, "NoSuchTagSet")
				awsrules.Equal(t, "a setting", blockPublic(t, c, name), nil)
				awsrules.Equal(t, "listed", listed(t, c), 1)
				pass(time.Minute)
				awsrules.Equal(t, "later", getTags(t, c, name), nil)
			}},
		{"L1: a new bucket may be unknown to all but its tags", "terraform-provider-aws #372 and #33717",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.BucketPropagation, fake.NewBuckets = time.Minute, awsfake.SettingsUnknown
				fake.AddBucket(name, map[string]string{"k": "v"})
				awsrules.Equal(t, "tags", getTags(t, c, name), nil)
				awsrules.Equal(t, "listed", listed(t, c), 1)
				awsrules.Want(t, blockPublic(t, c, name), 404, "NoSuchBucket")
				awsrules.Want(t, putObject(t, c, name, "k"), 404, "NoSuchBucket")
				pass(time.Minute)
				awsrules.Equal(t, "later", blockPublic(t, c, name), nil)
			}},
		{"a name that nobody has may answer 403", "S3 API Reference, HeadBucket: 403 where existence is not for the caller to know",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.HiddenBuckets = true
				awsrules.Want(t, getTags(t, c, name), 403, "AccessDenied")
				awsrules.Want(t, putObject(t, c, name, "k"), 403, "AccessDenied")
				awsrules.Equal(t, "created", createBucket(t.Context(), c, name), nil)
				awsrules.Want(t, getTags(t, c, name), 404, "NoSuchTagSet")
			}},
	}
}

// elsewhereRules are about buckets in other regions (L6).
func elsewhereRules() []fakeRule {
	var rules []fakeRule
	for face, answer := range map[awsfake.Face]struct {
		status                int
		code, message, source string
	}{
		awsfake.Redirected: {301, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the " +
			"specified endpoint. Please send all future requests to this endpoint.", "boto3 #81"},
		awsfake.WrongLocation: {400, "IllegalLocationConstraintException", "The us-west-2 location constraint is incompatible for " +
			"the region specific endpoint this request was sent to.", "cloud-custodian #8005; prowler PR #1155"},
		awsfake.WrongSignature: {400, "AuthorizationHeaderMalformed", "The authorization header is malformed; the region " +
			"'eu-west-1' is wrong; expecting 'us-west-2'", "botocore, utils.py, S3RegionRedirectorv2"},
		awsfake.WrongToken: {400, "InvalidToken", "The provided token is malformed or otherwise invalid.", "cloud-custodian #9793"},
		awsfake.Denied:     {403, "AccessDenied", "Access Denied", "S3 API Reference, HeadBucket"},
	} {
		rules = append(rules, fakeRule{"L6: a bucket elsewhere answers " + answer.code, answer.source,
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucketElsewhere("taken", other, face)
				awsrules.Want(t, getTags(t, c, "taken"), answer.status, answer.code, answer.message)
				awsrules.Want(t, blockPublic(t, c, "taken"), answer.status, answer.code)
				awsrules.Want(t, putObject(t, c, "taken", "k"), answer.status, answer.code)
				awsrules.Want(t, createBucket(t.Context(), c, "taken"), 409, "BucketAlreadyExists")
				awsrules.Equal(t, "attempts", len(fake.Calls()), 4)
				awsrules.Equal(t, "listed", listed(t, c), 0)
				awsrules.Equal(t, "in the snapshot", len(fake.Snapshot().Buckets), 0)
			}})
	}
	return append(rules, fakeRule{"L6: a bucket of one's own elsewhere is owned, also for us-east-1", "scality/cloudserver #475",
		func(t *testing.T, _ *awsfake.AWS, _ clients) {
			fake := awsfake.New(account, "us-east-1")
			c := clientsOf(fake.Session("provider").Config())
			fake.AddBucketElsewhere("mine", account, awsfake.Redirected)
			_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("mine")})
			awsrules.Want(t, err, 409, "BucketAlreadyOwnedByYou")
			list := awsrules.Must[*s3.ListBucketsOutput](t)(c.s3.ListBuckets(t.Context(), &s3.ListBucketsInput{}))
			awsrules.Equal(t, "region in the list", *list.Buckets[0].BucketRegion, "us-west-2")
		}})
}
