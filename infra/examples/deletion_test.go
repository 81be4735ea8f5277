//go:build e2e

package examples

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/infra/internal/cloudtest"
)

// reasonCommands are the two commands of a reason: the one that empties the bucket, and the one that deletes the stack again.
var reasonCommands = regexp.MustCompile(`empty the bucket: (aws .*?)(?:, once for each 1000 entries)?; then delete the stack again: (aws .*?)\. Or, `)

// TestRow39DeletionThatFailsSaysWhatToRun reads the reason of a stack in DELETE_FAILED as infra/README.md says, and runs what it
// says, for a bucket with versions and for one without.
func TestRow39DeletionThatFailsSaysWhatToRun(t *testing.T) {
	for name, property := range map[string]string{"StorageFilled": "FolderMarker: true", "StorageVersionsFilled": "Versioning: true"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPublic(t)
			template := edit(t, edit(t, retainedStack, "OnDelete: Retain", "OnDelete: DeleteIfEmpty"), "Versioning: true", property)
			fill(t, user(t, deploy(t, name, template)["Secret"]))
			if err := cloud.DeleteStack(t.Context(), name); err == nil {
				t.Fatal("a bucket with data was deleted")
			}
			reason := p.shell(t, ".", printed(t, inFull, "aws cloudformation describe-stack-events --stack-name <stack>", "<stack>", name))
			commands := reasonCommands.FindStringSubmatch(reason)
			if commands == nil || !strings.Contains(reason, "--retain-resources Data") {
				t.Fatalf("the reason says no commands: %s", reason)
			}
			for _, command := range commands[1:] {
				p.shell(t, ".", command)
			}
			waitUntilDeleted(t, name)
			cloud.WantNothing(t, name)
		})
	}
}

// TestRow39FailedCreationIsDeletedFirst deploys again after a creation that failed, as the table of errors says: a change set
// for the stack that is left is refused.
func TestRow39FailedCreationIsDeletedFirst(t *testing.T) {
	t.Parallel()
	const name = "StorageFailed"
	p := newPublic(t)
	template := filepath.Join(t.TempDir(), "template.yaml")
	deploys := func(bucket string) string {
		text := edit(t, retainedStack, "Versioning: true", "BucketName: "+bucket)
		if err := os.WriteFile(template, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p.shell(t, ".", "aws cloudformation deploy --stack-name "+name+" --template-file "+template+" 2>&1 || true")
	}
	wantSaid(t, "a name that the provider does not serve", deploys("elsewhere"), "Failed to create/update the stack")
	wantSaid(t, "the next deployment", deploys("bucketuser-failed"), "is in ROLLBACK_COMPLETE state and can not be updated")
	p.shell(t, ".", printed(t, inFull, "aws cloudformation delete-stack --stack-name <stack>", "<stack>", name))
	waitUntilDeleted(t, name)
	wantSaid(t, "the one after its deletion", deploys("bucketuser-failed"), "Successfully created/updated stack")
	destroy(t, name)
}

// fill writes an object, of which a bucket with versions has a delete marker, too.
func fill(t *testing.T, u *cloudtest.User) {
	t.Helper()
	bucket, key := u.Bucket(), "data/table"
	deleted := func(_ *s3.DeleteObjectOutput, err error) error { return err }
	for _, err := range []error{u.Put(t.Context(), bucket, key), deleted(u.S3.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})), u.Put(t.Context(), bucket, key)} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// waitUntilDeleted waits until a stack that is being deleted is gone.
func waitUntilDeleted(t *testing.T, name string) {
	t.Helper()
	gone := cloudformation.NewStackDeleteCompleteWaiter(cloud.Stacks, func(o *cloudformation.StackDeleteCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = 200*time.Millisecond, time.Second
	})
	if err := gone.Wait(t.Context(), &cloudformation.DescribeStacksInput{StackName: &name}, 2*time.Minute); err != nil {
		t.Fatal(err)
	}
}
