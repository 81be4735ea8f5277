// Package keyring is the room of the IAM user of a set and its access keys: it makes the user, makes, lists and
// deletes keys, and deletes the user with all of them.
//
// The package knows nothing of events and of buckets. Which keys are spoken for its callers say. Whose the user
// is package claim tells, by its tags. No secret access key is logged or in an error.
package keyring

import (
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/service/iam"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// A Client works on the user of one spec and its keys, with the patience of one event.
type Client struct {
	iam      *iam.Client
	patience *awscall.Patience
	log      *slog.Logger
	making   *awscall.Making
	spec     spec.Spec
	inForce  bool // see InForce
}

// New returns a client for the user of a spec, which notes what it makes of the user. The client of IAM repeats
// late rights, and "no such user" of a user who may be new.
func New(client *iam.Client, patience *awscall.Patience, log *slog.Logger, making *awscall.Making, s spec.Spec) Client {
	return Client{iam: client, patience: patience, log: log, making: making, spec: s}
}

// InForce is the client for the user of a set that is in force: its name is given, so no message advises to
// choose another one.
func (c Client) InForce() Client {
	c.inForce = true
	return c
}

// orAnotherName is what a message about the user of a new set ends with.
func (c Client) orAnotherName() string {
	if c.inForce {
		return ""
	}
	return ", or choose another UserName"
}

// rightsAlone serves calls of IAM on a user who may not exist.
func (c Client) rightsAlone(o *iam.Options) { o.Retryer = c.patience.Retryer(awscall.LateRights) }

// unlessOutOfPath serves the deletion of keys, to which "no such key" is an answer.
func (c Client) unlessOutOfPath(o *iam.Options) {
	o.Retryer = c.patience.Retryer(awscall.LateRights, awscall.OutOfPath)
}

// hasty serves calls of IAM whose caller looks at the user before it repeats them.
func hasty(o *iam.Options) { o.Retryer = awscall.Standard() }
