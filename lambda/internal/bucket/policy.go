package provision

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
func (r *run) ensurePolicy(ctx context.Context, op operation, made set) error {
	s := op.spec
	current := policyDocument{}
	if !made.bucket.fresh {
		var err error
		if current, err = r.readPolicy(ctx, s); err != nil {
			return err
		}
	}
	var wanted policyDocument
	if err := json.Unmarshal(s.PolicyJSON(), &wanted); err != nil {
		return fmt.Errorf("policy of bucket %s: %w", s.BucketName, err)
	}
	ours, others := splitStatements(current.Statement)
	r.reportOpen(s, others)
	isChanged := op.changes(func(s spec.Spec) any { return s.PolicyJSON() })
	if !made.user.fresh && !isChanged && sameStatements(ours, wanted.Statement) {
		return nil
	}
	r.reportRepair(op, !made.bucket.fresh && !made.user.fresh && !isOurPolicyOf(op.before(), ours), "policy")
	if len(others) > 0 {
		wanted.Version, wanted.ID = current.Version, current.ID
		wanted.Statement = append(others, wanted.Statement...)
	}
	return r.putPolicy(ctx, s, wanted)
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
// they were written (L4), so they are looked for until that can be no more.
func (r *run) removePolicy(ctx context.Context, s spec.Spec) error {
	current, err := awscall.Repeat(ctx, r.patience, "S3 shows our policy", func() (policyDocument, bool, error) {
		current, err := r.readPolicy(ctx, s)
		ours, _ := splitStatements(current.Statement)
		return current, err == nil && len(ours) == 0 && r.mayHaveEquipped(), err
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
		return r.putPolicy(ctx, s, current)
	}
	_, err = r.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner()})
	if err != nil && !awscall.IsMissing(err) {
		return fmt.Errorf("policy of bucket %s: %w", s.BucketName, awscall.Brief(err))
	}
	return nil
}

// mayHaveEquipped reports whether a bucket that is let go of may have our policy and our rule
// though it does not show them: not if this event, which made it ours, has failed before.
func (r *run) mayHaveEquipped() bool {
	return r.hasEquipped || r.op.isRepeated || r.op.kind == kindDelete || r.op.kind == kindBack
}

func (r *run) readPolicy(ctx context.Context, s spec.Spec) (policyDocument, error) {
	out, err := r.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner()})
	if awscall.IsCode(err, "NoSuchBucketPolicy", "NoSuchBucket") {
		return policyDocument{}, nil
	}
	if err != nil {
		return policyDocument{}, fmt.Errorf("policy of bucket %s: %w", s.BucketName, awscall.Brief(err))
	}
	var document policyDocument
	if err := json.Unmarshal([]byte(aws.ToString(out.Policy)), &document); err != nil {
		return policyDocument{}, fmt.Errorf("policy of bucket %s: cannot be read: %w", s.BucketName, err)
	}
	return document, nil
}

func (r *run) putPolicy(ctx context.Context, s spec.Spec, document policyDocument) error {
	text, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("policy of bucket %s: %w", s.BucketName, err)
	}
	if len(text) > spec.MaxPolicyBytes {
		return fmt.Errorf("policy of bucket %s: has %d bytes with the statements of others, S3 allows %d; shorten Statements",
			s.BucketName, len(text), spec.MaxPolicyBytes)
	}
	_, err = r.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{
		Bucket: &s.BucketName, ExpectedBucketOwner: r.expectedOwner(), Policy: aws.String(string(text))},
		func(o *s3.Options) {
			o.Retryer = r.patience.Retryer(awscall.LateRights, awscall.NewBucket, awscall.NewPrincipal)
		})
	if err != nil {
		return fmt.Errorf("policy of bucket %s: %w", s.BucketName, awscall.Brief(err))
	}
	r.patience.Changed()
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
