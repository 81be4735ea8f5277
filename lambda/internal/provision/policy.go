package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/spec"
)

// policyDocument is a bucket policy whose statements may be anybody's, so they are
// kept as they are.
type policyDocument struct {
	Version   string
	ID        string `json:"Id,omitempty"`
	Statement []json.RawMessage
}

// ensurePolicy writes our statements beside those of others. S3 stores the unique
// id of a user, not its name: a user that was created again is another principal,
// so a new user always gets the policy written again. A new user is not known to S3
// at once.
func (p *Provisioner) ensurePolicy(ctx context.Context, s spec.Spec, c change, made set) error {
	current := policyDocument{}
	if !made.bucket.fresh {
		var err error
		if current, err = p.readPolicy(ctx, s); err != nil {
			return err
		}
	}
	var wanted policyDocument
	if err := json.Unmarshal(s.PolicyJSON(), &wanted); err != nil {
		return fmt.Errorf("policy of bucket %s: %w", s.BucketName, err)
	}
	ours, others := splitStatements(current.Statement)
	if !made.user.fresh && sameStatements(ours, wanted.Statement) {
		return nil
	}
	p.reportRepair(c, !made.bucket.fresh && !made.user.fresh && !isOurPolicyOf(c.old, ours), "policy", s.BucketName)
	if len(others) > 0 {
		wanted.Version, wanted.ID = current.Version, current.ID
		wanted.Statement = append(others, wanted.Statement...)
	}
	return p.putPolicy(ctx, s, wanted)
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

// removePolicy takes our statements away and leaves the others.
func (p *Provisioner) removePolicy(ctx context.Context, s spec.Spec) error {
	current, err := p.readPolicy(ctx, s)
	if err != nil {
		return err
	}
	ours, others := splitStatements(current.Statement)
	switch {
	case len(ours) == 0:
		return nil
	case len(others) > 0:
		current.Statement = others
		return p.putPolicy(ctx, s, current)
	}
	_, err = p.s3.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner()})
	if err != nil && !isMissing(err) {
		return fmt.Errorf("policy of bucket %s: %w", s.BucketName, brief(err))
	}
	return nil
}

func (p *Provisioner) readPolicy(ctx context.Context, s spec.Spec) (policyDocument, error) {
	out, err := p.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner()})
	if isCode(err, "NoSuchBucketPolicy", "NoSuchBucket") {
		return policyDocument{}, nil
	}
	if err != nil {
		return policyDocument{}, fmt.Errorf("policy of bucket %s: %w", s.BucketName, brief(err))
	}
	var document policyDocument
	if err := json.Unmarshal([]byte(aws.ToString(out.Policy)), &document); err != nil {
		return policyDocument{}, fmt.Errorf("policy of bucket %s: cannot be read: %w", s.BucketName, err)
	}
	return document, nil
}

func (p *Provisioner) putPolicy(ctx context.Context, s spec.Spec, document policyDocument) error {
	text, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("policy of bucket %s: %w", s.BucketName, err)
	}
	if len(text) > spec.MaxPolicyBytes {
		return fmt.Errorf("policy of bucket %s: has %d bytes with the statements of others, S3 allows %d; shorten Statements",
			s.BucketName, len(text), spec.MaxPolicyBytes)
	}
	_, err = p.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{
		Bucket: &s.BucketName, ExpectedBucketOwner: p.expectedOwner(), Policy: aws.String(string(text))},
		func(o *s3.Options) { o.Retryer = patient(ctx, principalPropagation, isInvalidPrincipal) })
	if err != nil {
		return fmt.Errorf("policy of bucket %s: %w", s.BucketName, brief(err))
	}
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

// sameStatements compares by meaning as far as JSON goes: a difference only means
// that the policy is written once more.
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
