package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/sourcegraph/conc/pool"

	"bucketuser/lambda/spec"
)

// set is what was found, or made, under the names of a spec.
type set struct {
	secret secret
	user   user
	bucket bucket
}

// owned reports whether any part of the set is ours.
func (x set) owned(s spec.Spec) bool {
	return x.secret.owned(s) || x.user.owned(s) || x.bucket.owned(s)
}

// overtaken returns errOvertaken if a later event than that of s has ensured the set.
func (x set) overtaken(s spec.Spec) error {
	return cmp.Or(overtaken(x.secret.tags, s), overtaken(x.user.tags, s), overtaken(x.bucket.tags, s))
}

// ensure makes the account match s. Repeating it converges; two at the same time
// end with the key of one of them in the secret and no other.
func (p *Provisioner) ensure(ctx context.Context, s spec.Spec, c change) (map[string]string, error) {
	// Everything is read before anything is made, so that a name that is not ours
	// is refused with the account as it was.
	found, err := p.look(ctx, s, c)
	if err != nil {
		return nil, err
	}
	if err := p.admit(ctx, s, c, found); err != nil {
		return nil, err
	}
	made, err := p.make(ctx, s, c, found)
	if err != nil {
		return nil, err
	}
	if made.secret.isLater() {
		return p.ensureButKey(ctx, s, c, made)
	}

	// The policy names the user, so it follows it; the key needs user and secret
	// alone. Nobody has the key before everything around it is in place and the
	// secret holds it.
	var key credential
	err = together(
		func() error { return p.equip(ctx, s, c, made) },
		func() (err error) { key, err = p.ensureKey(ctx, s, c, made); return err },
	)
	if err != nil {
		return nil, errors.Join(err, p.discard(ctx, s, key))
	}
	key, err = p.deliver(ctx, s, c, made, key)
	if err != nil {
		return nil, err
	}
	return s.Data(key.ID, made.secret.ARN, key.version), nil
}

// ensureButKey brings in line everything but the secret's value and the user's keys, which
// a later version of the provider keeps in a format that is not known here: nothing is
// minted, swept or committed. An event that needs a key fails; every other one answers
// with what the secret holds, since the rollback to this version may depend on it.
func (p *Provisioner) ensureButKey(ctx context.Context, s spec.Spec, c change, made set) (map[string]string, error) {
	p.log.Warn("left value and keys as they are: a later version of the provider keeps them",
		"secret", s.SecretName, "format", made.secret.tags[spec.TagFormat], "knownFormat", spec.Format)
	if err := p.equip(ctx, s, c, made); err != nil {
		return nil, err
	}
	current, err := p.readValue(ctx, s, made.secret)
	if err != nil {
		return nil, err
	}
	id := string(current.fields[spec.FieldAccessKeyID])
	if id == "" && c.creating {
		return nil, fmt.Errorf("secret %s: was begun by a later version of the provider; deploy that version and try again", s.SecretName)
	}
	return s.Data(id, made.secret.ARN, current.version), nil
}

// look reads secret, user and bucket by name, and asks whether CloudFormation still
// waits for this event.
func (p *Provisioner) look(ctx context.Context, s spec.Spec, c change) (set, error) {
	var found set
	err := together(
		func() error { return p.checkAwaited(ctx, s, c) },
		func() (err error) { found.secret, err = p.lookSecret(ctx, s, c.creating); return err },
		func() (err error) { found.user, err = p.lookUser(ctx, s, c.creating); return err },
		func() (err error) { found.bucket, err = p.lookBucket(ctx, s, c.creating); return err },
	)
	return found, err
}

// admit refuses what ensure must not touch, naming every reason. If anything of
// the set is there already, a replacement is a repeated delivery or a rollback to
// the old set: the first passed these checks before, the second is never refused.
func (p *Provisioner) admit(ctx context.Context, s spec.Spec, c change, found set) error {
	if err := found.overtaken(s); err != nil {
		return err
	}
	if c.replaced.PhysicalID != "" && !found.owned(s) {
		if err := p.checkReplacement(ctx, s, c.replaced); err != nil {
			return err
		}
	}
	return errors.Join(found.secret.admit(s), found.user.admit(s), found.bucket.admit(s))
}

// make creates what is missing, the three beside each other, each tagged as ours
// by the call that creates it. None is cancelled by the failure of another: what
// was made is then known to be there when it is undone.
func (p *Provisioner) make(ctx context.Context, s spec.Spec, c change, found set) (set, error) {
	made := found
	err := together(
		func() (err error) { made.secret, err = p.ensureSecret(ctx, s, c, found); return err },
		func() (err error) { made.user, err = p.ensureUser(ctx, s, found.user); return err },
		func() (err error) { made.bucket, err = p.ensureBucket(ctx, s, found.bucket); return err },
	)
	p.reportRepair(c, made.secret.fresh, "secret", s.SecretName)
	p.reportRepair(c, made.user.fresh, "user", s.UserName)
	p.reportRepair(c, made.bucket.fresh, "bucket", s.BucketName)
	return made, err
}

// reportRepair logs that an Update found something missing that was there.
func (p *Provisioner) reportRepair(c change, missing bool, what, name string) {
	if missing && !c.creating {
		p.log.Warn("repaired: was changed by hand", "what", what, "name", name)
	}
}

// equip brings bucket and secret in line with s. S3 refuses two changes of one
// bucket's configuration at the same time (OperationAborted), so those follow each
// other: public access block first, policy second. Objects and the secret are
// another matter.
func (p *Provisioner) equip(ctx context.Context, s spec.Spec, c change, made set) error {
	return together(
		func() error {
			if err := p.ensurePublicAccessBlock(ctx, s, c, made.bucket); err != nil {
				return err
			}
			if err := p.ensurePolicy(ctx, s, c, made); err != nil {
				return err
			}
			if err := p.ensureVersioning(ctx, s, made.bucket); err != nil {
				return err
			}
			if err := p.ensureLifecycle(ctx, s, made.bucket); err != nil {
				return err
			}
			return p.ensureBucketTags(ctx, s, c, made.bucket)
		},
		func() error { return p.ensureMarker(ctx, s, c) },
		func() error { return p.ensureSecretSettings(ctx, s, c, made.secret) },
	)
}

// deliveries is how often a key is offered to the secret. Only another event that
// commits at the same moment makes a second one necessary.
const deliveries = 3

// deliver proves key if it is new, commits it, and removes every other key of the
// user. Where another event was faster, the key that it committed is the one that
// counts, and ours goes away.
func (p *Provisioner) deliver(ctx context.Context, s spec.Spec, c change, made set, key credential) (credential, error) {
	for range deliveries {
		failure := p.prove(ctx, s, c, made, key)
		if failure == nil {
			failure = p.commit(ctx, s, made.secret, &key)
		}
		if failure == nil {
			kept, err := p.sweepKeys(ctx, s, key.ID)
			if err != nil || kept {
				return key, err
			}
			failure = fmt.Errorf("access key %s of user %s: was deleted while it was delivered", key.ID, s.UserName)
		}
		if errors.Is(failure, errUnknown) {
			// The secret may hold the key, or hold it in a moment: a consumer would have
			// one that does not exist. Whoever comes next sweeps it if it is not the one.
			return credential{}, failure
		}
		failure = errors.Join(failure, p.discard(ctx, s, key))
		if errors.Is(failure, errStale) {
			return credential{}, failure
		}
		// The secret that this event has made may hold a value by now, the user keys.
		made.secret.fresh, made.user.fresh = false, false
		winner, err := p.committedKey(ctx, s, c, made)
		if err == nil && winner.ID == "" && (key.version != "" || errors.Is(failure, errConflict) || errors.Is(failure, errTooLate)) {
			winner, err = p.ensureKey(ctx, s, c, made) // what was committed names a key that is gone
		}
		if err != nil || winner.ID == "" {
			return credential{}, errors.Join(failure, err)
		}
		key = winner
	}
	return credential{}, fmt.Errorf("secret %s: other events keep changing it", s.SecretName)
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
