// Package bucket is the room of the bucket of a set: it makes the bucket or takes it over, brings
// its settings in line, empties it, deletes it or lets go of it.
//
// What others have put there stays: see [Client.Equip]. The package knows nothing of events, of
// users and of secrets. Whose the bucket is package claim tells, by its tags.
package bucket

import (
	"context"
	"iter"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/purge"
	"bucketuser/lambda/spec"
)

// A Client works on the bucket of one spec, with the patience of one event.
type Client struct {
	s3       *s3.Client
	patience *awscall.Patience
	log      *slog.Logger
	notes    *Notes
	spec     spec.Spec
	isAsking bool // "no such bucket" is an answer: see asking
	inForce  bool // see InForce
	run      int  // see InRun
}

// Notes are what undoing must know of the work of one event. The zero value says that nothing was done.
type Notes struct {
	awscall.Making
	marker *purge.ID // that was written where there was none
	in     string    // the bucket of it

	isClosed bool // nobody may write to the bucket, or the answer to that was lost: see close.go
	isOpened bool // the policy that was written has taken that off

	// Run is the number of the run that the bucket says, since this one has written it, or 0.
	Run int

	isPurged bool          // once
	gone     int64         // entries and uploads, by emptying
	emptying time.Duration // that took so long
	uploads  error         // why some are left
}

// Progress is how many entries and unfinished uploads the event has deleted by emptying a bucket, and how many in a second.
func (n *Notes) Progress() (gone int64, rate float64) {
	return n.gone, float64(n.gone) / max(n.emptying.Seconds(), 1e-3)
}

// New returns a client for the bucket of a spec, which keeps notes. The client of S3 repeats late
// rights, and "no such bucket" of a bucket that may be new.
func New(client *s3.Client, patience *awscall.Patience, log *slog.Logger, notes *Notes, s spec.Spec) Client {
	return Client{s3: client, patience: patience, log: log, notes: notes, spec: s}
}

// InForce is the client for the bucket of a set that is in force: its name is given, so no message advises to
// choose another one.
func (c Client) InForce() Client {
	c.inForce = true
	return c
}

// InRun is the client for a run of an event that may empty the bucket, by its number: see claim.Emptying. Runs without a
// number are not counted.
func (c Client) InRun(number int) Client {
	c.run = number
	return c
}

// orAnotherName is what a message about the bucket of a new set ends with.
func (c Client) orAnotherName() string {
	if c.inForce {
		return ""
	}
	return ", or choose another BucketName"
}

// of is the client for the bucket of another spec.
func (c Client) of(s spec.Spec) Client {
	c.spec = s
	return c
}

// asking is a client to which "no such bucket" is an answer.
func (c Client) asking() Client {
	c.isAsking = true
	c.s3 = purge.Derived(c.s3, func(o *s3.Options) { o.Retryer = c.patience.Retryer(awscall.LateRights) })
	return c
}

// owner is passed with every call on a bucket, so that a bucket of the same name in another account
// is never touched.
func (c Client) owner() *string { return aws.String(c.spec.Account) }

// looking serves a look at the bucket.
func (c Client) looking() aws.Retryer { return c.patience.Looking(c.spec.Outside().Has("BucketName")) }

// content is everything in the bucket.
func (c Client) content() purge.Bucket {
	return purge.Bucket{S3: c.s3, Name: c.spec.BucketName, Owner: c.spec.Account}
}

// pages are those of the content whose keys start with prefix. A bucket that does not exist has none, unless the
// run asks for that.
func (c Client) pages(ctx context.Context, prefix string) iter.Seq2[purge.Page, error] {
	return func(yield func(purge.Page, error) bool) {
		for page, err := range c.content().Pages(ctx, prefix) {
			isGone := awscall.IsMissing(err) && !c.isAsking
			if isGone || !yield(page, err) {
				return
			}
		}
	}
}
