//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/status"
	"bucketuser/infra/internal/target"
	"bucketuser/lambda/spec"
)

// TestStatusOfTheAdopted: what is its owner's is no fault of a bucket that was taken over.
func TestStatusOfTheAdopted(t *testing.T) {
	r := newRow(t, "StatusAdopted")
	t.Parallel()
	bucket := newBucket(t, "bucketuser-statusadopted-b")
	putBucketTags(t, bucket, map[string]string{spec.TagOwner: spec.Released, "team": "theirs"})
	if err := cloud.Put(t.Context(), bucket, "theirs/1"); err != nil {
		t.Fatal(err)
	}
	block(t, bucket, true)
	w := watched{row: r, outputs: r.deploy("OnDelete: Retain", "Access: Full", "BucketName: "+bucket, "UserName: statusadopted-u", "SecretName: bucketuser/statusadopted")}
	if warnings := w.wantHealthy("an adoption"); warnings != "" {
		t.Errorf("an adopted bucket has warnings: %s", warnings)
	}

	if exit, out, notes := operate(t, "rotate", r.name); exit != 2 || out != "" || !strings.Contains(notes, "set KeySerial of resource R to 1") {
		t.Errorf("without a schedule: exit status %d: %s%s", exit, out, notes)
	}

	// Whoever fetches credentials needs no more than its policy.
	fetcher := watcher(t, "StatusFetcher", readPolicy(t, "credentials.json", "<stack>", r.name, "<secret>", w.outputs["SecretName"]))
	if exit, out, notes := operateAs(t, fetcher, "credentials", r.name, "--format", "json"); exit != 0 || !strings.Contains(out, w.outputs["AccessKeyId"]) {
		t.Errorf("credentials: exit status %d: %s", exit, notes)
	}

	// Whoever watches needs each right of the policy, and no other.
	read := func(string) policy {
		return readPolicy(t, "status.json", "BucketUserProvider", rowsProvider, "<stack>", r.name, "<user>", w.outputs["UserName"], "<bucket>", bucket, "<secret>", w.outputs["SecretName"])
	}
	t.Run("rights", func(t *testing.T) { wantWatching(t, r.name, w.outputs["SecretArn"], read("")) })
	r.want(r.remove(), "DELETE_COMPLETE")
}

// wantWatching reports with the whole policy, and without each of its actions, which must be named.
func wantWatching(t *testing.T, stack, secret string, whole policy) {
	watch := func(t *testing.T, who aws.Config, q target.Query) (status.Report, error) {
		found, err := q.Find(t.Context(), who)
		if err != nil {
			return status.Report{}, err
		}
		return status.Check(t.Context(), who, found, time.Now())
	}
	pend(t, secret)
	for i, action := range append(whole.actions(), "") {
		t.Run("without "+strings.ReplaceAll(action, ":", " "), func(t *testing.T) {
			t.Parallel()
			who := cloudtest.Must(cloud.ConfigAs(watcher(t, fmt.Sprintf("StatusWatcher%d", i), whole.without(action)), nil))(t)
			byStack, err := watch(t, who, target.Query{Stack: stack})
			if err == nil && action != "cloudformation:DescribeStackResource" {
				wantUnknown(t, byStack, action)
			} else if action != "cloudformation:DescribeStackResource" {
				refused(t, err, action)
			}
			bySecret, err := watch(t, who, target.Query{Secret: secret})
			switch {
			case action == "cloudformation:DescribeStackResource":
				wantUnknown(t, bySecret, action)
			case action == "" && (err != nil || bySecret.ExitCode != 0):
				t.Errorf("by the secret: %v: %s", err, findings(bySecret, status.Fault, status.Unknown))
			}
		})
	}
}

// wantUnknown wants a report to name the right that is missing, or to be healthy where none is.
func wantUnknown(t *testing.T, r status.Report, action string) {
	t.Helper()
	unknown := findings(r, status.Unknown)
	switch {
	case action == "lambda:GetFunctionConfiguration": // the function may be another team's
		if warned := findings(r, status.Warning); r.ExitCode != 0 || !strings.Contains(warned, "needs "+action+":") {
			t.Errorf("exit status %d: %s\n%s", r.ExitCode, unknown, warned)
		}
	case action == "" && r.ExitCode == 0 && !strings.Contains(findings(r, status.Warning), "needs "):
	case action == "" || r.ExitCode != 2 || !strings.Contains(unknown, "needs "+action+":"):
		t.Errorf("exit status %d: %s\n%s", r.ExitCode, unknown, findings(r, status.Fault))
	}
}

// pend leaves a secret as a rotation does that is under way.
func pend(t *testing.T, secret string) {
	t.Helper()
	cloudtest.Must(cloud.Secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: &secret,
		ClientRequestToken: aws.String("pending-0123456789abcdef01234567"), SecretString: aws.String("{}"), VersionStages: []string{"AWSPENDING"}}))(t)
}

// watcher is a new IAM user who has a policy and no other.
func watcher(t *testing.T, name string, p policy) aws.Credentials {
	t.Helper()
	document := string(cloudtest.Must(json.Marshal(p))(t))
	key := cloudtest.Must(cloud.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}))(t)
	cloudtest.Must(cloud.IAM.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: &name, PolicyDocument: &document}))(t)
	return key
}
