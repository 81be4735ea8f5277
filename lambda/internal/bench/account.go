package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/spec"
)

// What is deleted: a set of which the bucket and an old secret are left.
const (
	region     = "eu-west-1"
	account12  = "123456789012"
	bucketName = "my-data"
	secretName = "bench/s3"
	logicalID  = "Data"
	stackID    = "arn:aws:cloudformation:" + region + ":" + account12 + ":stack/bench/5f0c2b10-0000-11ee-be56-0242ac120002"
	function   = "arn:aws:lambda:" + region + ":" + account12 + ":function:bench"
)

// policy is what such a bucket has at least. The CDK handler adds a statement to a policy that is there, and to no other.
const policy = `{"Version": "2012-10-17", "Statement": [{"Sid": "BucketUsersTLS", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
"Resource": ["arn:aws:s3:::` + bucketName + `", "arn:aws:s3:::` + bucketName + `/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}`

// properties are those of the resource.
func properties() map[string]any {
	return map[string]any{"BucketName": bucketName, "UserName": "bench", "SecretName": secretName, "OnDelete": spec.Purge}
}

// resource is the spec of it, made long ago.
func resource() spec.Spec {
	s, _ := spec.Parse(properties(), stackID, logicalID, spec.Provider{Partition: "aws", Region: region, Account: account12, IAMPath: spec.DefaultIAMPath})
	s.Sent = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	return s
}

func secretTags() map[string]string { return claim.MadeSecret(resource(), spec.OriginMade).Tags() }

// bucketTags are those of the resource, and the one that the CDK handler asks for.
func bucketTags() map[string]string {
	tags := claim.Made(resource()).Tags()
	tags["aws-cdk:auto-delete-objects"] = "true"
	return tags
}

// account is the rest of AWS, as far as a Delete asks it: a secret without a user, and a resource that is being deleted.
type account struct {
	secret string
	tags   map[string]string

	mu     sync.Mutex
	isGone bool // the secret
}

// ServeHTTP answers Secrets Manager in JSON, and IAM and CloudFormation in XML.
func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a broken call has no action
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		a.serveSecret(w, target[strings.LastIndex(target, ".")+1:])
		return
	}
	form, _ := url.ParseQuery(string(body))
	switch action := form.Get("Action"); action {
	case "DescribeStackResource":
		fmt.Fprintf(w, "<DescribeStackResourceResponse><DescribeStackResourceResult><StackResourceDetail><StackId>%s</StackId><LogicalResourceId>%s</LogicalResourceId>"+
			"<PhysicalResourceId>%s</PhysicalResourceId><ResourceType>%s</ResourceType><ResourceStatus>DELETE_IN_PROGRESS</ResourceStatus><LastUpdatedTimestamp>%s</LastUpdatedTimestamp>"+
			"</StackResourceDetail></DescribeStackResourceResult></DescribeStackResourceResponse>",
			stackID, logicalID, resource().PhysicalID, spec.ResourceType, time.Now().UTC().Format(time.RFC3339))
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>NoSuchEntity</Code><Message>%s: the user cannot be found.</Message></Error></ErrorResponse>", action)
	}
}

func (a *account) serveSecret(w http.ResponseWriter, action string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	answer := map[string]any{"ARN": "arn:aws:secretsmanager:" + region + ":" + account12 + ":secret:" + a.secret + "-AbCdEf", "Name": a.secret}
	switch {
	case a.isGone || action != "DescribeSecret" && action != "DeleteSecret":
		w.WriteHeader(http.StatusBadRequest)
		answer = map[string]any{"__type": "ResourceNotFoundException", "Message": "Secrets Manager can't find the specified secret."}
	case action == "DescribeSecret":
		answer["Tags"] = tagList(a.tags)
		answer["VersionIdsToStages"] = map[string][]string{"5f0c2b10-0000-4000-8000-000000000001": {"AWSCURRENT"}}
	default:
		a.isGone = true
	}
	_ = json.NewEncoder(w).Encode(answer) // the caller may be gone
}

func tagList(tags map[string]string) []map[string]string {
	var list []map[string]string
	for key, value := range tags {
		list = append(list, map[string]string{"Key": key, "Value": value})
	}
	return list
}
