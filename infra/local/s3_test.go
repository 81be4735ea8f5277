//go:build e2e

package local

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func s3Corrections() []correction {
	return []correction{
		{"ExpectedBucketOwner is compared", expectedOwner},
		{"the principal of a bucket policy exists", policyPrincipal},
		{"the resources of a bucket policy are in the bucket", policyResource},
		{"a bucket policy has at most 20 KB", policySize},
		{"a re-created user is another principal", recreatedUser},
	}
}

// grant is a bucket policy that lets principal read everything in bucket.
func grant(principal any, bucket string) statement {
	s := allow([]string{"arn:aws:s3:::" + bucket, "arn:aws:s3:::" + bucket + "/*"}, "s3:GetObject", "s3:ListBucket")
	s["Principal"] = map[string]any{"AWS": principal}
	return s
}

func expectedOwner(t *testing.T, w *world) error {
	bucket := w.bucket(t, "expected-owner")
	_, err := w.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, ExpectedBucketOwner: aws.String("111111111111")})
	_, headErr := w.s3.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &bucket, ExpectedBucketOwner: aws.String("111111111111")})
	_, own := w.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, ExpectedBucketOwner: aws.String(Account)})
	return errors.Join(
		wantCode("another owner", err, "AccessDenied"),
		wantCode("another owner, HEAD", headErr, "Forbidden"),
		wantCode("the owner", own, ""))
}

func policyPrincipal(t *testing.T, w *world) error {
	bucket := w.bucket(t, "policy-principal")
	w.key(t, "principal-user", "/team/")
	put := func(principal any) error {
		_, err := w.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: policy(grant(principal, bucket))})
		return err
	}
	missing := put("arn:aws:iam::" + Account + ":user/nobody")
	var answer error
	if missing == nil || !strings.Contains(missing.Error(), "Invalid principal in policy") {
		answer = fmt.Errorf("the message is not AWS's: %v", missing)
	}
	return errors.Join(answer,
		wantCode("a user that does not exist", missing, "MalformedPolicy"),
		wantCode("a user without its path", put("arn:aws:iam::"+Account+":user/principal-user"), "MalformedPolicy"),
		wantCode("a user", put("arn:aws:iam::"+Account+":user/team/principal-user"), ""),
		wantCode("the account", put([]string{Account, "arn:aws:iam::" + Account + ":root"}), ""),
		wantCode("everybody, while public access is blocked", put("*"), "AccessDenied"))
}

func policyResource(t *testing.T, w *world) error {
	bucket := w.bucket(t, "policy-resource")
	put := func(resourceOf string) error {
		_, err := w.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: policy(grant(Account, resourceOf))})
		return err
	}
	return errors.Join(
		wantCode("another bucket", put("policy-resource-2"), "MalformedPolicy"),
		wantCode("the bucket", put(bucket), ""))
}

func policySize(t *testing.T, w *world) error {
	bucket := w.bucket(t, "policy-size")
	put := func(size int) error {
		s := grant(Account, bucket)
		s["Sid"] = ""
		s["Sid"] = strings.Repeat("S", size-len(*policy(s)))
		_, err := w.s3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: policy(s)})
		return err
	}
	return errors.Join(
		wantCode("20 KB", put(20<<10), ""),
		wantCode("a byte more", put(20<<10+1), "MalformedPolicy"))
}

func recreatedUser(t *testing.T, w *world) error {
	ctx, name, bucket := t.Context(), aws.String("recreated"), w.bucket(t, "recreated-user")
	key := w.key(t, *name, "/")
	grantIt := func() {
		t.Helper()
		_, err := w.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{
			Bucket: &bucket, Policy: policy(grant("arn:aws:iam::"+Account+":user/recreated", bucket)),
		})
		must(t, err)
	}
	list := func(w *world) error {
		_, err := w.s3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket})
		return err
	}
	grantIt()
	_, err := w.iam.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: name, AccessKeyId: &key.AccessKeyID})
	must(t, err)
	_, err = w.iam.DeleteUser(ctx, &iam.DeleteUserInput{UserName: name})
	must(t, err)
	again := w.user(t, *name, "/")
	before := list(again)
	grantIt()
	return errors.Join(
		wantCode("with the earlier user's policy", before, "AccessDenied"),
		wantCode("with the policy written again", list(again), ""))
}
