package status

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/target"
	"bucketuser/lambda/spec"
)

// A snapshot is what an earlier version has left of a set, as the tests of the function keep it.
type snapshot struct {
	Live    map[string]any // properties of the set that is in use
	Account struct {
		Users map[string]struct {
			Path, Boundary string
			Tags           map[string]string
			Keys           []struct {
				ID     string
				Active bool
			}
		}
		Buckets map[string]struct {
			Tags   map[string]string
			Policy string
		}
		Secrets map[string]struct {
			ARN      string
			Tags     map[string]string
			Versions []struct {
				ID, Value string
				Stages    []string
			}
		}
	}
}

// whole are states in which a set of an earlier version is in use.
var whole = []string{"adopted", "created", "in-us-east-1", "renamed", "restored"}

// Whatever an earlier version has left in use is healthy, whether CloudFormation tells the properties or not.
func TestLeftByEarlierVersions(t *testing.T) {
	files, err := filepath.Glob("../../../lambda/internal/provision/testdata/left/*/*.json")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if !slices.ContainsFunc(whole, func(state string) bool { return strings.HasPrefix(name, state) }) {
			continue
		}
		for _, isSaid := range []bool{true, false} {
			r := judge(left(t, file, isSaid))
			if seen++; r.ExitCode != 0 || said(r, Warning) != "" {
				t.Errorf("%s, properties known: %t: exit %d: %s", name, isSaid, r.ExitCode, said(r, Fault, Unknown, Warning))
			}
		}
	}
	if seen < 30 {
		t.Errorf("%d reports on what earlier versions have left", seen)
	}
}

// left are the facts of a snapshot, in which S3 lets the key in.
func left(t *testing.T, file string, isSaid bool) facts {
	t.Helper()
	var s snapshot
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		t.Fatal(err)
	}
	name, _ := s.Live["SecretName"].(string)
	for only := range s.Account.Secrets {
		if name == "" {
			name = only
		}
	}
	secret := s.Account.Secrets[name]
	f := facts{now: now, target: target.Target{StackID: secret.Tags[spec.TagStackID], LogicalID: secret.Tags[spec.TagLogicalID],
		PhysicalID: secret.Tags[spec.TagOwner], SecretARN: secret.ARN, SecretName: name}}
	f.stack.value = stackState{"UPDATE_COMPLETE", "UPDATE_COMPLETE", "", f.target.PhysicalID}
	f.secret.value = &secretsmanager.DescribeSecretOutput{ARN: aws.String(secret.ARN), VersionIdsToStages: map[string][]string{}}
	for _, version := range secret.Versions {
		f.secret.value.VersionIdsToStages[version.ID] = version.Stages
		if slices.Contains(version.Stages, labelCurrent) {
			f.value.value = value{version.ID, *before(day), false, fieldsOf(version.Value)}
		}
	}
	f.tagSecretWith(secret.Tags)
	f.pending.isNone = true
	f.identify(answer[map[string]any]{value: s.Live, isNone: !isSaid})
	if !f.isNamed || f.isSaid != isSaid {
		t.Fatalf("%s: named %t, properties known %t", file, f.isNamed, f.isSaid)
	}
	s.addParts(&f)
	return f
}

// addParts adds user and bucket.
func (s snapshot) addParts(f *facts) {
	user, bucket := s.Account.Users[f.spec.UserName], s.Account.Buckets[f.spec.BucketName]
	id, _ := arn.Parse(f.target.StackID)
	f.user.value = &iamtypes.User{Arn: aws.String("arn:aws:iam::" + id.AccountID + ":user" + user.Path + f.spec.UserName), CreateDate: before(2 * day),
		PermissionsBoundary: &iamtypes.AttachedPermissionsBoundary{PermissionsBoundaryArn: &user.Boundary}}
	f.tagUserWith(user.Tags)
	f.lastUsed = map[string]answer[*iamtypes.AccessKeyLastUsed]{}
	for _, key := range user.Keys {
		f.addKey(key.ID, day, key.Active)
	}
	f.tags.value, f.policy.value = bucket.Tags, bucket.Policy
	f.block = answer[*s3types.PublicAccessBlockConfiguration]{value: blocked()}
}
