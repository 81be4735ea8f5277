package bucket

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// document is a bucket policy whose statements may be anybody's, so they are kept as they are.
type document struct {
	Version   string     `json:",omitempty"`
	ID        string     `json:"Id,omitempty"`
	Statement statements // one statement may stand without a list
}

// statements are those of a policy as they stand there.
type statements []json.RawMessage

// UnmarshalJSON also reads a statement that stands alone.
func (s *statements) UnmarshalJSON(text []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(text, &list); err != nil {
		list = []json.RawMessage{append(json.RawMessage{}, text...)}
	}
	*s = list
	return nil
}

// currentVersion is the version of the policy language in which ${…} is a variable. In a policy
// without one it is text, as in those of 2008 (L13).
const currentVersion = "2012-10-17"

// planPolicy writes our statements beside those of others. S3 stores the unique id of a
// user in place of its name, so a user that was created again is another principal: the
// policy is written again for every new user. S3 does not know a new user at once.
func (c Client) planPolicy(ctx context.Context, change spec.Change, b Bucket, user Principal) (write, error) {
	if user == LostUser {
		return c.planOpen(ctx), nil
	}
	current := document{}
	if !b.Fresh {
		var err error
		if current, err = c.readPolicy(ctx); err != nil {
			return nil, err
		}
	}
	ours, others := c.split(current.Statement)
	wanted, err := c.merged(current, others)
	if err != nil {
		return nil, err
	}
	c.reportOpen(others)
	isChanged := change.Changes(func(s spec.Spec) any { return s.PolicyJSON() })
	if user != NewUser && !isChanged && sameStatements(ours, wanted.Statement[len(others):]) {
		return nil, nil
	}
	return func() error {
		c.reportRepair(change, !b.Fresh && user != NewUser && !isClosed(ours) && !c.isPolicyOf(change.Before, ours), policy)
		if err := c.checkPolicy(wanted); err != nil {
			return err
		}
		err := c.putPolicy(ctx, wanted, user)
		c.notes.isOpened = err == nil && isClosed(ours)
		return err
	}, nil
}

// policyOf is the policy of a spec alone.
func policyOf(s spec.Spec) (document, error) {
	var alone document
	if err := json.Unmarshal(s.PolicyJSON(), &alone); err != nil {
		return document{}, fmt.Errorf("policy of bucket %s: %w", s.BucketName, err)
	}
	return alone, nil
}

// merged is a policy with our statements behind those of others, and in their version.
func (c Client) merged(current document, others statements) (document, error) {
	wanted, err := policyOf(c.spec)
	if err == nil && len(others) > 0 {
		wanted.Version, wanted.ID = current.Version, current.ID
		wanted.Statement = slices.Concat(others, wanted.Statement)
	}
	return wanted, err
}

// checkPolicy says why S3 would not take a policy, or would take it in another sense.
func (c Client) checkPolicy(wanted document) error {
	text, err := json.Marshal(wanted)
	if err != nil {
		return fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, err)
	}
	ours, others := c.split(wanted.Statement)
	switch sid := sameSid(ours, others); {
	case sid != "":
		return awscall.Again(awscall.ByOthers(fmt.Errorf("policy of bucket %s: a statement of others has the Sid %s, which one of ours would have; give either another", c.spec.BucketName, sid)))
	case len(text) > spec.MaxPolicyBytes:
		return awscall.Again(awscall.ByOthers(fmt.Errorf("policy of bucket %s: has %d bytes with the statements of others, S3 allows %d; shorten Statements",
			c.spec.BucketName, len(text), spec.MaxPolicyBytes)))
	case wanted.Version != currentVersion && c.hasVariables():
		return awscall.Again(awscall.ByOthers(fmt.Errorf("policy of bucket %s: statements of others keep it in version %q, in which the ${…} of Statements is text; "+
			"have their owner move it to version %s, or write Statements without", c.spec.BucketName, wanted.Version, currentVersion)))
	}
	return nil
}

// hasVariables reports whether one of our statements has a variable.
func (c Client) hasVariables() bool { return strings.Contains(string(c.spec.PolicyJSON()), "${") }

// isPolicyOf reports whether statements are those of a spec, as far as that is known.
func (c Client) isPolicyOf(old spec.Spec, ours statements) bool {
	if old.PhysicalID == "" {
		return true
	}
	before, err := policyOf(old)
	return err == nil && sameStatements(ours, before.Statement)
}

// removePolicy takes our statements away and leaves the others. A read may be from before
// they were written (L4), so they are looked for until that can be no more; but not where the
// event has failed before it wrote any, so that mayLag is false.
func (c Client) removePolicy(ctx context.Context, mayLag bool) error {
	current, err := awscall.Repeat(ctx, c.patience, "S3 shows our policy", func() (document, bool, error) {
		current, err := c.readPolicy(ctx)
		ours, _ := c.split(current.Statement)
		return current, err == nil && len(ours) == 0 && mayLag, err
	})
	if err != nil {
		return err
	}
	ours, others := c.split(current.Statement)
	switch {
	case len(ours) == 0:
		return c.checkShown("policy", mayLag)
	case len(others) > 0:
		current.Statement = others
		return c.putPolicy(ctx, current, OldUser)
	}
	return c.deletePolicy(ctx)
}

func (c Client) deletePolicy(ctx context.Context) error {
	_, err := c.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()})
	if err != nil && !awscall.IsMissing(err) {
		return fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	return nil
}

// checkShown refuses to let go of a bucket in which something of ours does not show, where the time of the event
// has ended before S3 must show it. The next event looks again.
func (c Client) checkShown(what string, mayLag bool) error {
	if !mayLag || c.patience.IsOver() {
		return nil
	}
	return awscall.Again(fmt.Errorf("%s of bucket %s: stays until S3 shows whether it is there", what, c.spec.BucketName))
}

func (c Client) readPolicy(ctx context.Context) (document, error) {
	out, err := c.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()})
	if awscall.IsCode(err, "NoSuchBucketPolicy", "NoSuchBucket") {
		return document{}, nil
	}
	if err != nil {
		return document{}, fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	var current document
	if err := json.Unmarshal([]byte(aws.ToString(out.Policy)), &current); err != nil {
		return document{}, fmt.Errorf("policy of bucket %s: cannot be read: %w", c.spec.BucketName, err)
	}
	return current, nil
}

// putPolicy writes a policy. S3 refuses one with a principal whom it does not know, whoever's
// statement that is: our user may be too new, which is waited for, or a user or role of others may be
// gone (L9), which is final.
func (c Client) putPolicy(ctx context.Context, wanted document, user Principal) error {
	_, others := c.split(wanted.Statement)
	lags := []awscall.Lag{awscall.LateRights, awscall.NewBucket}
	gone := goneIn(others)
	if gone == "" && user != OldUser {
		lags = append(lags, awscall.NewPrincipal)
	}
	err := c.sendPolicy(ctx, wanted, func(o *s3.Options) { o.Retryer = c.patience.Retryer(lags...) })
	switch {
	case err == nil:
		c.patience.Changed()
		return nil
	case gone != "" && awscall.IsInvalidPrincipal(err):
		return awscall.Again(fmt.Errorf("policy of bucket %s: %s; remove that statement: %w", c.spec.BucketName, gone, awscall.Brief(err)))
	}
	return fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
}

func (c Client) sendPolicy(ctx context.Context, wanted document, options ...func(*s3.Options)) error {
	text, err := json.Marshal(wanted)
	if err != nil {
		return err
	}
	_, err = c.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(), Policy: aws.String(string(text))}, options...)
	return err
}

// sameStatements compares statements as JSON values. Two ways to write the same statement
// count as different, which costs a write.
func sameStatements(a, b statements) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		var left, right any
		if json.Unmarshal(a[i], &left) != nil || json.Unmarshal(b[i], &right) != nil || !reflect.DeepEqual(left, right) {
			return false
		}
	}
	return true
}
