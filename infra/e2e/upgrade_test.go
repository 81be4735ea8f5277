//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"bucketuser/infra/bucketuser"
	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
	"bucketuser/lambda/history"
)

// A stack that an earlier version has deployed is updated to this one, rolled back to that
// one, updated again and destroyed. Its key, its secret and its data are the same throughout.
func TestStacksOfEarlierVersionsAreServed(t *testing.T) {
	for _, v := range cloudtest.Must(history.Versions(root))(t) {
		t.Run(v.Name, func(t *testing.T) { upgrade(t, v) })
	}
}

func upgrade(t *testing.T, v history.Version) {
	t.Helper()
	now := newDeployment(t, "Upgrade"+strings.ReplaceAll(v.Name, ".", ""))
	then := *now
	then.code, then.app = buildEarlier(t, v)

	first := now.named("")
	first.OnDelete = bucketuser.OnDeletePurge
	created := cloudtest.Must(then.deploy(first))(t)
	user := now.as(created)
	write := func(key string) {
		t.Helper()
		if err := user.Put(t.Context(), created["BucketName"], key); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	write("data/made-before")

	// Provider and resource change together, a sibling fails, and the earlier function comes
	// back before the resource does.
	second := first
	second.Access = bucketuser.AccessFull
	second.Tags = map[string]string{"team": "data"}
	if _, err := now.deployBeside(second, true); err == nil {
		t.Fatal("the failing sibling has not failed")
	}
	write("data/after-the-rollback")
	if err := user.Put(t.Context(), created["BucketName"], "elsewhere"); err == nil {
		t.Error("Access is still Full")
	}

	updated := cloudtest.Must(now.deploy(second))(t)
	if updated["AccessKeyId"] != created["AccessKeyId"] || updated["SecretArn"] != created["SecretArn"] {
		t.Errorf("before %v, after %v", created, updated)
	}
	write("elsewhere")
	now.wantNoLeak(updated)
	if err := now.destroy(); err != nil {
		t.Fatal(err)
	}
	now.wantNothing()
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
