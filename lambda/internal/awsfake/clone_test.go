package awsfake

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

// full is an account in which every field holds something.
func full(t *testing.T) *AWS {
	a := New("111122223333", "eu-west-1")
	a.UserPropagation, a.KeyPropagation, a.RolePropagation, a.SecretDeletion = 1, 2, 3, time.Hour
	a.LenientCreateBucket, a.StalePrincipals = true, true
	laws := reflect.ValueOf(&a.Laws).Elem()
	for i := range laws.NumField() {
		switch field := laws.Field(i); field.Kind() {
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Int64:
			field.SetInt(int64(time.Minute))
		default: // below
		}
	}
	a.SourceIP, a.SourceVpce = "10.0.0.8", "vpce-1"
	a.Forbidden = []string{"s3:PutPublicAccessBlock"}
	a.NewBuckets, a.UserPath = TagsUnknown, "/"
	a.Abandonment, a.LateFunction = AbandonedByAny, time.Now()
	a.DelayRights("role", time.Minute, "s3:*")
	if err := a.AddManagedPolicy("arn:aws:iam::111122223333:policy/b", `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`); err != nil {
		t.Fatal(err)
	}
	a.AddUser("bob", "/", nil)
	a.DeleteUser("bob")
	a.AddUser("alice", "/", map[string]string{"k": "v"})
	id, _ := a.AddKey("alice")
	a.SetKeyUsed(id, time.Now())
	a.Attach("alice", LoginProfile)
	a.AddBucket("data", map[string]string{"k": "v"})
	a.SetEncryption("data", "aws:kms")
	a.SetAbac("data", true)
	a.buckets["data"].ownership = types.ObjectOwnershipObjectWriter
	a.SetDefaultRetention("data", 7)
	aborts := types.LifecycleRule{Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{},
		AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)}}
	if err := a.SetLifecycle("data", []types.LifecycleRule{aborts}); err != nil {
		t.Fatal(err)
	}
	a.buckets["data"].mfaDelete = types.MFADeleteStatusEnabled // which excludes a lifecycle
	if err := a.SetBucketPolicy("data", `{"Statement":{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}`); err != nil {
		t.Fatal(err)
	}
	a.PutObject("data", "x", "1")
	a.SetLegalHold("data", "x", "", true)
	a.LockObject("data", "x", "", true)
	a.AddUpload("data", "y")
	a.AddSecret("keys", "1", map[string]string{"k": "v"})
	a.PutSecretValue("keys", "2")
	a.SetRotation("keys", a.FunctionARN("rotation"), 30)
	a.EndRotation(a.BeginRotation("keys", false), false)
	a.secrets["keys"].rotation.token = "token"
	a.SetKmsKeyUsable("alias/dead", false)
	a.SetResourceStatus("stack", "Disk", "CREATE_IN_PROGRESS")
	a.SetPhysicalResourceID("stack", "Disk", "id")
	a.SetStackStatus("stack", "CREATE_IN_PROGRESS")
	a.begin(Call{Session: a.Session("role").Name()})
	a.Snapshot() // which keeps texts
	return a
}

func TestCloneIsTheSame(t *testing.T) {
	a := full(t)
	fields := reflect.ValueOf(a).Elem()
	for i := range fields.NumField() {
		switch name := fields.Type().Field(i).Name; name {
		case "mu", "Before": // not state
		default:
			if fields.Field(i).IsZero() {
				t.Errorf("%s is zero here, so its copy is not tested", name)
			}
		}
	}
	for i := range fields.FieldByName("Laws").NumField() {
		if law := fields.FieldByName("Laws").Type().Field(i); fields.FieldByName("Laws").Field(i).IsZero() {
			t.Errorf("%s is zero here, so its copy is not tested", law.Name)
		}
	}
	data := a.buckets["data"]
	whole(t, "bucket", *data, "elsewhere")
	whole(t, "secret", *a.secrets["keys"], "description", "kmsKey", "deleted", "gone", "forced")
	whole(t, "rotation", a.secrets["keys"].rotation)
	whole(t, "key", *a.users["alice"].keys[0])
	whole(t, "object", *data.objects["x"][0], "marker", "contentType")
	everything := cmp.Options{
		cmp.Exporter(func(reflect.Type) bool { return true }),
		cmp.FilterPath(func(p cmp.Path) bool { return p.String() == "mu" }, cmp.Ignore()),
		cmp.Comparer(func(x, y *Session) bool { return x == y }),
	}
	if diff := cmp.Diff(a, a.Clone(), everything); diff != "" {
		t.Error(diff)
	}
}

// whole asks that every field of a thing holds something, but for some.
func whole(t *testing.T, what string, thing any, but ...string) {
	t.Helper()
	v := reflect.ValueOf(thing)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() && !slices.Contains(but, name) {
			t.Errorf("%s of the %s is zero here, so its copy is not tested", name, what)
		}
	}
}

func TestCloneIsOnItsOwn(t *testing.T) {
	a := full(t)
	was := a.Snapshot()
	change := func(b *AWS) {
		b.TagUser("alice", map[string]string{"k": "w"})
		b.AddKey("alice")
		b.SetKeyActive(was.Users["alice"].Keys[0].ID, false)
		b.Attach("alice", MFADevice)
		b.AddUser("bob", "/", nil)
		b.TagBucket("data", map[string]string{"k": "w"})
		b.SetVersioning("data", "Enabled")
		b.SetEncryption("data", "")
		b.SetAbac("data", false)
		b.RemovePublicAccessBlock("data")
		b.PutObject("data", "x", "2")
		b.LockObject("data", "x", was.Buckets["data"].Objects["x"][0].Version, false)
		b.SetLegalHold("data", "x", was.Buckets["data"].Objects["x"][0].Version, false)
		b.SetDefaultRetention("data", 0)
		if err := b.SetMFADelete("data", false); err != nil {
			t.Error(err)
		}
		b.AddUpload("data", "z")
		b.TagSecret("keys", map[string]string{"k": "w"})
		b.PutSecretValue("keys", "3")
		b.MoveStage("keys", "AWSPENDING", was.Secrets["keys"].Versions[0].ID)
		b.SetRotation("keys", "", 0)
		b.SetKmsKeyUsable("", false)
		b.SetResourceStatus("stack", "Disk", "CREATE_COMPLETE")
		b.SetPhysicalResourceID("stack", "Disk", "other")
		b.SetStackStatus("stack", "ROLLBACK_IN_PROGRESS")
	}
	clone := a.Clone()
	change(clone)
	if diff := cmp.Diff(was, a.Snapshot()); diff != "" {
		t.Errorf("changing the clone changes the original:\n%s", diff)
	}
	if r := a.stacks["stack"]["Disk"]; r.status != "CREATE_IN_PROGRESS" || r.physicalID != "id" || a.StackStatus("stack") != r.status {
		t.Error("changing the clone's stacks changes the original's")
	}
	changed := clone.Snapshot()
	change(a)
	if diff := cmp.Diff(changed, clone.Snapshot()); diff != "" {
		t.Errorf("changing the original changes the clone:\n%s", diff)
	}
}
