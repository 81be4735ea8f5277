package walk_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// checkLive is what a resource promises while it is there. Where the last Update has failed and
// was not rolled back, or a part has lost its tags, that is less.
func (m *model) checkLive(now awsfake.Snapshot, stack *cfnfake.Stack, s spec.Spec) error {
	if stack.PhysicalID != s.PhysicalID {
		return fmt.Errorf("CloudFormation has another id than that of the properties, %s", s.PhysicalID)
	}
	lost := m.lostOf(s)
	isBare := now.Users[s.UserName].Boundary == ""
	if err := m.checkKey(now, s); err != nil && !((lost.user || lost.secret || isBare) && m.excuses.Use(sim.LostTags)) {
		return err
	}
	if err := m.checkKeys(now, s); err != nil {
		return err
	}
	if stack.Tried != nil {
		return nil
	}
	bucket := now.Buckets[s.BucketName]
	isOpen := isSubset(claim.OwnerTags(s), bucket.Tags) && strings.Contains(bucket.Policy, `"`+s.UserARN()+`"`)
	if !isOpen && !(lost.any() && m.excuses.Use(sim.LostTags)) {
		return fmt.Errorf("the bucket does not let the user in")
	}
	err := m.checkSettings(now, stack, s)
	if err == nil || (lost.any() || isBare) && m.excuses.Use(sim.LostTags) || m.excuses.Use(m.excuses.Of(settingsOf(s.PhysicalID))) {
		return nil
	}
	return err
}

// checkKey wants the secret to be that of a key that works. The user may have one more, which an
// Update has put out of use since the value did not fit it.
func (m *model) checkKey(now awsfake.Snapshot, s spec.Spec) error {
	fields := valueOf(now.Secrets[s.SecretName])
	if fields == nil {
		return fmt.Errorf("the secret has no value")
	}
	keys := now.Users[s.UserName].Keys
	if len(keys) == 0 {
		return fmt.Errorf("the user has 0 keys")
	}
	var live, others int
	for _, key := range keys {
		switch {
		case key.Active && fields[spec.FieldAccessKeyID] == key.ID && fields[spec.FieldSecretAccessKey] == key.Secret:
			live++
		case !m.displaced[key.ID] && !m.isSpokenFor(now.Secrets[s.SecretName], s, key.ID):
			others++
		}
	}
	if live != 1 {
		return fmt.Errorf("the secret is not that of the live key")
	}
	if others > 0 && !m.excuses.Use(m.excuses.Of(keysOf(s.PhysicalID))) {
		return fmt.Errorf("the user has %d keys", len(keys))
	}
	return nil
}

// checkSettings wants everything to be as the properties say.
func (m *model) checkSettings(now awsfake.Snapshot, stack *cfnfake.Stack, s spec.Spec) error {
	user, secret, bucket := now.Users[s.UserName], now.Secrets[s.SecretName], now.Buckets[s.BucketName]
	isAdopted, isDoubted := bucket.Tags[spec.TagAdopted] == "true", m.isDoubted(s)
	wanted := [2]int{s.AbortDays(isAdopted), s.ExpireNoncurrentAfterDays}
	fields := valueOf(secret)
	keyID := fields[spec.FieldAccessKeyID]
	switch {
	case !reflect.DeepEqual(withoutSerial(fields), s.SecretValue(keyID, fields[spec.FieldSecretAccessKey])):
		return fmt.Errorf("the secret is not that of the properties")
	case secret.DeletedDays > 0:
		return fmt.Errorf("the secret is being deleted")
	case !isSubset(claim.OwnerTags(s), user.Tags) || !isSubset(claim.Made(s).Tags(), secret.Tags) || secret.Tags[spec.TagFormat] == "" || !isSubset(claim.Made(s).Tags(), bucket.Tags):
		return fmt.Errorf("tags: %v, %v, %v", user.Tags, secret.Tags, bucket.Tags)
	case user.Path != spec.DefaultIAMPath || user.Boundary != sim.Boundary || len(user.Attached) > 0:
		return fmt.Errorf("user: %+v", user)
	case bucket.PublicAccessBlock != [4]bool{true, true, true, true} && !isAdopted && !isDoubted:
		return fmt.Errorf("the public access block is %v", bucket.PublicAccessBlock)
	case !(s.Versioning == nil && (isAdopted || isDoubted || m.versioned[s.BucketName])) && s.IsVersioned() != (bucket.Versioning == "Enabled"):
		return fmt.Errorf("versioning is %q", bucket.Versioning)
	case daysOf(bucket) != wanted && !(isDoubted && daysOf(bucket) == [2]int{s.AbortDays(true), s.ExpireNoncurrentAfterDays}):
		return fmt.Errorf("the lifecycle is %v", bucket.Lifecycle)
	case stack.Data["AccessKeyId"] != keyID && !m.isStale[s.PhysicalID] || stack.Data["SecretArn"] != secret.ARN || stack.Data["BucketName"] != s.BucketName:
		return fmt.Errorf("the outputs are %v, the key is %s", stack.Data, keyID)
	}
	if err := errors.Join(m.checkRotation(secret, s), checkPolicy(bucket.Policy, s)); err != nil {
		return err
	}
	return m.checkOwnObjects(bucket, s)
}

// isDoubted reports whether the bucket of a set may be somebody's, though its tags do not say that it was adopted: it was,
// and its tags were replaced since; or its secret has lost what it said of the bucket. Settings that the properties do
// not name stay there as somebody leaves them.
func (m *model) isDoubted(s spec.Spec) bool { return m.isAdopted(s) || m.wiped[s.SecretName] }

// checkPolicy wants our statements in a policy, and no other that looks like ours.
func checkPolicy(document string, s spec.Spec) error {
	got, _ := statementsOf(document)
	want, _ := statementsOf(string(s.PolicyJSON()))
	if diff := cmp.Diff(want, got); diff != "" {
		return fmt.Errorf("the policy (-want +got)\n%s", diff)
	}
	return nil
}

// valueOf are our fields of a secret, or nil if it holds no JSON object.
func valueOf(secret awsfake.Secret) map[string]string {
	raw := rawValueOf(secret)
	if raw == nil {
		return nil
	}
	fields := map[string]string{}
	for name, value := range raw {
		var text string
		if fieldsOfOthers[name] == "" && json.Unmarshal(value, &text) == nil {
			fields[name] = text
		}
	}
	return fields
}

// withoutSerial are fields without what the secret has recorded of KeySerial, which a rollback leaves.
func withoutSerial(fields map[string]string) map[string]string {
	fields = maps.Clone(fields)
	delete(fields, spec.FieldKeySerial)
	return fields
}

// checkOwnObjects wants the folder marker and nothing else of ours.
func (m *model) checkOwnObjects(b awsfake.Bucket, s spec.Spec) error {
	isMarked := len(b.Objects[s.MarkerKey()]) > 0
	if s.FolderMarker != isMarked && !(isMarked && m.excuses.Use(m.ofMarkers(s))) {
		return fmt.Errorf("the folder marker: %v", b.Objects[s.MarkerKey()])
	}
	for key, versions := range b.Objects {
		isTheirs := key == s.MarkerKey() || m.objects[s.BucketName][key] != ""
		isProbe := key == s.ProbeKey() && m.excuses.Use(m.excuses.Of(probeIn(s.BucketName)))
		if !isTheirs && !isProbe && !m.excuses.Use(m.ofMarkers(s)) {
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

// daysOf are the days of our rules: until uploads are aborted, and until versions expire, with their markers.
func daysOf(b awsfake.Bucket) (days [2]int) {
	expiresMarkers := false
	for _, rule := range b.Lifecycle {
		if rule.Enabled && strings.HasPrefix(rule.ID, "bucketuser") {
			days[0] += int(rule.AbortIncompleteUploadsAfterDays)
			days[1] += int(rule.ExpireNoncurrentAfterDays)
			expiresMarkers = expiresMarkers || rule.ExpireDeleteMarkers
		}
	}
	if expiresMarkers != (days[1] > 0) {
		return [2]int{-1, -1}
	}
	return days
}
