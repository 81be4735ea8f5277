package walk_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"pgregory.net/rapid"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// deny has others deny an action to everybody, in a bucket that is in use.
func deny(action string) func(w *walk, s spec.Spec) error {
	return func(w *walk, s spec.Spec) error {
		resource := s.BucketARN()
		if strings.Contains(action, "Object") {
			resource += "/*"
		}
		return w.addStatement(s.BucketName, statement{"Sid": "Their" + strings.TrimPrefix(action, "s3:"), "Effect": "Deny", "Principal": "*",
			"Action": action, "Resource": resource})
	}
}

// actsOfOthers are what others put into the bucket or the secret of a resource. It stays as it is, and is
// mostly in the way. Each returns an error if it cannot be done as things are.
var actsOfOthers = map[string]func(w *walk, s spec.Spec) error{
	"a user who is gone":         (*walk).letGoneUserIn,
	"a Deny of policies":         deny("s3:PutBucketPolicy"),
	"a Deny of rules":            deny("s3:PutLifecycleConfiguration"),
	"a Deny of objects":          deny("s3:PutObject"),
	"a Deny of deleting":         deny("s3:DeleteObjectVersion"),
	"versioning on":              func(w *walk, s spec.Spec) error { return w.turnVersioningOn(s, "Enabled") },
	"rules of the old form":      func(w *walk, s spec.Spec) error { return w.setRules(s, true) },
	"rules of the new form":      func(w *walk, s spec.Spec) error { return w.setRules(s, false) },
	"fields":                     (*walk).addFields,
	"ABAC":                       func(w *walk, s spec.Spec) error { w.ground.AWS.SetAbac(s.BucketName, true); return nil },
	"MFA delete":                 (*walk).requireMFA,
	"retention":                  (*walk).retain,
	"a legal hold":               (*walk).holdLegally,
	"a KMS key is not usable":    (*walk).disableKmsKey,
	"they stand in the way less": func(w *walk, s spec.Spec) error { return w.stepBack(s.BucketName) },
}

// others has others do something to what a stack has.
func (w *walk) others(t *rapid.T) {
	stack := w.drawStack(t, cfnfake.Live)
	s, err := w.ground.Parse(stack.ID, stack.Properties)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := w.ground.AWS.Snapshot().Buckets[s.BucketName]; !ok || w.model.isForeign(s) {
		t.Skip("there is no bucket, or it is somebody else's")
	}
	what := rapid.SampledFrom(slices.Sorted(maps.Keys(actsOfOthers))).Draw(t, "what")
	w.catchUp()
	if err := actsOfOthers[what](w, s); err != nil {
		t.Skip(err)
	}
	w.plans = append(w.plans, "others: "+what+" in stack "+stack.Name)
	w.model.touched()
}

func (w *walk) addStatement(bucket string, theirs statement) error {
	ours, others := statementsOf(w.ground.AWS.Snapshot().Buckets[bucket].Policy)
	if slices.ContainsFunc(others, func(s statement) bool { return s["Sid"] == theirs["Sid"] }) {
		return fmt.Errorf("it is there")
	}
	return w.putStatements(bucket, append(append(others, theirs), ours...))
}

// letGoneUserIn lets a user in who is deleted afterwards.
func (w *walk) letGoneUserIn(s spec.Spec) error {
	w.ground.AWS.AddUser("gone", "/", nil)
	defer w.ground.AWS.DeleteUser("gone")
	time.Sleep(time.Minute) // S3 knows the user
	return w.addStatement(s.BucketName, statement{"Sid": "TheirUser", "Effect": "Allow", "Principal": map[string]any{"AWS": "arn:aws:iam::" + sim.Account + ":user/gone"},
		"Action": "s3:ListBucket", "Resource": s.BucketARN()})
}

// turnVersioningOn has others turn versioning on, and what turns it on besides. Where the properties say otherwise, that is
// a change by hand.
func (w *walk) turnVersioningOn(s spec.Spec, status string) error {
	w.ground.AWS.SetVersioning(s.BucketName, status)
	w.model.versioned[s.BucketName] = true
	if s.Versioning != nil && !s.IsVersioned() {
		w.model.byHand[s.PhysicalID] = true
	}
	return nil
}

func (w *walk) requireMFA(s spec.Spec) error {
	if err := w.ground.AWS.SetMFADelete(s.BucketName, true); err != nil {
		return err
	}
	return w.turnVersioningOn(s, "Enabled")
}

func (w *walk) retain(s spec.Spec) error {
	w.ground.AWS.SetDefaultRetention(s.BucketName, 1)
	return w.turnVersioningOn(s, "Enabled")
}

// holdLegally puts marker and probe under a legal hold, as far as they are there.
func (w *walk) holdLegally(s spec.Spec) error {
	if b := w.ground.AWS.Snapshot().Buckets[s.BucketName]; len(b.Objects[s.MarkerKey()])+len(b.Objects[s.ProbeKey()]) == 0 {
		return fmt.Errorf("there is neither marker nor probe")
	}
	w.ground.AWS.SetDefaultRetention(s.BucketName, 0)
	w.ground.AWS.SetLegalHold(s.BucketName, s.MarkerKey(), "", true)
	w.ground.AWS.SetLegalHold(s.BucketName, s.ProbeKey(), "", true)
	return w.turnVersioningOn(s, "Enabled")
}

// ruleOf is a rule of others, in either form.
func ruleOf(id, prefix string, isOld bool) types.LifecycleRule {
	r := types.LifecycleRule{ID: &id, Status: types.ExpirationStatusEnabled, Expiration: &types.LifecycleExpiration{Days: aws.Int32(30)}}
	if isOld {
		//lint:ignore SA1019 deprecated, and in many a bucket
		r.Prefix = &prefix
	} else {
		r.Filter = &types.LifecycleRuleFilter{Prefix: &prefix}
	}
	return r
}

// setRules puts rules of others in the place of all, so that ours is gone until the next Update.
func (w *walk) setRules(s spec.Spec, isOld bool) error {
	w.model.byHand[s.PhysicalID] = true
	return w.ground.AWS.SetLifecycle(s.BucketName, []types.LifecycleRule{ruleOf("theirs", "tmp/", isOld), ruleOf("theirs-2", "old/", isOld)})
}

// fieldsOfOthers are of any type.
var fieldsOfOthers = map[string]string{"port": `443`, "tls": `true`, "options": `{"a":[1,null,"x"]}`, "note": `"theirs"`}

func (w *walk) addFields(s spec.Spec) error {
	return w.rewriteValue(s, func(fields map[string]json.RawMessage) {
		for name, value := range fieldsOfOthers {
			fields[name] = json.RawMessage(value)
		}
	})
}

// rewriteValue changes fields of a secret's value, and leaves the others.
func (w *walk) rewriteValue(s spec.Spec, change func(fields map[string]json.RawMessage)) error {
	secret := w.ground.AWS.Snapshot().Secrets[s.SecretName]
	fields := rawValueOf(secret)
	if valueOf(secret)[spec.FieldAccessKeyID] == "" || secret.DeletedDays > 0 {
		return fmt.Errorf("no value")
	}
	change(fields)
	text, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	w.ground.AWS.PutSecretValue(s.SecretName, string(text))
	return nil
}

// rawValueOf are all fields of a secret, or nil if it holds no JSON object.
func rawValueOf(secret awsfake.Secret) (fields map[string]json.RawMessage) {
	for _, v := range secret.Versions {
		if slices.Contains(v.Stages, "AWSCURRENT") && json.Unmarshal([]byte(v.Value), &fields) != nil {
			return nil
		}
	}
	return fields
}

// disableKmsKey makes the KMS key unusable that the secret names. An Update that takes it away leaves a second key.
func (w *walk) disableKmsKey(s spec.Spec) error {
	w.ground.AWS.SetKmsKeyUsable("alias/mine", false)
	if s.SecretKmsKeyId == "" {
		return nil // until somebody names it
	}
	for _, secret := range w.ground.AWS.Snapshot().Secrets {
		w.model.displaced[valueOf(secret)[spec.FieldAccessKeyID]] = true
	}
	return nil
}

// stepBack has others take away what is in the way of anybody, where that can be done.
func (w *walk) stepBack(name string) error {
	b, ok := w.ground.AWS.Snapshot().Buckets[name]
	if !ok {
		return fmt.Errorf("no bucket")
	}
	a := w.ground.AWS
	a.SetKmsKeyUsable("alias/mine", true)
	a.SetAbac(name, false)
	if b.MFADelete == "Enabled" {
		_ = a.SetMFADelete(name, false) // the bucket is there
	}
	if b.ObjectLock {
		a.SetDefaultRetention(name, 0)
		for key, versions := range b.Objects {
			for _, o := range versions {
				a.SetLegalHold(name, key, o.Version, false)
			}
		}
		time.Sleep(25 * time.Hour) // retention is over
	}
	ours, others := statementsOf(b.Policy)
	harmless := slices.DeleteFunc(slices.Clone(others), isInTheWay)
	if len(harmless) == len(others) {
		return nil
	}
	if w.putStatements(name, append(slices.Clone(harmless), ours...)) == nil {
		return nil
	}
	return w.putStatements(name, harmless) // ours name a user who is gone
}

var goneUser = regexp.MustCompile(`^A(ID|RO)A`)

// isInTheWay reports whether a statement of others may keep a policy from being written, or denies something.
func isInTheWay(s statement) bool {
	principal, _ := s["Principal"].(map[string]any)
	name, _ := principal["AWS"].(string)
	return s["Effect"] == "Deny" || goneUser.MatchString(name)
}

// isHindered reports whether others stand in the way of a change of a set.
func isHindered(now awsfake.Snapshot, s spec.Spec) bool {
	b, kms := now.Buckets[s.BucketName], []string{s.SecretKmsKeyId, now.Secrets[s.SecretName].KMSKey}
	_, others := statementsOf(b.Policy)
	return b.Abac || b.MFADelete == "Enabled" || b.ObjectLock || slices.ContainsFunc(others, isInTheWay) ||
		slices.ContainsFunc(kms, func(id string) bool { return slices.Contains(now.DeadKmsKeys, id) })
}

// mayNotPurge reports whether others forbid to delete something of a bucket: it is theirs to solve.
func mayNotPurge(b awsfake.Bucket) bool {
	_, others := statementsOf(b.Policy)
	return b.MFADelete == "Enabled" || b.ObjectLock || slices.ContainsFunc(others, func(s statement) bool { return s["Sid"] == "TheirDeleteObjectVersion" })
}
