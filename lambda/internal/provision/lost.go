package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/bucket"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

// A part of a set in force that exists and is not ours has lost its tags, or somebody has deleted
// it and made another under its name. Nothing is taken back by its name. An Update in place is
// refused if it would change such a part; every other event leaves it alone and says so in the
// log. With the user or the secret lost, value and keys stay as they are.

// lostIn are the parts of a set in force that are lost. A released bucket is taken over with
// OnDelete Retain, a released secret always.
func lostIn(s spec.Spec, found set) parts {
	isTakenOver := parts{secret: found.secret.IsReleased(), bucket: found.bucket.IsReleased() && s.OnDelete == spec.Retain}
	return found.notOurs().and(isTakenOver.not())
}

// admitInForce refuses an Update in place that would change what is lost, or that gives an
// adopted bucket another OnDelete than Retain. It is never the rollback of a refused one: see
// touched.
func (r *run) admitInForce(ctx context.Context, op operation, found *set) error {
	s := op.spec
	if err := r.admitBucketInForce(ctx, op, found); err != nil {
		return err
	}
	found.lost = found.lost.or(lostIn(s, *found)) // or it could not be looked at
	if found.lost == (parts{}) {
		return nil
	}
	touched, err := r.touched(ctx, op, *found)
	if err != nil {
		return err
	}
	if err := touched.err(s, *found, howToUpdate); err != nil && !r.isRollback(ctx, op) {
		return err
	}
	r.reportLost(s, *found)
	return nil
}

// admitBucketInForce refuses what an Update must not do to a bucket that was adopted, or that it would
// adopt: a hand has released it, or has made another.
func (r *run) admitBucketInForce(ctx context.Context, op operation, found *set) error {
	s := op.spec
	if found.bucket.State == claim.Hidden { // CreateBucket tells whose it is
		b, err := r.bucketOf(s).Create(ctx, found.bucket)
		if found.bucket = b; err != nil && b.State != claim.Elsewhere && b.State != claim.Foreign {
			return err
		}
	}
	if found.bucket.State == claim.Adopted && s.OnDelete != spec.Retain {
		if found.secret.IsKnownAdopted(found.bucket.Claim) && op.before().OnDelete == spec.Retain {
			return fmt.Errorf("bucket %s: was adopted, so OnDelete must stay %s", s.BucketName, spec.Retain)
		}
		r.log.Warn("found the bucket adopted, so that it is released when its resource is deleted", "bucket", s.BucketName, "onDelete", s.OnDelete)
	}
	if err := r.admitChanges(ctx, op, found); err != nil {
		return err
	}
	err := r.bucketOf(s).CheckAdoption(ctx, found.bucket)
	found.lost.bucket = found.lost.bucket || err != nil
	if err != nil && !r.isRollback(ctx, op) {
		return err
	}
	return nil
}

// admitChanges refuses what an Update would change in the bucket and must not.
func (r *run) admitChanges(ctx context.Context, op operation, found *set) error {
	seen, unwanted := r.checkNewTags(ctx, op, found.bucket)
	unwanted = errors.Join(unwanted, r.bucketOf(op.spec).CheckVersioned(ctx, op.change(), found.bucket))
	switch {
	case unwanted != nil && !r.isRollback(ctx, op):
		return unwanted
	case unwanted == nil && seen.IsKnownAdopted():
		found.bucket = seen
	}
	return nil
}

// reportLost logs what an event leaves alone.
func (r *run) reportLost(s spec.Spec, found set) {
	if found.lost.secret {
		r.log.Warn("left what lacks its tags", "secret", s.SecretName, "reason", found.secret.Lacks())
	}
	if found.lost.user {
		r.log.Warn("left what lacks its tags", "user", s.UserName, "reason", found.user.Lacks())
	}
	if found.lost.bucket {
		r.log.Warn("left what lacks its tags", "bucket", s.BucketName, "reason", found.bucket.Lacks())
	}
}

// An aspect is something that an Update in place may change, with the parts that it changes.
type aspect struct {
	of      func(spec.Spec) any
	changes parts
	isAs    func(*run, context.Context, spec.Spec, operation, set) (bool, error) // AWS shows it as a spec has it
}

// aspects are all that an Update may change of a part that it has not lost.
var aspects = []aspect{
	{func(s spec.Spec) any { return s.PolicyJSON() }, parts{user: true, bucket: true}, ofBucket(bucket.Client.ShowsPolicy)},
	{func(s spec.Spec) any { return s.Versioning }, parts{bucket: true}, ofBucket(bucket.Client.ShowsVersioning)},
	{func(s spec.Spec) any { return []any{s.AbortIncompleteUploadsAfterDays, s.ExpireNoncurrentAfterDays} }, parts{bucket: true}, (*run).isLifecycleAs},
	{func(s spec.Spec) any { return markerOf(s) }, parts{bucket: true}, ofBucket(bucket.Client.ShowsMarker)},
	{func(s spec.Spec) any { return s.SecretValue("", "") }, parts{secret: true}, (*run).isValueAs},
	{secret.KmsKeyOf, parts{secret: true}, (*run).isKmsKeyAs},
	{func(s spec.Spec) any { return s.Tags }, parts{secret: true, bucket: true}, (*run).areTagsAs},
}

// touched are the lost parts that an Update in place would change: something that it changes of
// them shows as it was before, and nothing that it changes shows as wanted. In the rollback of a
// refused Update that is the other way round, whatever else somebody has changed. A part that
// cannot be read shows nothing.
func (r *run) touched(ctx context.Context, op operation, found set) (parts, error) {
	var touched parts
	for _, a := range aspects {
		if !op.changes(a.of) {
			continue
		}
		isWanted, err := r.shows(ctx, a, op.spec, op, found)
		if err != nil {
			return parts{}, err
		}
		isBefore, err := r.shows(ctx, a, op.before(), op, found)
		if err != nil {
			return parts{}, err
		}
		if isWanted && !isBefore {
			return parts{}, nil
		}
		if isBefore && !isWanted {
			touched = touched.or(a.changes.and(found.lost))
		}
	}
	return touched, nil
}

// shows reports whether AWS shows an aspect as a spec has it.
func (r *run) shows(ctx context.Context, a aspect, s spec.Spec, op operation, found set) (bool, error) {
	is, err := a.isAs(r, ctx, s, op, found)
	if awscall.IsDenied(err) || awscall.IsMissing(err) || awscall.IsElsewhere(err) {
		return false, nil
	}
	return is, err
}

// ofBucket asks the bucket of the spec.
func ofBucket(shows func(bucket.Client, context.Context) (bool, error)) func(*run, context.Context, spec.Spec, operation, set) (bool, error) {
	return func(r *run, ctx context.Context, s spec.Spec, _ operation, _ set) (bool, error) {
		return shows(r.bucketOf(s), ctx)
	}
}

// markerOf is the key of the folder marker, or "" for none.
func markerOf(s spec.Spec) string {
	if s.FolderMarker {
		return s.MarkerKey()
	}
	return ""
}

func (r *run) isLifecycleAs(ctx context.Context, s spec.Spec, _ operation, found set) (bool, error) {
	return r.bucketOf(s).ShowsLifecycle(ctx, found.bucket, spec.Spec{})
}

func (r *run) isValueAs(ctx context.Context, s spec.Spec, _ operation, found set) (bool, error) {
	if !found.secret.Exists() || found.secret.Deleting {
		return false, nil
	}
	current, err := r.secretOf(s).Read(ctx, found.secret)
	for name, value := range s.SecretValue("", "") {
		if value != "" && current.Fields.Get(name) != value {
			return false, err
		}
	}
	return true, err
}

func (r *run) isKmsKeyAs(_ context.Context, s spec.Spec, _ operation, found set) (bool, error) {
	return found.secret.Exists() && found.secret.HasKmsKey(s.SecretKmsKeyId), nil
}

// areTagsAs asks that of secret and bucket which has not lost its tags.
func (r *run) areTagsAs(_ context.Context, s spec.Spec, op operation, found set) (bool, error) {
	var shown map[string]string
	switch {
	case found.secret.IsOursOrLeaving():
		shown = found.secret.Tags()
	case found.bucket.IsOurs():
		shown = found.bucket.Tags()
	default:
		return false, nil
	}
	wanted := map[string]string{}
	for _, tag := range s.Tags {
		wanted[tag.Key] = tag.Value
	}
	for _, tag := range append(slices.Clone(op.spec.Tags), op.before().Tags...) {
		is, isSet := shown[tag.Key]
		if want, isWanted := wanted[tag.Key]; is != want || isSet != isWanted {
			return false, nil
		}
	}
	return true, nil
}

// not, and, or turn round and combine what is said of each part.
func (p parts) not() parts { return parts{!p.secret, !p.user, !p.bucket} }

func (p parts) and(q parts) parts {
	return parts{p.secret && q.secret, p.user && q.user, p.bucket && q.bucket}
}

func (p parts) or(q parts) parts {
	return parts{p.secret || q.secret, p.user || q.user, p.bucket || q.bucket}
}

// What to do about lost tags, by the event that says so.
const (
	howToUpdate = "with them this resource changes it in an update, and removes it when it is deleted. " +
		"Set them if it is this resource's, beside those that it has"
	howToReplace = "with them it is removed after the replacement. " +
		"Set them if it is this resource's, beside those that it has"
	howToDelete = "with them the next Delete of this resource removes it, and without them leaves it as it is. " +
		"Set them if it is this resource's, beside those that it has"
)

// err names the parts, the tags that they lack, and what to do about it. It is nil for no part.
func (p parts) err(s spec.Spec, found set, how string) error {
	texts := p.texts(s, found)
	if len(texts) == 0 {
		return nil
	}
	return awscall.Again(fmt.Errorf("%s; %s", strings.Join(texts, "; "), how))
}

// texts tell of each part by its name what it lacks.
func (p parts) texts(s spec.Spec, found set) []string {
	var texts []string
	add := func(isLost bool, what string, c claim.Claim) {
		if isLost {
			texts = append(texts, what+": "+c.Lacks())
		}
	}
	add(p.secret, "secret "+s.SecretName, found.secret.Claim)
	add(p.user, "user "+s.UserName, found.user.Claim)
	add(p.bucket, "bucket "+s.BucketName, found.bucket.Claim)
	return texts
}

// inUse are the lost parts of a set that is removed that were in use: the committed value of our
// secret names them, or a key of theirs; or the value of a secret names a key of our user. A value
// that cannot be read may name them. It is asked before the secret goes: afterwards they are nobody's.
func (r *run) inUse(ctx context.Context, s spec.Spec, found set) parts {
	isNobodys := parts{secret: found.secret.Deleting, bucket: found.bucket.State != claim.Foreign}
	lost := found.notOurs().and(isNobodys.not())
	isAsked := lost.secret && found.user.IsOurs() || found.secret.IsOursOrLeaving() && !found.secret.Deleting && (lost.user || lost.bucket)
	if !isAsked {
		return parts{}
	}
	current, err := r.secretOf(s).Read(ctx, found.secret)
	if current.State == secret.Unreadable {
		err = current.Why
	}
	if err != nil {
		r.log.Warn("could not read the value of the secret", "secret", s.SecretName, "reason", err.Error())
		return lost
	}
	hasKey := false
	if lost.secret || lost.user {
		keys, _ := r.keysOf(s).ListNow(ctx) // none where a lost user is out of the role's path
		hasKey = keyring.Has(keys, current.Fields.Get(spec.FieldAccessKeyID))
	}
	isNamed := parts{
		secret: hasKey,
		user:   hasKey || strings.HasSuffix(current.Fields.Get(spec.FieldUserARN), "/"+s.UserName), // whatever its path
		bucket: current.Fields.Get(spec.FieldBucket) == s.BucketName,
	}
	if lost.secret { // its value says nothing of others
		return parts{secret: isNamed.secret}
	}
	return lost.and(isNamed)
}
