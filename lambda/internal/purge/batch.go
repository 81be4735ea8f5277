package purge

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/sourcegraph/conc"

	"bucketuser/lambda/internal/awscall"
)

// A todo is an entry that is to be deleted.
type todo struct {
	ID
	bytes int32 // that it takes of the body of a DeleteObjects, at most
	fails int32 // how often S3 had an error of its own with it
}

// Limits of a DeleteObjects, from the S3 API Reference.
const (
	mostOfBatch = 1000        // keys
	mostOfBody  = 1000 * 1000 // bytes; S3 refuses a longer one (MalformedXML)
	ofElement   = 80          // bytes of the XML around a key and a version
)

// bytes is how many bytes an entry takes of a body, at most.
func (i ID) bytes() int {
	n := ofElement + len(i.Key) + len(i.Version)
	for _, r := range i.Key {
		switch r {
		case '&', '<', '>', '"', '\'', '\t', '\n', '\u0085', '\u2028': // escaped, as "&#x2028;" at most
			n += len("&#x2028;") - 1
		}
	}
	return n
}

// isPlain reports whether the key can stand in the XML of DeleteObjects.
func (i ID) isPlain() bool {
	return !strings.ContainsFunc(i.Key, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' || r == 0xFFFE || r == 0xFFFF || r == 0xFFFD
	})
}

// mostFails is how often S3 may have an error of its own with an entry of a batch, before the entry is deleted by a call
// of its own. Stores that are compatible with S3 answer so for ever for what is missing.
const mostFails = 10

// isSingle reports whether an entry needs a call of its own.
func (t todo) isSingle() bool { return t.fails >= mostFails || !t.isPlain() }

// A batch is what one call deletes, and what came of it.
type batch struct {
	todos []todo
	bytes int
	sent  time.Time
	lane  *lane // at whose pace

	deleted int
	busy    int    // keys that S3 was too busy for
	again   []todo // those, and those with which S3 had an error of its own
	trouble error  // the last of those answers
	refused []ID   // what S3 refuses to delete
	why     error  // it refuses the first of them
}

// cut takes a batch of at most n entries off the front, as many as one body takes.
func cut(waiting []todo, n int) (b batch, rest []todo) {
	b.todos = make([]todo, 0, min(n, len(waiting)))
	for _, t := range waiting[:min(n, len(waiting))] {
		if b.bytes+int(t.bytes) > mostOfBody && len(b.todos) > 0 {
			break
		}
		b.bytes += int(t.bytes)
		b.todos = append(b.todos, t)
	}
	return b, waiting[len(b.todos):]
}

// delete deletes what is in the batch. DeleteObjects answers 200 even where S3 has refused some keys, and names those in
// its answer. The SDK repeats server errors of a call, not those inside an answer. It is asked not to repeat a call for
// which S3 is too busy: the lane slows down instead.
func (b *batch) delete(ctx context.Context, e *emptying) error {
	together, alone := apart(b.todos)
	if err := b.deleteAlone(ctx, e, alone); err != nil {
		return err
	}
	return b.deleteTogether(ctx, e, together, 0)
}

// apart returns what one call can delete, and what needs calls of its own. Mostly that is everything and nothing, so that
// nothing is copied.
func apart(todos []todo) (together, alone []todo) {
	if !slices.ContainsFunc(todos, todo.isSingle) {
		return todos, nil
	}
	for _, t := range todos {
		if t.isSingle() {
			alone = append(alone, t)
		} else {
			together = append(together, t)
		}
	}
	return together, alone
}

// unlessBusy has the SDK not repeat a call for which S3 is too busy.
func unlessBusy(o *s3.Options) { o.Retryer = awscall.UnlessBusy(o.Retryer) }

// deleteTogether deletes by one call what XML can carry. Where S3 refuses the call as a whole, for one of its keys maybe,
// it tries some by themselves, and then halves. Both halves of how many greater ones were refused is given.
func (b *batch) deleteTogether(ctx context.Context, e *emptying, todos []todo, refusals int) error {
	if len(todos) == 0 {
		return nil
	}
	ids := make([]types.ObjectIdentifier, len(todos))
	for i := range todos {
		ids[i] = types.ObjectIdentifier{Key: &todos[i].Key, VersionId: todos[i].versionID()}
	}
	out, err := e.S3.DeleteObjects(ctx, &s3.DeleteObjectsInput{
		Bucket: &e.Name, ExpectedBucketOwner: &e.Owner, Delete: &types.Delete{Objects: ids, Quiet: aws.Bool(true)}}, unlessBusy)
	switch {
	case err == nil:
		b.sort(todos, out.Errors)
		return nil
	case awscall.IsBusy(err):
		b.postpone(awscall.Brief(err), todos...)
		return nil
	case !awscall.IsRefused(err) || awscall.IsNoBucket(err):
		return fmt.Errorf("bucket %s: %w", e.Name, awscall.Brief(err))
	}
	return b.deleteHalves(ctx, e, todos, refusals)
}

// postpone has entries deleted later for which S3 is too busy.
func (b *batch) postpone(why error, todos ...todo) {
	b.trouble = why
	b.busy += len(todos)
	b.again = append(b.again, todos...)
}

// enoughRefusals is how often the first and the last of what was refused together are refused by themselves, until all
// between them counts as refused: it is not one key for which S3 refuses the call.
const enoughRefusals = 3

// deleteHalves deletes what S3 has refused to delete together.
func (b *batch) deleteHalves(ctx context.Context, e *emptying, todos []todo, refusals int) error {
	last := len(todos) - 1
	ends := []todo{todos[0]}
	if last > 0 {
		ends = append(ends, todos[last])
	}
	before := len(b.refused)
	if err := b.deleteAlone(ctx, e, ends); err != nil || last <= 1 {
		return err
	}
	if refusals++; len(b.refused) < before+len(ends) {
		refusals = 0
	}
	rest := todos[1:last]
	if refusals == enoughRefusals {
		for _, t := range rest {
			b.refused = append(b.refused, t.ID)
		}
		return nil
	}
	half := len(rest) / 2
	if err := b.deleteTogether(ctx, e, rest[:half], refusals); err != nil {
		return err
	}
	return b.deleteTogether(ctx, e, rest[half:], refusals)
}

// deleteAlone deletes each entry by a call of its own, some of them beside each other.
func (b *batch) deleteAlone(ctx context.Context, e *emptying, todos []todo) error {
	answers := make([]error, len(todos))
	var calls conc.WaitGroup
	defer calls.Wait()
	for i, t := range todos {
		if err := e.alone.Acquire(ctx, 1); err != nil {
			return err
		}
		calls.Go(func() {
			defer e.alone.Release(1)
			answers[i] = e.Delete(ctx, t.ID, unlessBusy)
		})
	}
	calls.Wait()
	for i, t := range todos {
		switch err := answers[i]; {
		case err == nil:
			b.deleted++
		case ctx.Err() != nil:
			return err
		case awscall.IsBusy(err):
			b.postpone(err, t)
		default:
			b.refuse(t.ID, err)
		}
	}
	return nil
}

func (b *batch) refuse(i ID, why error) {
	if len(b.refused) == 0 {
		b.why = why
	}
	b.refused = append(b.refused, i)
}

// sort tells what became of each key of a call that has succeeded as a whole.
//
// Where it cannot be told which entry an error is about, the last list finds what is left.
func (b *batch) sort(todos []todo, errors []types.Error) {
	b.deleted += len(todos) - len(errors)
	if len(errors) == 0 {
		return
	}
	by := make(map[ID]todo, len(todos))
	for _, t := range todos {
		by[ID{t.Key, cmp.Or(t.Version, nullVersion)}] = t
	}
	for _, e := range errors {
		code := aws.ToString(e.Code)
		t, isKnown := by[idOf(e)]
		why := fmt.Errorf("%s: %s", code, aws.ToString(e.Message))
		switch {
		case !isKnown:
			b.trouble = why
		case awscall.IsBusyCode(code):
			b.postpone(why, t)
		case awscall.IsTransientCode(code):
			t.fails++
			b.trouble = why
			b.again = append(b.again, t)
		case code == "NoSuchVersion" || code == "NoSuchKey" || code == "NoSuchBucket":
			b.deleted++
		default:
			b.refuse(t.ID, why)
		}
	}
}

// nullVersion is the id of versions that were written without versioning.
const nullVersion = "null"

// idOf is what an error is about. A version that it does not name is "null".
func idOf(e types.Error) ID {
	return ID{aws.ToString(e.Key), cmp.Or(aws.ToString(e.VersionId), nullVersion)}
}
