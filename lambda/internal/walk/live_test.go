package walk_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// checkLive is what a resource promises while it is there.
func (m *model) checkLive(now awsfake.Snapshot, stack *cfnfake.Stack, s spec.Spec) error {
	if stack.PhysicalID != s.PhysicalID {
		return fmt.Errorf("CloudFormation has another id than that of the properties, %s", s.PhysicalID)
	}
	user, secret, bucket := now.Users[s.UserName], now.Secrets[s.SecretName], now.Buckets[s.BucketName]
	if len(user.Keys) != 1 {
		return fmt.Errorf("the user has %d keys", len(user.Keys))
	}
	key := user.Keys[0]
	current := func(v awsfake.SecretVersion) bool { return slices.Contains(v.Stages, "AWSCURRENT") }
	i := slices.IndexFunc(secret.Versions, current)
	if i < 0 {
		return fmt.Errorf("the secret has no value")
	}
	var fields map[string]string
	if err := json.Unmarshal([]byte(secret.Versions[i].Value), &fields); err != nil {
		return fmt.Errorf("the secret holds no JSON object")
	}
	switch {
	case !key.Active || fields[spec.FieldAccessKeyID] != key.ID || fields[spec.FieldSecretAccessKey] != key.Secret:
		return fmt.Errorf("the secret is not that of the live key")
	case !isSubset(claim.OwnerTags(s), bucket.Tags) || !strings.Contains(bucket.Policy, `"`+s.UserARN()+`"`):
		return fmt.Errorf("the bucket does not let the user in")
	case m.drifted[stack]: // the settings are those of either
		return nil
	case !reflect.DeepEqual(fields, s.SecretValue(key.ID, key.Secret)):
		return fmt.Errorf("the secret is not that of the properties")
	case secret.DeletedDays > 0:
		return fmt.Errorf("the secret is being deleted")
	case !isSubset(claim.OwnerTags(s), user.Tags) || !isSubset(claim.MadeSecret(s).Tags(), secret.Tags) || !isSubset(claim.Made(s).Tags(), bucket.Tags):
		return fmt.Errorf("tags: %v, %v, %v", user.Tags, secret.Tags, bucket.Tags)
	case user.Path != spec.DefaultIAMPath || user.Boundary != sim.Boundary || len(user.Attached) > 0:
		return fmt.Errorf("user: %+v", user)
	case bucket.PublicAccessBlock != [4]bool{true, true, true, true}:
		return fmt.Errorf("the public access block is %v", bucket.PublicAccessBlock)
	case s.Versioning != (bucket.Versioning == "Enabled"):
		return fmt.Errorf("versioning is %q", bucket.Versioning)
	case daysOf(bucket) != s.AbortIncompleteUploadsAfterDays:
		return fmt.Errorf("the lifecycle is %v", bucket.Lifecycle)
	case stack.Data["AccessKeyId"] != key.ID || stack.Data["SecretArn"] != secret.ARN || stack.Data["BucketName"] != s.BucketName:
		return fmt.Errorf("the outputs are %v, the key is %s", stack.Data, key.ID)
	}
	if err := checkPolicy(bucket.Policy, s); err != nil {
		return err
	}
	return m.checkOwnObjects(bucket, s)
}

// checkPolicy wants our statements in a policy, and no other that looks like ours.
func checkPolicy(document string, s spec.Spec) error {
	got, _ := statementsOf(document)
	want, _ := statementsOf(string(s.PolicyJSON()))
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("the policy (-want +got)\n%s", diff)
	}
	return nil
}

// checkOwnObjects wants the folder marker and nothing else of ours.
func (m *model) checkOwnObjects(b awsfake.Bucket, s spec.Spec) error {
	if marked := len(b.Objects[s.MarkerKey()]) > 0; s.FolderMarker != marked && !(marked && m.mayHoldMarkers(s)) {
		return fmt.Errorf("the folder marker: %v", b.Objects[s.MarkerKey()])
	}
	for key, versions := range b.Objects {
		if key == s.ProbeKey() && m.cutOff[s.BucketName] {
			continue
		}
		if key != s.MarkerKey() && m.objects[s.BucketName][key] == "" && !m.mayHoldMarkers(s) {
			return fmt.Errorf("object %s, %v, is nobody's", key, versions)
		}
	}
	return nil
}

func isSubset(want, got map[string]string) bool {
	for key, value := range want {
		if got[key] != value {
			return false
		}
	}
	return true
}

func daysOf(b awsfake.Bucket) int {
	for _, rule := range b.Lifecycle {
		if rule.Enabled && strings.HasPrefix(rule.ID, "bucketuser") {
			return int(rule.AbortIncompleteUploadsAfterDays)
		}
	}
	return 0
}
