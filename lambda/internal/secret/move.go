package secret

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awscall"
)

// Staging labels. Those of AWS are in its own spelling.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
	pending  = "AWSPENDING"
	// staged is on a value right before it becomes current. It is one label for all writers: a secret
	// takes 20, and that of a writer who died would stay for ever.
	staged = "bucketuser-staged"
)

// A fate is what became of a move.
type fate int

const (
	unclear fate = iota // what was read may be from before
	won
	lost    // another version follows the one that was followed
	waiting // the label is where it was
	gone    // the secret is deleted, or marked for it
)

// Move moves AWSCURRENT from the version that is followed to another, and fails with ErrConflict where it
// is on neither by now. Secrets Manager refuses the move unless the label is on the version that it
// is removed from: so also the repetition of one whose answer was lost. So no answer decides;
// what DescribeSecret shows does (UpdateSecretVersionStage in the API reference).
func (c Client) Move(ctx context.Context, x Secret, follows, to string) error {
	var refusal error
	c.patience.Changed()
	outcome, err := awscall.Repeat(ctx, c.patience, "Secrets Manager shows which version is current", func() (fate, bool, error) {
		_, refusal = c.secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{
			SecretId:            &x.ARN,
			VersionStage:        aws.String(current),
			MoveToVersionId:     &to,
			RemoveFromVersionId: &follows,
		}, func(o *secretsmanager.Options) { o.Retryer = c.patience.IfNothingHappened(awscall.LateRights) })
		if refusal == nil {
			return won, false, nil
		}
		now, err := c.Look(ctx)
		if err != nil {
			return unclear, false, err
		}
		became := now.fateOf(follows, to)
		return became, became == unclear || became == waiting && !awscall.IsDenied(refusal), nil
	})
	switch {
	case err == nil && outcome == won:
		return nil
	case err == nil && outcome == gone:
		err = ErrNoSecret
	case err == nil && (outcome == lost || outcome == unclear && c.patience.IsOver()): // what shows now is not from before
		err = ErrConflict
	case err == nil && outcome == waiting && awscall.IsDenied(refusal):
		err = awscall.Brief(refusal)
	default:
		err = fmt.Errorf("%w: %w", ErrUnknown, awscall.Brief(refusal))
	}
	return fmt.Errorf("value of secret %s: %w", c.spec.SecretName, err)
}

// fateOf tells what became of a move from what the secret shows. A version that was current has
// AWSPREVIOUS by the next move. A third version that is current may show from before the one that was
// followed was. It does not where something shows that was written after that: the version that was to
// become current, or, of a rotation, whose version AWS may have made before, its note.
func (x Secret) fateOf(follows, to string) fate {
	_, isListed := x.labels[to]
	token, of := x.Rotation()
	isAfter := isListed && strings.HasPrefix(to, stagedPrefix) || token == to && of == follows
	switch {
	case !x.Exists(), x.Deleting:
		return gone
	case x.HasBeenCurrent(to):
		return won
	case follows == x.Current:
		return waiting
	case isAfter:
		return lost
	}
	return unclear
}

// labelled is the version that has a label, or "".
func (x Secret) labelled(label string) string {
	for version, labels := range x.labels {
		if slices.Contains(labels, label) {
			return version
		}
	}
	return ""
}
