//go:build e2e

package privilege

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bucketuser/infra/internal/cloudtest"
)

// What operators name in their policies.
const (
	watchedSecret   = "arn:aws:secretsmanager:" + region + ":" + account + ":secret:bucketuser/watched-AbCdEf"
	watchedBucket   = "arn:aws:s3:::bucketuser-watched"
	watchedStack    = "arn:aws:cloudformation:" + region + ":" + account + ":stack/Watched/5f0c2b10-0000-11ee-be56-0242ac120002"
	watchedFunction = "arn:aws:lambda:" + region + ":" + account + ":function:BucketUserProvider-ProviderRotation0F1E2D3C-AbCdEf"
	watchedLog      = "arn:aws:logs:" + region + ":" + account + ":log-group:BucketUserProvider-ProviderLog0F1E2D3C-AbCdEf"
)

// operatorsPolicy is a file of infra/policies with names in the place of its own.
func operatorsPolicy(t *testing.T, file string) document {
	t.Helper()
	text := string(cloudtest.Must(os.ReadFile(filepath.Join(root.Root, "infra", "policies", file)))(t))
	text = strings.NewReplacer("<region>", region, "<account>", account, "<stack>", "Watched", "<secret>", "bucketuser/watched",
		"<user>", "watched", "<bucket>", "bucketuser-watched").Replace(text)
	if !json.Valid([]byte(text)) || strings.Contains(text, "<") {
		t.Fatal(text)
	}
	return documentOf(file, text)
}

// asks are requests for actions on one resource.
func asks(resource string, actions ...string) (all []request) {
	for _, action := range actions {
		all = append(all, on(action, resource)...)
	}
	return all
}

func joined(lists ...[]request) (all []request) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// TestOperatorsPolicies: each command of the program bucketuser has a policy, every right of which it needs. None of them
// lets anybody change anything but by a rotation, nor read another secret.
func TestOperatorsPolicies(t *testing.T) {
	start := time.Now()
	stack := asks(watchedStack, "cloudformation:DescribeStacks", "cloudformation:ListStackResources")
	never := joined(
		asks(watchedStack, "cloudformation:UpdateStack", "cloudformation:DeleteStack", "cloudformation:GetTemplate"),
		asks(watchedSecret, "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage", "secretsmanager:DeleteSecret", "secretsmanager:TagResource"),
		asks(strings.Replace(watchedSecret, "watched", "watched-too", 1), "secretsmanager:GetSecretValue", "secretsmanager:RotateSecret"),
		asks(userARN("bucketuser/watched"), "iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey", "iam:TagUser"),
		asks(userARN("bucketuser/others"), "iam:ListAccessKeys"), asks(userARN("watched"), "iam:GetUser"),
		asks(watchedBucket, "s3:ListBucket", "s3:PutBucketPolicy", "s3:PutBucketTagging", "s3:PutBucketPublicAccessBlock"),
		asks(watchedBucket+"/data/x", "s3:GetObject", "s3:PutObject"),
		asks(strings.Replace(watchedFunction, "Rotation", "Function", 1), "lambda:InvokeFunction"),
		asks(watchedFunction, "lambda:UpdateFunctionConfiguration"), asks(strings.Replace(watchedFunction, "Rotation", "Function", 1), "lambda:UpdateFunctionCode"),
	)
	handler := strings.Replace(watchedFunction, "Rotation", "Function", 1)
	rotates := asks(watchedSecret, "secretsmanager:RotateSecret")
	reads := asks(watchedSecret, "secretsmanager:GetSecretValue")
	seen, refused := 0, 0
	for file, test := range map[string]struct{ needs, never []request }{
		"credentials.json": {joined(stack, asks(watchedSecret, "secretsmanager:DescribeSecret"), reads), joined(never, rotates)},
		"status.json": {joined(stack, asks(watchedStack, "cloudformation:DescribeStackResource", "cloudformation:DescribeStackEvents"), reads,
			asks(watchedSecret, "secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds"), asks(handler, "lambda:GetFunctionConfiguration"),
			asks(userARN("bucketuser/watched"), "iam:GetUser", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed"),
			asks(watchedBucket, "s3:GetBucketTagging", "s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock")), joined(never, rotates)},
		"rotate.json": {joined(stack, asks(watchedSecret, "secretsmanager:DescribeSecret"), rotates,
			asks(watchedFunction, "lambda:InvokeFunction", "lambda:GetFunctionConfiguration"), asks(watchedLog, "logs:FilterLogEvents")), joined(never, reads)},
	} {
		policies := []document{operatorsPolicy(t, file)}
		seen += simulatedWants(t, dropsOf(policies), policies, func(drop) []request { return test.needs })
		for i, err := range simulate(t, roleARN, policies, document{}, joined(test.needs, test.never)) {
			isNeeded := i < len(test.needs)
			asked := joined(test.needs, test.never)[i]
			if (err == nil) != isNeeded {
				t.Errorf("%s: %s on %s: %v", file, asked.action, asked.resource, err)
			}
			if err != nil {
				refused++
			}
		}
	}
	summary.set("status.json, credentials.json, rotate.json", "%d rights, each of which is needed; %d requests refused; %s", seen, refused, since(start))
}
