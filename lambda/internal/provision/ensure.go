package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sourcegraph/conc/pool"

	"bucketuser/lambda/spec"
)

// set is what was found, or made, under the names of a spec.
type set struct {
	secret secret
	user   user
	bucket bucket
}

// isOurs reports whether any part of the set is ours.
func (x set) isOurs() bool {
	return x.secret.isOurs() || x.user.IsOurs() || x.bucket.IsOurs()
}

// checkLate returns [claim.ErrLater] if a part of the set says that a later event has ensured it.
func (x set) checkLate() error {
	return cmp.Or(x.secret.CheckLate(), x.user.CheckLate(), x.bucket.CheckLate())
}

// ensure makes the account match the spec of an operation. Repeating it converges; two at
// the same time end with the key of one of them in the secret and no other.
func (r *run) ensure(ctx context.Context, op operation) (map[string]string, error) {
	// Everything is read before anything is made, so that a name that is not ours
	// is refused with the account as it was.
	found, err := r.look(ctx, op)
	if err != nil {
		return nil, err
	}
	if err := r.admit(ctx, op, &found); err != nil {
		return nil, err
	}
	made, err := r.make(ctx, op, found)
	if err != nil {
		return nil, err
	}
	if made.secret.IsLaterFormat() {
		return r.ensureButKey(ctx, op, made)
	}

	// The policy names the user, so it follows it; the key needs user and secret
	// alone. Nobody has the key before everything around it is in place and the
	// secret holds it.
	var key credential
	err = together(
		func() error { return r.equip(ctx, op, made) },
		func() (err error) { key, err = r.ensureKey(ctx, op, made); return err },
	)
	if err != nil {
		return nil, errors.Join(err, r.discard(ctx, op.spec, key))
	}
	key, err = r.deliver(ctx, op, made, key)
	if err != nil {
		return nil, err
	}
	return op.spec.Data(key.ID, made.secret.ARN, key.version), nil
}

// ensureButKey brings in line everything but the secret's value and the user's keys, which
// a later version of the provider keeps in a format that is not known here: nothing is
// minted, swept or committed. An event that needs a key fails. Every other one answers with
// what the secret holds, since the rollback to this version may depend on it.
func (r *run) ensureButKey(ctx context.Context, op operation, made set) (map[string]string, error) {
	r.log.Warn("left value and keys to a later version of the provider",
		"secret", op.spec.SecretName, "format", made.secret.Tags()[spec.TagFormat], "knownFormat", spec.Format)
	if err := r.equip(ctx, op, made); err != nil {
		return nil, err
	}
	current, err := r.readValue(ctx, op.spec, made.secret, restored)
	if err != nil {
		return nil, err
	}
	id := string(current.fields[spec.FieldAccessKeyID])
	if id == "" && op.isNew() {
		return nil, fmt.Errorf("secret %s: was begun by a later version of the provider; deploy that version and try again", op.spec.SecretName)
	}
	return op.spec.Data(id, made.secret.ARN, current.version), nil
}

// look reads secret, user and bucket by name, and asks whether the event is late.
func (r *run) look(ctx context.Context, op operation) (set, error) {
	var found set
	err := together(
		func() error { return r.checkLate(ctx, op) },
		func() (err error) { found, err = r.lookOnce(ctx, op.spec); return err },
	)
	if err != nil {
		return found, err
	}
	isDoubtful, err := r.doubts(ctx, op, found)
	if err == nil && isDoubtful {
		doubted := found.bucket.State
		found.bucket, err = r.awaitBucket(ctx, op.spec, "S3 shows whose the bucket is",
			func(b bucket) bool { return b.State == doubted && !b.IsTaken() })
	}
	return found, err
}

// admit refuses what ensure must not touch, naming every reason. If anything of the set is
// there already, a replacement is a repeated delivery or a rollback to the old set: the first
// passed checkReplacement before, the second is never refused.
func (r *run) admit(ctx context.Context, op operation, found *set) error {
	if err := found.checkLate(); err != nil {
		return err
	}
	if op.kind == kindReplacement && !found.isOurs() {
		if err := r.checkReplacement(ctx, op.spec, op.replaced()); err != nil {
			return err
		}
	}
	if err := r.contest(ctx, op, found); err != nil {
		return err
	}
	return errors.Join(found.secret.admit(op.spec), found.user.admit(op.spec), found.bucket.admit(op.spec))
}

// checkReplacement refuses a replacement that could lose data.
func (r *run) checkReplacement(ctx context.Context, s, old spec.Spec) error {
	if old.PhysicalID == "" {
		return nil
	}
	// A name in both sets would be one thing with two owners: deleting either set
	// would take it from the other.
	for _, name := range []struct{ property, new, old string }{
		{"BucketName", s.BucketName, old.BucketName},
		{"UserName", s.UserName, old.UserName},
		{"SecretName", s.SecretName, old.SecretName},
	} {
		if strings.EqualFold(name.new, name.old) {
			return fmt.Errorf("%s %s: must change too, since a change of any name replaces user, bucket and secret together; "+
				"change every name that is given, or give none", name.property, name.new)
		}
	}
	if s.OnDelete != old.OnDelete {
		return fmt.Errorf("OnDelete: must not change together with a name, since the old bucket is deleted by its old value %s; "+
			"change OnDelete in an update of its own first", old.OnDelete)
	}
	if disposalOf(old.OnDelete) != refuseData {
		return nil
	}
	// CloudFormation knows the old set, so that its bucket is there unless somebody took it away.
	b, err := r.awaitBucket(ctx, old, "S3 shows the bucket that is replaced", func(b bucket) bool { return b.MayYetBeOurs() })
	if err != nil || !b.IsOurs() {
		return err
	}
	if err := r.checkEmpty(ctx, old); err != nil {
		return fmt.Errorf("replacement would delete the old bucket: %w", err)
	}
	return nil
}

// make creates what is missing, each tagged as ours by the call that creates it. The secret is
// the first: what is left behind always has one, and where there is none nothing needs to be
// looked for long. User and bucket follow beside each other. Neither is cancelled by the
// failure of the other: what was made is then known to be there when it is undone.
func (r *run) make(ctx context.Context, op operation, found set) (made set, err error) {
	made = found
	if made.secret, err = r.ensureSecret(ctx, op, found); err != nil {
		return made, err
	}
	err = together(
		func() (err error) { made.user, err = r.ensureUser(ctx, op, found.user); return err },
		func() (err error) { made.bucket, err = r.ensureBucket(ctx, op, found.bucket); return err },
	)
	r.reportRepair(op, made.secret.fresh, "secret")
	r.reportRepair(op, made.user.fresh, "user")
	r.reportRepair(op, made.bucket.fresh, "bucket")
	if made.user.lacksBoundary(op.spec) {
		r.log.Warn("found the user without a permissions boundary", "user", op.spec.UserName)
	}
	return made, err
}

// reportRepair logs that an Update found a part of the set missing or changed by hand.
func (r *run) reportRepair(op operation, isRepaired bool, part string) {
	if isRepaired && !op.isNew() {
		r.log.Warn("repaired what was changed by hand", "part", part,
			"secret", op.spec.SecretName, "user", op.spec.UserName, "bucket", op.spec.BucketName)
	}
}

// equip brings bucket and secret in line with the spec. S3 refuses two changes of one
// bucket's configuration at the same time (OperationAborted), so those follow each
// other: public access block first, policy second. Objects and the secret are
// another matter.
func (r *run) equip(ctx context.Context, op operation, made set) error {
	r.hasEquipped = true
	return together(
		func() error {
			if err := r.ensurePublicAccessBlock(ctx, op, made.bucket); err != nil {
				return err
			}
			if err := r.ensurePolicy(ctx, op, made); err != nil {
				return err
			}
			if err := r.ensureVersioning(ctx, op, made.bucket); err != nil {
				return err
			}
			if err := r.ensureLifecycle(ctx, op, made.bucket); err != nil {
				return err
			}
			return r.ensureBucketTags(ctx, op, made.bucket)
		},
		func() error { return r.ensureMarker(ctx, op) },
		func() error { return r.ensureSecretSettings(ctx, op, made.secret) },
	)
}

// together runs steps beside each other, waits for all of them and joins their
// errors. A panic in one of them goes on in the caller.
func together(steps ...func() error) error {
	running := pool.New().WithErrors()
	for _, step := range steps {
		running.Go(step)
	}
	return running.Wait()
}
