package provision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/cfn"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/spec"
)

// A Provisioner carries out events in one account and region. It is safe for
// concurrent use.
type Provisioner struct {
	provider spec.Provider
	log      *slog.Logger

	config  aws.Config // for clients that use a new key
	iam     *iam.Client
	s3      *s3.Client
	secrets *secretsmanager.Client
	cfn     *cloudformation.Client
}

var _ cfnresource.Resource = (*Provisioner)(nil)

// New returns a Provisioner that acts with the credentials of config, the role of
// the provider. It replaces the retryer of config by its own.
func New(config aws.Config, provider spec.Provider, log *slog.Logger) *Provisioner {
	config = config.Copy()
	config.Retryer = standardRetryer
	return &Provisioner{
		provider: provider,
		log:      log,
		config:   config,
		iam:      iam.NewFromConfig(config),
		s3:       s3.NewFromConfig(config),
		secrets:  secretsmanager.NewFromConfig(config),
		cfn:      cloudformation.NewFromConfig(config),
	}
}

// PhysicalID returns the id of the properties, or "" if they do not parse.
func (p *Provisioner) PhysicalID(e cfnresource.Event) string {
	s, err := p.parse(e)
	if err != nil {
		return ""
	}
	return s.PhysicalID
}

// Ensure carries out a Create or an Update and returns the return values.
//
// An Update is in place if the id of its properties is the event's own, whatever
// OldResourceProperties say: the rollback of a refused rename would be refused too
// otherwise. Any other Update is a replacement, which makes a disjoint new set and
// leaves the old one to the Delete that CloudFormation sends for it.
func (p *Provisioner) Ensure(ctx context.Context, e cfnresource.Event) (map[string]string, error) {
	s, err := p.parse(e)
	if err != nil {
		return nil, err
	}
	c := change{event: e.RequestType, from: e.PhysicalResourceID}
	if e.RequestType == cfn.RequestCreate {
		c.creating = true
		return p.ensure(ctx, s, c)
	}
	old := p.parseOld(e)
	if s.PhysicalID != e.PhysicalResourceID {
		c.creating, c.replaced = true, old
		return p.ensure(ctx, s, c)
	}
	c.old = old
	data, err := p.ensure(ctx, s, c)
	if err != nil || old.PhysicalID == "" || old.PhysicalID == s.PhysicalID {
		return data, err
	}
	// CloudFormation goes back from a replacement whose id it never heard, so nobody
	// else will remove what that left.
	if err := p.checkAwaited(ctx, s, c); err != nil {
		return nil, err
	}
	if err := p.removeLeftover(ctx, old); err != nil {
		return nil, fmt.Errorf("left by the failed replacement: %w", err)
	}
	return data, nil
}

// Undo removes what a failed event made, unless its credentials were committed: then
// they may be in use. So may those of a resource that CloudFormation has under this
// id: the event was a late duplicate, and what is missing the next Update repairs. A
// failed Update has nothing to undo while CloudFormation waits for one, since it
// sends the Update that goes back, and that one cleans up. If it does not wait any
// more, or the one that goes back was here, nobody will: what a stale Update made for a
// resource that is being deleted, or for a replacement that was given up, goes away
// here. A bucket that holds anything is left to a Delete that is under way, and released
// otherwise.
func (p *Provisioner) Undo(ctx context.Context, e cfnresource.Event) error {
	s, err := p.parse(e)
	if err != nil {
		return nil // refused before anything was made
	}
	r, err := p.describe(ctx, s)
	isCreate, isInPlace := e.RequestType == cfn.RequestCreate, s.PhysicalID == e.PhysicalResourceID
	isGoing, isGone := r.status == types.ResourceStatusDeleteInProgress, r.status == types.ResourceStatusDeleteComplete
	isReplacement := !isCreate && !isInPlace
	var backErr error
	if isReplacement {
		backErr = p.checkReplaced(ctx, p.parseOld(e))
	}
	isBack := errors.Is(backErr, errOvertaken)
	switch {
	case r.isInUse(s):
		return nil
	case isCreate && r.status == types.ResourceStatusDeleteFailed:
		return nil // the Delete will come again
	case isInPlace && !isGoing && !isGone:
		return nil
	case isReplacement && !isBack && (err != nil || isWaiting(cfn.RequestUpdate, r.status)):
		return backErr
	}
	s.OnDelete = spec.DeleteIfEmpty
	if isGone || isBack || isCreate && !isGoing {
		s.OnDelete = spec.Retain // no Delete will come for what holds data
	}
	return p.undo(ctx, s)
}

// Remove carries out a Delete. The names come from the properties, whatever id the
// event carries: CloudFormation makes one up for a Create that it has given up on.
func (p *Provisioner) Remove(ctx context.Context, e cfnresource.Event) error {
	s, err := spec.ParseForDelete(e.ResourceProperties, e.StackID, e.LogicalResourceID, p.provider)
	if err != nil {
		p.log.Info("nothing to delete: these properties were never accepted", "reason", err.Error())
		return nil
	}
	s.Sent = cfnresource.SentAt(e)
	return p.remove(ctx, s)
}

func (p *Provisioner) parse(e cfnresource.Event) (spec.Spec, error) {
	s, err := spec.Parse(e.ResourceProperties, e.StackID, e.LogicalResourceID, p.provider)
	s.Sent = cfnresource.SentAt(e)
	return s, err
}

// parseOld reads the old properties without regard to the provider's patterns, which
// may have been others at the time. It is zero for properties that were refused when
// they were new: they left nothing behind.
func (p *Provisioner) parseOld(e cfnresource.Event) spec.Spec {
	provider := p.provider
	provider.BucketNamePattern, provider.SecretNamePattern = "", ""
	old, err := spec.Parse(e.OldResourceProperties, e.StackID, e.LogicalResourceID, provider)
	if err != nil {
		return spec.Spec{}
	}
	old.Sent = cfnresource.SentAt(e)
	return old
}

// change is what ensure needs to know beside the spec.
type change struct {
	event    cfn.RequestType
	from     string    // physical id of the event
	creating bool      // Create or replacement: the set is expected not to exist
	old      spec.Spec // in place: as it was; zero if unknown
	replaced spec.Spec // replacement: what is replaced; zero if unknown
}

// checkReplacement refuses a replacement that could lose data. It is not asked
// when the set already exists, since CloudFormation then goes back to it, and a
// rollback is never refused.
func (p *Provisioner) checkReplacement(ctx context.Context, s, old spec.Spec) error {
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
	if old.OnDelete != spec.DeleteIfEmpty {
		return nil
	}
	b, err := p.lookBucket(ctx, old, false)
	if err != nil || !b.owned(old) {
		return err
	}
	if err := p.checkEmpty(ctx, old); err != nil {
		return fmt.Errorf("replacement would delete the old bucket: %w", err)
	}
	return nil
}
