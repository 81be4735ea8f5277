package walk_test

import (
	"fmt"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// An offering is something that the bucket of somebody has whom a Create asks for it.
type offering struct {
	do      func(w *walk, s spec.Spec) error
	refused func(s spec.Spec) bool // whether the bucket cannot be adopted with it; nil: it can
}

func always(spec.Spec) bool { return true }

var offerings = map[string]offering{
	"versioning":  {func(w *walk, s spec.Spec) error { w.ground.AWS.SetVersioning(s.BucketName, "Enabled"); return nil }, nil},
	"old rules":   {func(w *walk, s spec.Spec) error { return w.setRules(s, true) }, nil},
	"new rules":   {func(w *walk, s spec.Spec) error { return w.setRules(s, false) }, nil},
	"a policy":    {func(w *walk, s spec.Spec) error { return w.addStatement(s.BucketName, letsAccountIn(s)) }, nil},
	"a gone user": {(*walk).letGoneUserIn, always},
	"tags":        {func(w *walk, s spec.Spec) error { w.ground.AWS.TagBucket(s.BucketName, ofCostTool); return nil }, nil},
	"open":        {func(w *walk, s spec.Spec) error { w.ground.AWS.RemovePublicAccessBlock(s.BucketName); return nil }, always},
	"SSE-KMS":     {func(w *walk, s spec.Spec) error { w.ground.AWS.SetEncryption(s.BucketName, "aws:kms"); return nil }, always},
	"a tag of ours": {func(w *walk, s spec.Spec) error {
		w.ground.AWS.TagBucket(s.BucketName, map[string]string{"team": theirTeam})
		return nil
	}, func(s spec.Spec) bool {
		return slices.ContainsFunc(s.Tags, func(t spec.Tag) bool { return t.Key == "team" })
	}},
	"ABAC": {func(w *walk, s spec.Spec) error { w.ground.AWS.SetAbac(s.BucketName, true); return nil }, always},
	"objects": {func(w *walk, s spec.Spec) error {
		n := w.nextObject()
		w.ground.AWS.PutObject(s.BucketName, "theirs/"+n, "content "+n)
		w.model.wrote(s.BucketName, "theirs/"+n, "content "+n)
		return nil
	}, nil},
}

// offer is what a Create meets in the bucket of somebody.
type offer struct{ isMade, isRefused bool }

// drawOffer makes a bucket of somebody, now and then, for a Create that may adopt it.
func (w *walk) drawOffer(t *rapid.T, s spec.Spec) (o offer) {
	if rapid.IntRange(0, 1).Draw(t, "offered") == 0 {
		return o
	}
	name := s.BucketName
	if _, ok := w.ground.AWS.Snapshot().Buckets[name]; ok || s.OnDelete != spec.Retain || name == "" || w.model.letGo[name] && w.model.losses["bucket "+name] != nil {
		return o
	}
	o.isMade = true
	w.ground.AWS.AddBucket(name, map[string]string{spec.TagOwner: spec.Released})
	w.ground.AWS.SetPublicAccessBlock(name, true)
	w.model.letGo[name], w.model.kept[name] = true, true
	what := rapid.SliceOfNDistinct(rapid.SampledFrom(slices.Sorted(maps.Keys(offerings))), 1, 2, rapid.ID).Draw(t, "with")
	for _, each := range what {
		if offerings[each].do(w, s) != nil {
			continue // both kinds of rules, say
		}
		o.isRefused = o.isRefused || offerings[each].refused != nil && offerings[each].refused(s)
	}
	w.plans = append(w.plans, fmt.Sprintf("others offer bucket %s with %v", name, what))
	return o
}

// isWelcome reports whether nothing keeps a set from adopting the bucket that is offered.
func (m *model) isWelcome(o offer, s spec.Spec) bool {
	now := m.g.AWS.Snapshot()
	_, user := now.Users[s.UserName]
	_, secret := now.Secrets[s.SecretName]
	return o.isMade && !o.isRefused && !user && !secret
}

// judge says what is wrong with the outcome of a Create of a bucket that cannot be adopted.
func (o offer) judge(ok bool, differences string) error {
	switch {
	case o.isRefused && ok:
		return fmt.Errorf("a Create has adopted what cannot be adopted")
	case o.isRefused && differences != "":
		return fmt.Errorf("an adoption that was refused changed the account: %s", differences)
	}
	return nil
}

// letsAccountIn is a statement of others.
func letsAccountIn(s spec.Spec) statement {
	return statement{"Sid": "Theirs", "Effect": "Allow", "Principal": map[string]any{"AWS": sim.Account}, "Action": "s3:ListBucket", "Resource": s.BucketARN()}
}
