//go:build e2e

package e2e

import (
	"bytes"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"bucketuser/infra/bucketuser"
	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/compile"
	"bucketuser/infra/internal/release"
	"bucketuser/infra/local"
	"bucketuser/lambda/history"
	"bucketuser/lambda/spec"
)

// A stack that an earlier version has deployed is updated to this one, rolled back to that
// one, updated again and destroyed. Its key, its secret and its data are the same throughout.
func TestStacksOfEarlierVersionsAreServed(t *testing.T) {
	t.Parallel()
	for _, v := range cloudtest.Must(history.Versions(root))(t) {
		t.Run(v.Name, func(t *testing.T) { upgrade(t, v) })
	}
}

func upgrade(t *testing.T, v history.Version) {
	now := newSerialDeployment(t, "Upgrade"+strings.ReplaceAll(v.Name, ".", ""))
	then := *now
	then.code, then.app = buildEarlier(t, v)

	first := now.named("")
	first.OnDelete = bucketuser.OnDeletePurge
	created := cloudtest.Must(then.deploy(first))(t)
	user := now.as(created)
	session := cloudtest.Must(cloud.SessionOf(t.Context(), user.Clients))(t)
	write := func(key string) {
		t.Helper()
		if err := user.Put(t.Context(), created["BucketName"], key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	write("data/made-before")

	second := first
	second.Access = bucketuser.AccessFull
	second.Tags = map[string]string{"team": "data"}
	now.wantTakenBack(user, second)
	if err := user.Put(t.Context(), created["BucketName"], "elsewhere"); err == nil {
		t.Error("Access is still Full")
	}

	now.wantScheduleLeft(created["SecretArn"], second)

	now.removeObject(created["BucketName"], "data/made-before") // only an empty bucket is replaced
	replacement := now.named("-2")
	replacement.OnDelete = first.OnDelete
	now.wantTakenBack(user, replacement)
	write("data/after-the-rollbacks")

	updated := cloudtest.Must(now.deploy(second))(t)
	if updated["AccessKeyId"] != created["AccessKeyId"] || updated["SecretArn"] != created["SecretArn"] {
		t.Errorf("before %v, after %v", created, updated)
	}
	write("elsewhere")
	wantDenied(t, session.Put(t.Context(), created["BucketName"], "data/session"))
	if _, err := session.STS.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err != nil {
		t.Errorf("the session is over in any case, which shows nothing: %v", err)
	}
	for _, line := range now.settings() {
		if isMark(line) {
			t.Errorf("the mark of a replacement that was taken back: %s", line)
		}
	}
	now.wantRotated(&then, user, second)
	now.wantNoLeak(updated)
	if err := now.destroy(); err != nil {
		t.Fatal(err)
	}
	now.wantNothing()
}

// wantRotated raises KeySerial, goes back to the earlier version, which leaves both keys as they are, and has Secrets
// Manager rotate.
func (d *deployment) wantRotated(then *deployment, first *cloudtest.User, p props) {
	d.t.Helper()
	rotated := p
	rotated.KeySerial = aws.Float64(1)
	outputs := cloudtest.Must(d.deploy(rotated))(d.t)
	second := d.as(outputs)
	p.Tags = map[string]string{"team": "earlier"}
	went := cloudtest.Must(then.deploy(p))(d.t)
	if keyID(second) == keyID(first) || keyID(d.as(went)) != keyID(second) || went["SecretVersionId"] != outputs["SecretVersionId"] {
		d.t.Errorf("key %s, then %s in version %s, then with the earlier version %s in version %s",
			keyID(first), keyID(second), outputs["SecretVersionId"], keyID(d.as(went)), went["SecretVersionId"])
	}
	for _, user := range []*cloudtest.User{first, second} {
		wantKeyWorks(d.t, "with the earlier version again", user)
	}

	rotated.RotateAfterDays = aws.Float64(never)
	cloudtest.Must(d.deploy(rotated))(d.t)
	cloudtest.Must(cloud.Secrets.RotateSecret(d.t.Context(), &secretsmanager.RotateSecretInput{SecretId: aws.String(outputs["SecretArn"])}))(d.t)
	wantKeyWorks(d.t, "after a rotation by Secrets Manager", awaitKey(d.t, outputs["SecretArn"], second))
	wantKeyWorks(d.t, "as the previous one", second)
	wantKeyGone(d.t, first)
}

// A provider stack of an earlier version is updated to this one with none of the newer parameters. Its function
// and role are the same, and the stack that it serves goes on.
func TestProviderStacksOfEarlierVersionsKeepTheirFunction(t *testing.T) {
	t.Parallel()
	for _, v := range cloudtest.Must(history.Versions(root))(t) {
		t.Run(v.Name, func(t *testing.T) { upgradeProviderStack(t, v) })
	}
}

func upgradeProviderStack(t *testing.T, v history.Version) {
	d := newSerialDeployment(t, "Earlier"+strings.ReplaceAll(v.Name, ".", ""))
	ctx, user, folder, now := t.Context(), d.name+"User", t.TempDir(), codeFor(t, d.name)
	if err := history.CheckOut(ctx, root, v, folder); err != nil {
		t.Fatal(err)
	}
	built := filepath.Join(folder, ".function")
	cloudtest.Must(local.BuildFunction(ctx, folder, built))(t)
	earlier := string(cloudtest.Must(os.ReadFile(filepath.Join(folder, "infra", "bucketuser", "testdata", "provider.json")))(t))
	packed := cloudtest.Must(release.Zip(cloudtest.Must(os.ReadFile(filepath.Join(built, "bootstrap")))(t)))(t)
	then := with(now, map[string]string{"CodeKey": compile.ZipFile(v.Name, "local")})
	cloudtest.Must(cloud.S3.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(then["CodeBucket"]), Key: aws.String(then["CodeKey"]), Body: bytes.NewReader(packed)}))(t)

	first := cloudtest.Must(cloud.Deploy(ctx, d.name, earlier, then))(t)
	made := d.makeStates(user)
	code := d.codeSums()
	wantSameOutputs(t, "the provider's", first, cloudtest.Must(cloud.Deploy(ctx, d.name, releasedTemplate(t), now))(t))
	if after := d.codeSums(); len(after) != 2 || slices.Contains(after, code[0]) {
		t.Errorf("code %v, and after the update %v", code, after)
	}
	d.serveStates(user, made)
	if err := cloud.DeleteStack(ctx, d.name); err != nil {
		t.Fatal(err)
	}
	d.wantOnlyCode()
}

// codeSums are those of the code of the provider's functions.
func (d *deployment) codeSums() (sums []string) {
	d.t.Helper()
	pages := lambda.NewListFunctionsPaginator(cloud.Lambda, &lambda.ListFunctionsInput{})
	for pages.HasMorePages() {
		for _, function := range cloudtest.Must(pages.NextPage(d.t.Context()))(d.t).Functions {
			if strings.HasPrefix(aws.ToString(function.FunctionName), d.name+"-") {
				sums = append(sums, aws.ToString(function.CodeSha256))
			}
		}
	}
	return sums
}

// wantSameOutputs wants every output to be as it was. A later version may have more.
func wantSameOutputs(t *testing.T, whose string, before, after map[string]string) {
	t.Helper()
	maps.DeleteFunc(after, func(name, _ string) bool { _, was := before[name]; return !was })
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("%s outputs after the update (-before +after):\n%s", whose, diff)
	}
}

// wantTakenBack updates provider and resource together, and has a sibling fail. The earlier
// function comes back before the resource does, and all is as before.
func (d *deployment) wantTakenBack(user *cloudtest.User, p props) {
	d.t.Helper()
	before := d.settings()
	_, err := d.deployBeside(p, true)
	refused(d.t, err, "Failing")
	wantStatus(d.t, d.name, types.StackStatusUpdateRollbackComplete)
	after := slices.DeleteFunc(d.settings(), func(line string) bool { return isMark(line) || isOrigin(line) })
	wantSame(d.t, "after the rollback", slices.DeleteFunc(before, isOrigin), after)
	wantKeyWorks(d.t, "after the rollback", user)
}

// An earlier version leaves tags alone that it does not know. So an old set bears the mark of its
// replacement until its next event, without effect, and its secret says where the bucket is from.
func isMark(line string) bool   { return strings.Contains(line, ": tag "+spec.TagSupersededBy+" = ") }
func isOrigin(line string) bool { return strings.Contains(line, ": tag "+spec.TagBucketOrigin+" = ") }

// wantScheduleLeft brings this version and a schedule in one update that fails. The earlier function, which is back before
// the resource is, knows of no schedule, so that stays, as infra/versions.md says, until somebody takes it off.
func (d *deployment) wantScheduleLeft(secret string, p props) {
	d.t.Helper()
	p.RotateAfterDays = aws.Float64(never)
	_, err := d.deployBeside(p, true)
	refused(d.t, err, "Failing")
	wantStatus(d.t, d.name, types.StackStatusUpdateRollbackComplete)
	if left := describe(d.t, cloud.Secrets, secret); !aws.ToBool(left.RotationEnabled) {
		d.t.Errorf("no schedule is left, and infra/versions.md says so: %v", left.RotationRules)
	}
	cloudtest.Must(cloud.Secrets.CancelRotateSecret(d.t.Context(), &secretsmanager.CancelRotateSecretInput{SecretId: &secret}))(d.t)
	if left := describe(d.t, cloud.Secrets, secret); aws.ToBool(left.RotationEnabled) {
		d.t.Errorf("the schedule is still there: %v", left.RotationRules)
	}
}

// settings are those of all things whose names start with the deployment's.
func (d *deployment) settings() []string {
	d.t.Helper()
	things := slices.DeleteFunc(cloudtest.Must(cloud.Things(d.t.Context()))(d.t), func(thing local.Thing) bool {
		return !strings.HasPrefix(strings.ToLower(thing.Name), strings.ToLower(d.name))
	})
	return lastingSettings(d.t, things)
}

// buildEarlier returns the folder of a version's function and its app.
func buildEarlier(t *testing.T, v history.Version) (code, app string) {
	t.Helper()
	folder := t.TempDir()
	if err := history.CheckOut(t.Context(), root, v, folder); err != nil {
		t.Fatal(err)
	}
	code, app = filepath.Join(folder, ".function"), filepath.Join(folder, ".app")
	cloudtest.Must(local.BuildFunction(t.Context(), folder, code))(t)
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", app, "./infra/e2e/app")
	cmd.Dir = folder
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("app of version %s: %v\n%s", v.Name, err, output)
	}
	return code, app
}
