package provision

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/spec"
)

// A Provisioner carries out events in one account and region. It is safe for
// concurrent use.
type Provisioner struct {
	clients
	log *slog.Logger
}

var _ cfnresource.Resource = (*Provisioner)(nil)

// clients call AWS with the role of the provider.
type clients struct {
	provider spec.Provider
	config   aws.Config // for clients that use a new key
	iam      *iam.Client
	s3       *s3.Client
	secrets  *secretsmanager.Client
	cfn      *cloudformation.Client
}

// New returns a Provisioner that acts with the credentials of config, the role of
// the provider. It replaces the retryer of config by its own.
func New(config aws.Config, provider spec.Provider, log *slog.Logger) *Provisioner {
	config = config.Copy()
	config.Retryer = awscall.Standard
	return &Provisioner{log: log, clients: clients{
		provider: provider,
		config:   config,
		iam:      iam.NewFromConfig(config),
		s3:       s3.NewFromConfig(config),
		secrets:  secretsmanager.NewFromConfig(config),
		cfn:      cloudformation.NewFromConfig(config),
	}}
}

// A run is one event on its way. It holds what every step needs: the clients, a log that
// names the event on each line, and the patience of the event. It holds nothing of what
// was found or made.
type run struct {
	clients
	log      *slog.Logger
	patience awscall.Patience
}

func (p *Provisioner) begin(e cfnresource.Event) *run {
	log := cfnresource.LogOf(p.log, e)
	return &run{clients: p.clients, log: log, patience: awscall.NewPatience(log)}
}

// PhysicalID returns the id of the properties, or "" if they do not parse.
func (p *Provisioner) PhysicalID(e cfnresource.Event) string {
	op, err := p.classify(e)
	if err != nil {
		return ""
	}
	return op.spec.PhysicalID
}

// Ensure carries out a Create or an Update and returns the return values. Repeating it
// converges.
func (p *Provisioner) Ensure(ctx context.Context, e cfnresource.Event) (map[string]string, error) {
	op, err := p.classify(e)
	if err != nil {
		return nil, err
	}
	r := p.begin(e)
	data, err := r.ensure(ctx, op)
	if err != nil || op.kind != kindBack {
		return data, err
	}
	// Nobody else removes what the replacement left: CloudFormation never heard its id.
	if err := r.checkLate(ctx, op); err != nil {
		return nil, err
	}
	if err := r.removeLeftover(ctx, op.other); err != nil {
		return nil, fmt.Errorf("left by the failed replacement: %w", err)
	}
	return data, nil
}

// Undo removes what a failed Create or Update made, unless it may be in use: see undo.go.
// Properties that were refused have made nothing.
func (p *Provisioner) Undo(ctx context.Context, e cfnresource.Event) error {
	op, err := p.classify(e)
	if err != nil {
		return nil
	}
	return p.begin(e).undo(ctx, op)
}

// Remove carries out a Delete. The names come from the properties, whatever id the
// event carries: CloudFormation makes one up for a Create that it has given up on.
func (p *Provisioner) Remove(ctx context.Context, e cfnresource.Event) error {
	r := p.begin(e)
	op, err := p.classify(e)
	if err != nil {
		r.log.Info("found nothing to remove", "reason", err.Error())
		return nil
	}
	return r.remove(ctx, op.spec)
}

// expectedOwner is passed with every call on a bucket, so that a bucket of the
// same name in another account is never touched.
func (c clients) expectedOwner() *string { return aws.String(c.provider.Account) }
