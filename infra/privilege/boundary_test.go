//go:build e2e

package privilege

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
)

// letting returns a resource's policy that lets principals do anything with it.
func letting(resource string, principals ...string) string {
	return jsonOf(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Sid": "In", "Effect": "Allow", "Principal": map[string]any{"AWS": principals}, "Action": actionsOn(resource), "Resource": resource}}})
}

func actionsOn(resource string) string {
	var service string
	_, _ = fmt.Sscanf(resource, "arn:aws:%s", &service)
	for i, r := range service {
		if r == ':' {
			return service[:i] + ":*"
		}
	}
	return "*"
}

// TestBoundary gives a user of ours everything that others can give: resources of
// this and of another account that name it, and then a policy of its own that allows
// all. The boundary leaves nothing but S3 in this account. Without the boundary, all
// of it is allowed, which shows that it is the boundary that refuses.
func TestBoundary(t *testing.T) {
	for _, s := range []*subject{construct, shared} {
		t.Run(s.name, func(t *testing.T) { boundary(t, s) })
	}
}

func boundary(t *testing.T, s *subject) {
	start, ctx := time.Now(), t.Context()
	n := cloudtest.Must(s.newTenant(ctx, s.name, properties{}))(t)
	me, user := n.spec.UserARN(), n.spec.UserName
	arn := func(service, resource string) string {
		return "arn:aws:" + service + ":" + region + ":" + account + ":" + resource
	}

	// A role, a secret, a function, a queue and a bucket of another account let it in.
	roleName, secretName, queueName, theirs := s.name+"-trusting", s.name+"/trusting", s.name+"-trusting", "bucketuser-"+s.name+"-theirs"
	roleTrust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + me + `"},"Action":"sts:AssumeRole"}]}`
	role := cloudtest.Must(root.IAM.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String(roleName), AssumeRolePolicyDocument: &roleTrust}))(t)
	secret := cloudtest.Must(root.Secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String(secretName), SecretString: aws.String("{}")}))(t)
	secretPolicy := letting(*secret.ARN, me)
	cloudtest.Must(root.Secrets.PutResourcePolicy(ctx, &secretsmanager.PutResourcePolicyInput{SecretId: secret.ARN, ResourcePolicy: &secretPolicy}))(t)
	l := cloudtest.Must(s.newLane(ctx, "trusting-function"))(t)
	cloudtest.Must(root.Lambda.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: &l.name, StatementId: aws.String("In"),
		Action: aws.String("lambda:InvokeFunction"), Principal: &me}))(t)
	queue := arn("sqs", queueName)
	attributes := cloudtest.Must(json.Marshal(map[string]any{"QueueName": queueName, "Attributes": map[string]any{"Policy": letting(queue, me)}}))(t)
	if code, err := send(ctx, root.Clients, target("sqs", "AmazonSQS.CreateQueue", string(attributes))); code != "" || err != nil {
		t.Fatal(code, err)
	}
	theirPolicy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["` + me + `","` + account + `"]},
		"Action":"s3:*","Resource":["arn:aws:s3:::` + theirs + `","arn:aws:s3:::` + theirs + `/*"]}]}`
	bucket := n.spec.BucketName
	if err := errors.Join(root.theirBucket(ctx, theirs, theirPolicy), root.Put(ctx, bucket, "data/table")); err != nil {
		t.Fatal(err)
	}

	let := func(action, resource, policy string) []request { return on(action, resource)[0].in("", policy) }
	their := func(action, resource string) []request { return on(action, resource)[0].in(stranger, theirPolicy) }
	refused := []cell{
		{name: "assume a role that trusts it", call: query("sts", "AssumeRole", "RoleArn="+*role.Role.Arn, "RoleSessionName=s"),
			asks: let("sts:AssumeRole", *role.Role.Arn, roleTrust)},
		{name: "read a secret that lets it in", call: target("secretsmanager", "secretsmanager.GetSecretValue", `{"SecretId":"`+*secret.ARN+`"}`),
			asks: let("secretsmanager:GetSecretValue", *secret.ARN, secretPolicy)},
		{name: "invoke a function that lets it in", call: rest("lambda", "POST", "/2015-03-31/functions/"+l.name+"/invocations", `{}`),
			asks: let("lambda:InvokeFunction", l.arn, letting(l.arn, me))},
		{name: "write to a queue that lets it in", call: target("sqs", "AmazonSQS.SendMessage",
			`{"QueueUrl":"`+root.Endpoint+`/`+account+`/`+queueName+`","MessageBody":"x"}`), asks: let("sqs:SendMessage", queue, letting(queue, me))},
		{name: "list another account's bucket that lets it in", call: rest("s3", "GET", "/"+theirs, ""), asks: their("s3:ListBucket", "arn:aws:s3:::"+theirs)},
		{name: "write to another account's bucket that lets it in", call: rest("s3", "PUT", "/"+theirs+"/x", "x"), asks: their("s3:PutObject", "arn:aws:s3:::"+theirs+"/x")},
		{name: "read another account's bucket that lets it in", call: rest("s3", "GET", "/"+theirs+"/x", ""), asks: their("s3:GetObject", "arn:aws:s3:::"+theirs+"/x")},
		{name: "look at itself", call: query("iam", "GetUser", "UserName="+user), asks: on("iam:GetUser", me)},
		{name: "a key for itself", call: query("iam", "CreateAccessKey", "UserName="+user), asks: on("iam:CreateAccessKey", me)},
		{name: "a policy for itself", call: query("iam", "PutUserPolicy", "UserName="+user, "PolicyName=more", "PolicyDocument="+anyPolicy), asks: on("iam:PutUserPolicy", me)},
		{name: "another user", call: query("iam", "CreateUser", "UserName=accomplice"), asks: on("iam:CreateUser", userARN("accomplice"))},
		{name: "another version of its boundary", call: query("iam", "CreatePolicyVersion", "PolicyArn="+s.boundaryARN, "PolicyDocument="+s.boundary.json()),
			asks: on("iam:CreatePolicyVersion", s.boundaryARN)},
		{name: "list the functions", call: rest("lambda", "GET", "/2015-03-31/functions", ""), asks: on("lambda:ListFunctions", "*")},
		{name: "list the stacks", call: query("cloudformation", "ListStacks"), asks: on("cloudformation:ListStacks", "*")},
		{name: "read a parameter", call: target("ssm", "AmazonSSM.GetParameter", `{"Name":"company"}`), asks: on("ssm:GetParameter", arn("ssm", "parameter/company"))},
	}
	inS3 := []cell{
		{name: "read its bucket", call: rest("s3", "GET", "/"+bucket+"/data/table", ""), asks: let("s3:GetObject", n.spec.BucketARN()+"/data/table", n.policy), allowed: true},
		{name: "list its bucket", call: rest("s3", "GET", "/"+bucket, ""), asks: let("s3:ListBucket", n.spec.BucketARN(), n.policy), allowed: true},
	}
	// The provider stack's boundary ends at its pattern too.
	const outside = "company-outside"
	outsidePolicy := letting("arn:aws:s3:::"+outside, me)
	if err := root.CreateBucket(ctx, outside); err != nil && cloudtest.Code(err) != "BucketAlreadyOwnedByYou" {
		t.Fatal(err)
	}
	cloudtest.Must(root.S3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String(outside), Policy: &outsidePolicy}))(t)
	inS3 = append(inS3, cell{name: "list a bucket outside of the product that lets it in", call: rest("s3", "GET", "/"+outside, ""),
		asks: let("s3:ListBucket", "arn:aws:s3:::"+outside, outsidePolicy), allowed: s == construct})

	beyond := cell{name: "tag its bucket", call: rest("s3", "GET", "/"+bucket+"?tagging", ""), asks: let("s3:GetBucketTagging", n.spec.BucketARN(), n.policy)}

	who := cloudtest.Must(root.As(n.key, nil))(t)
	all := []document{documentOf("Admin", anyPolicy)}
	count, found := 0, report{}
	phase := func(policies []document, boundary document, cells ...cell) {
		r := judge(t, who, me, policies, boundary, cells)
		r.fail(t)
		count += len(cells)
		found.disagreements, found.wrong = append(found.disagreements, r.disagreements...), append(found.wrong, r.wrong...)
	}
	phase(nil, s.boundary, append(append(refused, inS3...), beyond)...)

	cloudtest.Must(root.IAM.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &user, PolicyName: aws.String("Admin"), PolicyDocument: aws.String(anyPolicy)}))(t)
	beyond.allowed = true // a policy of its own adds S3, at most
	phase(all, s.boundary, append(append(refused, inS3...), beyond)...)
	summary.set("boundary, "+s.name, "%d cells (resources that name the user, and a policy that allows all): %s; %s",
		count, found, since(start))

	cloudtest.Must(root.IAM.DeleteUserPermissionsBoundary(ctx, &iam.DeleteUserPermissionsBoundaryInput{UserName: &user}))(t)
	for i := range refused {
		refused[i].allowed = true
	}
	phase(all, document{}, refused...)
}
