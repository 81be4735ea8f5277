package bucket

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/spec"
)

// policyDocument is a bucket policy whose statements may be anybody's, so they are
// kept as they are.
type policyDocument struct {
	Version   string
	ID        string `json:"Id,omitempty"`
	Statement []json.RawMessage
}

// ensurePolicy writes our statements beside those of others. S3 stores the unique id of a
// user in place of its name, so a user that was created again is another principal: the
// policy is written again for every new user. S3 does not know a new user at once.
func (c Client) ensurePolicy(ctx context.Context, change spec.Change, b Bucket, user Principal) error {
	current := policyDocument{}
	if !b.Fresh {
		var err error
		if current, err = c.readPolicy(ctx); err != nil {
			return err
		}
	}
	var wanted policyDocument
	if err := json.Unmarshal(c.spec.PolicyJSON(), &wanted); err != nil {
		return fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, err)
	}
	ours, others := splitStatements(current.Statement)
	c.reportOpen(others)
	isChanged := change.Changes(func(s spec.Spec) any { return s.PolicyJSON() })
	if user != NewUser && !isChanged && sameStatements(ours, wanted.Statement) {
		return nil
	}
	c.reportRepair(change, !b.Fresh && user != NewUser && !isOurPolicyOf(change.Before, ours), "policy")
	if len(others) > 0 {
		wanted.Version, wanted.ID = current.Version, current.ID
		wanted.Statement = append(others, wanted.Statement...)
	}
	return c.putPolicy(ctx, wanted)
}

// isOurPolicyOf reports whether statements are those of a spec, as far as that is known.
func isOurPolicyOf(old spec.Spec, statements []json.RawMessage) bool {
	if old.PhysicalID == "" {
		return true
	}
	var before policyDocument
	err := json.Unmarshal(old.PolicyJSON(), &before)
	return err == nil && sameStatements(statements, before.Statement)
}

// removePolicy takes our statements away and leaves the others. A read may be from before
// they were written (L4), so they are looked for until that can be no more; but not where the
// event has failed before it wrote any, so that mayLag is false.
func (c Client) removePolicy(ctx context.Context, mayLag bool) error {
	current, err := awscall.Repeat(ctx, c.patience, "S3 shows our policy", func() (policyDocument, bool, error) {
		current, err := c.readPolicy(ctx)
		ours, _ := splitStatements(current.Statement)
		return current, err == nil && len(ours) == 0 && mayLag, err
	})
	if err != nil {
		return err
	}
	ours, others := splitStatements(current.Statement)
	switch {
	case len(ours) == 0:
		return nil
	case len(others) > 0:
		current.Statement = others
		return c.putPolicy(ctx, current)
	}
	_, err = c.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()})
	if err != nil && !awscall.IsMissing(err) {
		return fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	return nil
}

func (c Client) readPolicy(ctx context.Context) (policyDocument, error) {
	out, err := c.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner()})
	if awscall.IsCode(err, "NoSuchBucketPolicy", "NoSuchBucket") {
		return policyDocument{}, nil
	}
	if err != nil {
		return policyDocument{}, fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	var document policyDocument
	if err := json.Unmarshal([]byte(aws.ToString(out.Policy)), &document); err != nil {
		return policyDocument{}, fmt.Errorf("policy of bucket %s: cannot be read: %w", c.spec.BucketName, err)
	}
	return document, nil
}

func (c Client) putPolicy(ctx context.Context, document policyDocument) error {
	text, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, err)
	}
	if len(text) > spec.MaxPolicyBytes {
		return fmt.Errorf("policy of bucket %s: has %d bytes with the statements of others, S3 allows %d; shorten Statements",
			c.spec.BucketName, len(text), spec.MaxPolicyBytes)
	}
	_, err = c.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{
		Bucket: &c.spec.BucketName, ExpectedBucketOwner: c.owner(), Policy: aws.String(string(text))},
		func(o *s3.Options) {
			o.Retryer = c.patience.Retryer(awscall.LateRights, awscall.NewBucket, awscall.NewPrincipal)
		})
	if err != nil {
		return fmt.Errorf("policy of bucket %s: %w", c.spec.BucketName, awscall.Brief(err))
	}
	c.patience.Changed()
	return nil
}

// splitStatements tells our statements from those of others by their Sid.
func splitStatements(statements []json.RawMessage) (ours, others []json.RawMessage) {
	for _, statement := range statements {
		var header struct{ Sid string }
		if json.Unmarshal(statement, &header) == nil && strings.HasPrefix(header.Sid, spec.SidPrefix) {
			ours = append(ours, statement)
		} else {
			others = append(others, statement)
		}
	}
	return ours, others
}

// sameStatements compares statements as JSON values. Two ways to write the same statement
// count as different, which costs a write.
func sameStatements(a, b []json.RawMessage) bool {
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
