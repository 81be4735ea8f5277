//go:build e2e

package examples

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bucketuser/infra/internal/cloudtest"
)

// updateProvider updates the provider stack from 1.2.3 to the next version with the lines of infra/versions.md. Without
// the zip file of that version this is refused, and changes nothing. Parameters that are not named keep their values.
func (r released) updateProvider(t *testing.T) {
	t.Helper()
	const versions, next = "../versions.md", "1.2.4"
	update := printed(t, versions, "aws cloudformation deploy")
	r.run(t, update+" --parameter-overrides LogRetentionInDays=7")
	_, _, code := r.provider(t)

	then := released{r.public, t.TempDir(), r.env}
	cloudtest.Run(t, cloud.Root, append(os.Environ(), "CDK_VALIDATION=false", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=18,20"),
		"go", "run", "./infra/release", "-version", next, "-template", filepath.Join(then.dir, "template.yaml"))
	then.run(t, "if "+update+"; then exit 1; fi")
	if status, retention, is := r.provider(t); status != "UPDATE_ROLLBACK_COMPLETE" || retention != "7" || is != code {
		t.Errorf("without the zip file: %s, logs for %s days, code %s; before %s", status, retention, is, code)
	}

	// The other architecture's file stands in for another version's code.
	then.run(t, "cp "+filepath.Join(r.dir, "bucketuser_1.2.3_linux_amd64.zip")+" bucketuser_"+next+"_linux_arm64.zip")
	then.run(t, printed(t, versions, "aws s3 cp", "1.2.3", next, "<code-bucket>", codeBucket))
	then.run(t, update)
	if status, retention, is := r.provider(t); status != "UPDATE_COMPLETE" || retention != "7" || is == code {
		t.Errorf("%s, logs for %s days, code %s; before %s", status, retention, is, code)
	}

	r.deployProvider(t, "") // and goes back
	if status, _, is := r.provider(t); status != "UPDATE_COMPLETE" || is != code {
		t.Errorf("back: %s, code %s; before %s", status, is, code)
	}
}

// provider is what an update of the provider stack leaves: its status, a parameter, and the code of its functions.
func (r released) provider(t *testing.T) (status, retention, code string) {
	t.Helper()
	lines := strings.Split(r.run(t, `aws cloudformation describe-stacks --stack-name BucketUserProvider --output text \
			--query "Stacks[0].[[StackStatus], [Parameters[?ParameterKey=='LogRetentionInDays'].ParameterValue | [0]]]"
		aws lambda list-functions --output text --query 'sort(Functions[].CodeSha256)'`), "\n")
	return lines[0], lines[1], lines[2]
}
