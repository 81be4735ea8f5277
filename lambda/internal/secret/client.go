// Package secret is the room of the secret of a set, as a register: versions, stages, values. It makes the
// secret or takes it over, reads its value, writes a value by compare-and-set, and deletes it.
//
// The package knows nothing of events, of users and of buckets. Whose the secret is package claim tells, by
// its tags. A value is a JSON object with fields of ours, which package spec names, and of others, who add
// theirs: those stay as they are. No value is logged or in an error: see [Text].
package secret

import (
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// A Client works on the secret of one spec, with the patience of one event.
type Client struct {
	secrets  *secretsmanager.Client
	patience *awscall.Patience
	log      *slog.Logger
	making   *awscall.Making
	spec     spec.Spec
	inForce  bool // see InForce
}

// New returns a client for the secret of a spec, which notes what it makes. The client of Secrets Manager
// repeats late rights.
func New(client *secretsmanager.Client, patience *awscall.Patience, log *slog.Logger, making *awscall.Making, s spec.Spec) Client {
	return Client{secrets: client, patience: patience, log: log, making: making, spec: s}
}

// InForce is the client for the secret of a set that is in force: its name is given, so no message advises to
// choose another one.
func (c Client) InForce() Client {
	c.inForce = true
	return c
}

// orAnotherName is what a message about the secret of a new set ends with.
func (c Client) orAnotherName() string {
	if c.inForce {
		return ""
	}
	return ", or choose another SecretName"
}

// looking serves a look at the secret.
func (c Client) looking() aws.Retryer { return c.patience.Looking(c.spec.Outside().Has("SecretName")) }
