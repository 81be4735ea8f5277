package purge

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/internal/awscall"
)

// A todo is an entry that is to be deleted.
type todo struct {
	Entry
	bytes int // that it takes of the body of a DeleteObjects, at most
	fails int // how often S3 had an error of its own with it
}

// Limits of a DeleteObjects, from the S3 API Reference.
const (
	mostOfBatch = 1000        // keys
	mostOfBody  = 1000 * 1000 // bytes; S3 refuses a longer one (MalformedXML)
	ofElement   = 80          // bytes of the XML around a key and a version
)

// bytes is how many bytes an entry takes of a body, at most.
func (e Entry) bytes() int {
	n := ofElement + len(e.Key) + len(e.Version)
	for i := range len(e.Key) {
		switch e.Key[i] {
		case '&', '<', '>', '"', '\'', '\t', '\n':
			n += len("&quot;") - 1
		}
	}
	return n
}

// isPlain reports whether the key can stand in the XML of DeleteObjects.
func (e Entry) isPlain() bool {
	return !strings.ContainsFunc(e.Key, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF || r == 0xFFFD
	})
}

// mostFails is how often S3 may have an error of its own with an entry of a batch, before the entry is deleted by a call
// of its own. Stores that are compatible with S3 answer so for ever for what is missing.
const mostFails = 10

// isSingle reports whether an entry needs a call of its own.
func (t *todo) isSingle() bool { return t.fails >= mostFails || !t.isPlain() }

// A batch is what one call deletes, and what came of it.
type batch struct {
	todos []todo
	bytes int
	sent  time.Time
	lane  *lane // at whose pace

	deleted int
	busy    int     // keys that S3 was too busy for
	again   []todo  // those, and those with which S3 had an error of its own
	refused []Entry // what S3 refuses to delete
}

// cut takes a batch of at most n entries off the front, as many as one body takes.
func cut(waiting []todo, n int) (b batch, rest []todo) {
	for _, t := range waiting[:min(n, len(waiting))] {
		if b.bytes+t.bytes > mostOfBody && len(b.todos) > 0 {
			break
		}
		b.bytes += t.bytes
		b.todos = append(b.todos, t)
	}
	return b, waiting[len(b.todos):]
}

// delete deletes what is in the batch. DeleteObjects answers 200 even where S3 has refused some keys, and names those in
// its answer. The SDK repeats server errors of a call, not those inside an answer. It is asked not to repeat a call for
// which S3 is too busy: the flow slows down instead.
func (b *batch) delete(ctx context.Context, in Bucket) error {
	var together []todo
	for _, t := range b.todos {
		if !t.isSingle() {
			together = append(together, t)
		} else if err := b.deleteSingly(ctx, in, t.Entry); err != nil {
			return err
		}
	}
	return b.deleteTogether(ctx, in, together)
}

// deleteTogether deletes by one call what XML can carry. Where S3 refuses the call as a whole, for one of its keys maybe,
// it tries one by itself, and then halves.
func (b *batch) deleteTogether(ctx context.Context, in Bucket, todos []todo) error {
	if len(todos) == 0 {
		return nil
	}
	ids := make([]types.ObjectIdentifier, len(todos))
	for i := range todos {
		ids[i] = types.ObjectIdentifier{Key: &todos[i].Key, VersionId: &todos[i].Version}
	}
	out, err := in.S3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &in.Name, ExpectedBucketOwner: &in.Owner, Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)}},
		func(o *s3.Options) { o.Retryer = awscall.UnlessBusy(o.Retryer) })
	switch {
	case err == nil:
		b.sort(todos, out.Errors)
		return nil
	case awscall.IsBusy(err):
		b.busy += len(todos)
		b.again = append(b.again, todos...)
		return nil
	case !awscall.IsRefused(err) || awscall.IsNoBucket(err):
		return fmt.Errorf("bucket %s: %w", in.Name, awscall.Brief(err))
	}
	return b.deleteHalves(ctx, in, todos)
}

// deleteHalves deletes what S3 has refused to delete together. Where it refuses the first and the last as well, it
// refuses all.
func (b *batch) deleteHalves(ctx context.Context, in Bucket, todos []todo) error {
	ends := []todo{todos[0]}
	if len(todos) > 1 {
		ends = append(ends, todos[len(todos)-1])
	}
	before := len(b.refused)
	for _, t := range ends {
		if err := b.deleteSingly(ctx, in, t.Entry); err != nil {
			return err
		}
	}
	if len(todos) <= len(ends) {
		return nil
	}
	rest := todos[1 : len(todos)-1]
	if len(b.refused) == before+len(ends) {
		for _, t := range rest {
			b.refused = append(b.refused, t.Entry)
		}
		return nil
	}
	half := len(rest) / 2
	if err := b.deleteTogether(ctx, in, rest[:half]); err != nil {
		return err
	}
	return b.deleteTogether(ctx, in, rest[half:])
}

// deleteSingly deletes an entry by a call of its own, which is repeated like any other.
func (b *batch) deleteSingly(ctx context.Context, in Bucket, e Entry) error {
	err := in.Delete(ctx, e)
	switch {
	case ctx.Err() != nil || awscall.IsNoBucket(err):
		return err
	case err != nil:
		b.refused = append(b.refused, e)
	default:
		b.deleted++
	}
	return nil
}

// sort tells what became of each key of a call that has succeeded as a whole.
//
// Where it cannot be told which entry an error is about, the last list finds what is left.
func (b *batch) sort(todos []todo, errors []types.Error) {
	b.deleted += len(todos) - len(errors)
	if len(errors) == 0 {
		return
	}
	type id struct{ key, version string }
	by := make(map[id]todo, len(todos))
	for _, t := range todos {
		by[id{t.Key, t.Version}] = t
	}
	for _, e := range errors {
		code := aws.ToString(e.Code)
		t, isKnown := by[id{aws.ToString(e.Key), aws.ToString(e.VersionId)}]
		switch {
		case !isKnown:
		case awscall.IsBusyCode(code):
			b.busy++
			b.again = append(b.again, t)
		case awscall.IsTransientCode(code):
			t.fails++
			b.again = append(b.again, t)
		case code == "NoSuchVersion" || code == "NoSuchKey" || code == "NoSuchBucket":
			b.deleted++
		default:
			b.refused = append(b.refused, t.Entry)
		}
	}
}
