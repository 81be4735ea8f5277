//go:build e2e

package privilege

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

// TestBoundaryOfFull is about a user of Access Full, whose bucket policy grants all of S3 on the bucket. The boundary
// keeps from it what strips the tags and what opens the bucket, and keeps everything from a session that is made from
// its key. A policy of its own that allows all changes nothing. Without the boundary all of it is allowed, which shows
// that it is the boundary that refuses.
func TestBoundaryOfFull(t *testing.T) {
	for _, s := range []*subject{construct, shared} {
		t.Run(s.name, func(t *testing.T) { boundaryOfFull(t, s) })
	}
}

func boundaryOfFull(t *testing.T, s *subject) {
	start, ctx := time.Now(), t.Context()
	n := cloudtest.Must(s.newTenant(ctx, s.name+"-full", properties{"Access": spec.Full}))(t)
	if err := root.Put(ctx, n.spec.BucketName, "data/table"); err != nil {
		t.Fatal(err)
	}
	who, user := cloudtest.Must(root.As(n.key, nil))(t), n.spec.UserName
	count, found := 0, report{}
	phase := func(policies []document, boundary document, cells ...cell) {
		byKey, bySession := append(cells, n.works(nil, true)...), n.works(inSession, boundary.id == "")
		for _, r := range []report{
			judge(t, who, n.spec.UserARN(), policies, boundary, byKey), judge(t, n.session, n.spec.UserARN(), policies, boundary, bySession),
		} {
			r.fail(t)
			found.disagreements, found.wrong = append(found.disagreements, r.disagreements...), append(found.wrong, r.wrong...)
		}
		count += len(byKey) + len(bySession)
	}
	all := []document{documentOf("Admin", anyPolicy)}
	refused := n.controls()
	phase(nil, s.boundary, refused...)
	cloudtest.Must(root.IAM.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &user, PolicyName: aws.String("Admin"), PolicyDocument: aws.String(anyPolicy)}))(t)
	phase(all, s.boundary, refused...)
	summary.set("full, "+s.name, "%d cells of Access Full (tags, access by tags, public access; the key and a session made from it): %s; %s",
		count, found, since(start))

	// The embedded AWS has no public access block of an account, so one evaluator alone says that it is the Deny.
	account := simulate(t, n.spec.UserARN(), all, s.boundary, on("s3:PutAccountPublicAccessBlock", "*"))
	if account[0] == nil || account[0].Error() != "ExplicitlyDenied" {
		t.Errorf("s3:PutAccountPublicAccessBlock: %v", account[0])
	}

	cloudtest.Must(root.IAM.DeleteUserPermissionsBoundary(ctx, &iam.DeleteUserPermissionsBoundaryInput{UserName: &user}))(t)
	for i := range refused {
		refused[i].allowed = true
	}
	phase(all, document{}, refused...)
}

// controls are the calls that strip the tags of the bucket or open it.
func (n *tenant) controls() (cells []cell) {
	bucket := n.spec.BucketName
	for _, c := range []struct{ name, method, path, body, action string }{
		{"tag its bucket", "PUT", "/" + bucket + "?tagging", `<Tagging><TagSet/></Tagging>`, "s3:PutBucketTagging"},
		{"take the tags off its bucket", "DELETE", "/" + bucket + "?tagging", "", "s3:PutBucketTagging"},
		{"tag its bucket as a resource", "POST", tagsOf(bucket), aTag, "s3:TagResource"},
		{"untag its bucket as a resource", "DELETE", tagsOf(bucket) + "?tagKeys=a", "", "s3:UntagResource"},
		{"access by tags to its bucket", "PUT", "/" + bucket + "?abac", "", "s3:PutBucketAbac"},
		{"set the public access block of its bucket", "PUT", "/" + bucket + "?publicAccessBlock", "", "s3:PutBucketPublicAccessBlock"},
		{"take the public access block off its bucket", "DELETE", "/" + bucket + "?publicAccessBlock", "", "s3:PutBucketPublicAccessBlock"},
	} {
		cells = append(cells, cell{name: c.name, call: rest("s3", c.method, c.path, c.body), asks: on(c.action, n.spec.BucketARN())[0].in("", n.policy)})
	}
	return cells
}

// works are what the key is for, asked for with the key or with a session.
func (n *tenant) works(inSession map[string]any, allowed bool) (cells []cell) {
	bucket, by := n.spec.BucketName, "by the key: "
	if inSession != nil {
		by = "by a session: "
	}
	for _, c := range []struct{ name, method, path, body, action, key string }{
		{"list its bucket", "GET", "/" + bucket, "", "s3:ListBucket", ""},
		{"read its bucket", "GET", "/" + bucket + "/data/table", "", "s3:GetObject", "/data/table"},
		{"write to its bucket", "PUT", "/" + bucket + "/data/more", "x", "s3:PutObject", "/data/more"},
		{"read the policy of its bucket", "GET", "/" + bucket + "?policy", "", "s3:GetBucketPolicy", ""},
	} {
		ask := on(c.action, n.spec.BucketARN()+c.key)[0].in("", n.policy)
		ask[0].context = inSession
		cells = append(cells, cell{name: by + c.name, call: rest("s3", c.method, c.path, c.body), asks: ask, allowed: allowed})
	}
	return cells
}
