package awsfake_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

func TestSnapshotHoldsEverything(t *testing.T) {
	fake := awsfake.New(account, "eu-west-1")
	fake.AddUser("alice", "/bucketuser/", map[string]string{"k": "v"})
	fake.Attach("alice", awsfake.LoginProfile)
	id, _ := fake.AddKey("alice")
	fake.SetKeyActive(id, false)
	fake.AddBucket("my-bucket", map[string]string{"k": "v"})
	fake.SetPublicAccessSwitches("my-bucket", awsfake.PublicAccessBlock{true, false, true, false})
	fake.AddBucket("open", nil)
	fake.RemovePublicAccessBlock("open")
	fake.AddForeignBucket("theirs", other)
	policy := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/bucketuser/alice"},` +
		`"Action":"s3:GetObject","Resource":"arn:aws:s3:::my-bucket/*"}}`
	if err := fake.SetBucketPolicy("my-bucket", policy); err != nil {
		t.Fatal(err)
	}
	fake.SetVersioning("my-bucket", "Enabled")
	fake.SetEncryption("my-bucket", "aws:kms")
	fake.SetAbac("my-bucket", true)
	fake.SetDefaultRetention("my-bucket", 7)
	if err := fake.SetMFADelete("my-bucket", true); err != nil {
		t.Fatal(err)
	}
	version := fake.PutObject("my-bucket", "data/", "")
	fake.SetLegalHold("my-bucket", "data/", "", true)
	fake.LockObject("my-bucket", "data/", version, true)
	fake.DeleteObject("my-bucket", "data/")
	fake.AddUpload("my-bucket", "big")
	fake.AddSecret("mine", `{"AWS_ACCESS_KEY_ID":"`+id+`"}`, nil)
	fake.PutSecretValue("mine", "next")
	fake.SetRotation("mine", fake.FunctionARN("rotation"), 30)
	begun := fake.BeginRotation("mine", false)
	fake.TagSecret("mine", map[string]string{"rotation": begun.Token + " follows " + fake.Snapshot().Secrets["mine"].Versions[1].ID})
	fake.DeleteSecret("mine", 7)

	want := awsfake.Snapshot{
		Users: map[string]awsfake.User{"alice": {Path: "/bucketuser/", ID: "<AIDA 1>", Tags: map[string]string{"k": "v"},
			Keys: []awsfake.AccessKey{{ID: "<AKIA 1>", Secret: "<fake+secret 1>"}}, Attached: []awsfake.Attachment{awsfake.LoginProfile}}},
		Buckets: map[string]awsfake.Bucket{"my-bucket": {
			Tags:              map[string]string{"k": "v"},
			PublicAccessBlock: awsfake.PublicAccessBlock{true, false, true, false},
			Versioning:        "Enabled",
			Encryption:        "aws:kms",
			Abac:              true,
			MFADelete:         "Enabled",
			ObjectLock:        true,
			RetentionDays:     7,
			Policy: `{"Version":"2012-10-17","Statement":[{"Action":"s3:GetObject","Effect":"Allow",` +
				`"Principal":{"AWS":"arn:aws:iam::111122223333:user/bucketuser/alice"},"Resource":"arn:aws:s3:::my-bucket/*"}]}`,
			Objects: map[string][]awsfake.Object{"data/": {{Version: "<v 1>", Locked: true, LegalHold: true, RetentionDays: 7}, {Version: "<v 2>", DeleteMarker: true}}},
			Uploads: []awsfake.Upload{{Key: "big", ID: "<upload 1>"}},
		}, "open": {NoPublicAccessBlock: true}},
		Secrets: map[string]awsfake.Secret{"mine": {
			ARN:         "arn:aws:secretsmanager:eu-west-1:111122223333:secret:mine<Fk 1>",
			DeletedDays: 7,
			Tags:        map[string]string{"rotation": "<version 3> follows <version 2>"},
			Rotation:    &awsfake.Rotation{Enabled: true, Function: "arn:aws:lambda:eu-west-1:111122223333:function:rotation", Days: 30},
			Versions: []awsfake.SecretVersion{
				{ID: "<version 1>", Stages: []string{"AWSPREVIOUS"}, Value: `{"AWS_ACCESS_KEY_ID":"<AKIA 1>"}`},
				{ID: "<version 2>", Stages: []string{"AWSCURRENT"}, Value: "next"},
				{ID: "<version 3>", Stages: []string{"AWSPENDING"}, Empty: true},
			},
		}},
	}
	if diff := cmp.Diff(want, fake.Snapshot().Normalized()); diff != "" {
		t.Error(diff)
	}
	restored := awsfake.New(account, "eu-west-1")
	if err := restored.Restore(fake.Snapshot()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fake.Snapshot(), restored.Snapshot()); diff != "" {
		t.Error(diff)
	}
	keys := slices.DeleteFunc(fake.IssuedSecrets(), func(secret string) bool { return secret == begun.RotationToken })
	if diff := cmp.Diff(keys, restored.IssuedSecrets()); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(fake.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	if id := restored.AddUser("bob", "/", nil); strings.Contains(string(text), id) {
		t.Errorf("%s is given twice", id)
	}

	fake.DeleteUser("alice")
	fake.DeleteBucket("my-bucket")
	fake.DeleteBucket("open")
	fake.DeleteSecret("mine", 0)
	if diff := cmp.Diff(awsfake.New(account, "eu-west-1").Snapshot(), fake.Snapshot()); diff != "" {
		t.Error("not empty in the end:", diff)
	}
}

func TestNormalizedForgetsTheOrderOfThings(t *testing.T) {
	build := func(first, second string) awsfake.Snapshot {
		fake := awsfake.New(account, "eu-west-1")
		for _, name := range []string{first, second} {
			fake.AddUser(name, "/", nil)
			fake.AddKey(name)
			fake.AddSecret(name, "value", nil)
		}
		return fake.Snapshot()
	}
	ab, ba := build("a", "b"), build("b", "a")
	if cmp.Equal(ab, ba) {
		t.Error("the ids are the same: this shows nothing")
	}
	if diff := cmp.Diff(ab.Normalized(), ba.Normalized()); diff != "" {
		t.Error(diff)
	}
}

// TestNothingIsShared changes inputs, outputs and snapshots, and looks whether the account has changed with them.
func TestNothingIsShared(t *testing.T) {
	inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
		c := clientsOf(s.Config())
		name, user := "my-bucket", "alice"
		fake.AddBucket(name, map[string]string{"k": "v"})
		fake.AddUser(user, "/", map[string]string{"k": "v"})
		days := int32(7)
		lifecycle := &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{ID: aws.String("r"),
			Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
			AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: &days}}}}
		awsrules.Must[*s3.PutBucketLifecycleConfigurationOutput](t)(c.s3.PutBucketLifecycleConfiguration(t.Context(),
			&s3.PutBucketLifecycleConfigurationInput{Bucket: &name, LifecycleConfiguration: lifecycle}))
		before := fake.Snapshot()

		days = 1
		rules := awsrules.Must[*s3.GetBucketLifecycleConfigurationOutput](t)(c.s3.GetBucketLifecycleConfiguration(t.Context(),
			&s3.GetBucketLifecycleConfigurationInput{Bucket: &name}))
		*rules.Rules[0].AbortIncompleteMultipartUpload.DaysAfterInitiation = 2
		access := awsrules.Must[*s3.GetPublicAccessBlockOutput](t)(c.s3.GetPublicAccessBlock(t.Context(), &s3.GetPublicAccessBlockInput{Bucket: &name}))
		*access.PublicAccessBlockConfiguration.BlockPublicAcls = false
		got := awsrules.Must[*iam.GetUserOutput](t)(c.iam.GetUser(t.Context(), &iam.GetUserInput{UserName: &user}))
		*got.User.Tags[0].Value = "changed"
		snapshot := fake.Snapshot()
		snapshot.Buckets[name].Tags["k"] = "changed"

		if diff := cmp.Diff(before, fake.Snapshot()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPartitions(t *testing.T) {
	for region, partition := range map[string]string{"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"} {
		fake := awsfake.New(account, region)
		if arn := fake.AddSecret("s", "", nil); !strings.HasPrefix(arn, "arn:"+partition+":secretsmanager:"+region+":") {
			t.Errorf("%s: got %s", region, arn)
		}
	}
}
