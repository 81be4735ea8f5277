package provision

import (
	"context"
	"log/slog"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/bucket"
	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/internal/keyring"
	"bucketuser/lambda/internal/secret"
	"bucketuser/lambda/spec"
)

// A Provisioner carries out events in one account and region. It is safe for
// concurrent use.
type Provisioner struct {
	config   aws.Config
	provider spec.Provider
	log      *slog.Logger
	mostRuns int // of an event
}

var _ cfnresource.Resource = (*Provisioner)(nil)

// New returns a Provisioner that acts with the credentials of config, the role of
// the provider. It uses retryers of its own in place of that of config.
func New(config aws.Config, provider spec.Provider, log *slog.Logger) *Provisioner {
	return &Provisioner{config.Copy(), provider, log, maxRuns}
}

// InRuns is the same Provisioner where an event has another number of runs than Lambda gives it. What is no number from 1
// changes nothing.
func (p *Provisioner) InRuns(most string) *Provisioner {
	if n, err := strconv.Atoi(most); err == nil && n > 0 {
		p.mostRuns = n
	}
	return p
}

// clients call AWS with the role of the provider. They repeat refusals while the rights of the
// role may be late, and "no such bucket" and "no such user" while those may be new: only a look
// asks for what may not exist, and it has a retryer of its own.
type clients struct {
	provider spec.Provider
	config   aws.Config // for clients that use a new key
	iam      *iam.Client
	s3       *s3.Client
	secrets  *secretsmanager.Client
	cfn      *cloudformation.Client
}

// newClients returns the clients of one event, which share its patience.
func (p *Provisioner) newClients(patience *awscall.Patience) clients {
	with := func(lags ...awscall.Lag) aws.Config {
		config := p.config.Copy()
		config.Retryer = func() aws.Retryer { return patience.Retryer(lags...) }
		return config
	}
	return clients{
		provider: p.provider,
		config:   p.config,
		iam:      iam.NewFromConfig(with(awscall.LateRights, awscall.NewUser)),
		s3:       s3.NewFromConfig(with(awscall.LateRights, awscall.NewBucket)),
		secrets:  secretsmanager.NewFromConfig(with(awscall.LateRights)),
		cfn:      cloudformation.NewFromConfig(with()),
	}
}

// A run is one delivery of an event. It holds what every step needs: the clients, a log that
// names the event on each line, the patience of the event, and what undoing must know.
type run struct {
	clients
	log      *slog.Logger
	patience *awscall.Patience
	mostRuns int // of the event

	op          operation
	invalid     error // of the properties
	making      struct{ secret, user awscall.Making }
	notes       bucket.Notes // of the bucket
	ahead       ahead        // of the value of the secret
	fence       string       // version that this event has written in giving up a rotation, the last one
	hasMarked   bool         // the set that is replaced may say so
	hasEquipped bool         // the bucket may have our policy and our rule

	asksStack sync.Once // see askStack
	stack     types.Stack

	asksResource sync.Once // see directionOf
	direction    direction
}

// Begin returns a delivery of the event.
func (p *Provisioner) Begin(e cfnresource.Event) cfnresource.Delivery {
	log := cfnresource.LogOf(p.log, e)
	patience := awscall.NewPatience(log)
	r := &run{clients: p.newClients(patience), log: log, patience: patience, mostRuns: p.mostRuns}
	r.op, r.invalid = p.classify(e)
	return r
}

// PhysicalID returns the id of the properties, or "" if they do not parse.
func (r *run) PhysicalID() string {
	if r.invalid != nil {
		return ""
	}
	return r.op.spec.PhysicalID
}

// Ensure carries out a Create or an Update and returns the return values. Repeating it
// converges.
func (r *run) Ensure(ctx context.Context) (map[string]string, error) {
	if r.invalid != nil {
		return nil, r.invalid
	}
	r.patience.EndsWith(ctx)
	data, err := r.ensure(ctx, r.op)
	if err == nil && r.op.kind == kindBack {
		err = r.goBack(ctx, r.op)
	}
	return data, r.explain(ctx, r.op, err)
}

// Undo removes what a failed Create or Update made, unless it may be in use: see undo.go.
// Properties that were refused have made nothing.
func (r *run) Undo(ctx context.Context) error {
	if r.invalid != nil {
		return nil
	}
	r.patience.EndsWith(ctx)
	return r.patience.Explain(r.undo(ctx, r.op))
}

// Remove carries out a Delete. The names come from the properties, whatever id the
// event carries: CloudFormation makes one up for a Create that it has given up on.
func (r *run) Remove(ctx context.Context) error {
	if r.invalid != nil {
		r.log.Info("found nothing to remove", "reason", r.invalid.Error())
		return nil
	}
	r.patience.EndsWith(ctx)
	return r.explain(ctx, r.op, r.remove(ctx, r.op))
}

// bucketOf is the room of the bucket of a spec.
func (r *run) bucketOf(s spec.Spec) bucket.Client {
	room := bucket.New(r.s3, r.patience, r.log, &r.notes, s)
	if !r.op.isNew() {
		return room.InForce()
	}
	return room
}

// secretOf is the room of the secret of a spec.
func (r *run) secretOf(s spec.Spec) secret.Client {
	room := secret.New(r.secrets, r.patience, r.log, &r.making.secret, s)
	if !r.op.isNew() {
		return room.InForce()
	}
	return room
}

// keysOf is the room of the user of a spec and its keys.
func (r *run) keysOf(s spec.Spec) keyring.Client {
	room := keyring.New(r.iam, r.patience, r.log, &r.making.user, s)
	if !r.op.isNew() {
		return room.InForce()
	}
	return room
}

// expectedOwner is passed with every call on a bucket, so that a bucket of the
// same name in another account is never touched.
func (c clients) expectedOwner() *string { return aws.String(c.provider.Account) }
