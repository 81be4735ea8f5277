package target

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/spec"
)

// A NoSecretError says that a resource has no secret, as far as that can be seen.
type NoSecretError struct{ Of Target }

func (e *NoSecretError) Error() string {
	resource := "resource " + e.Of.LogicalID + " of stack " + e.Of.StackName()
	switch e.Of.ResourceStatus {
	case "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_FAILED":
		return fmt.Sprintf("%s: its secret is gone: there is no %s, and the list of secrets, which may be five minutes behind, has none with its tags; a change of Trigger makes it anew", resource, e.Of.generatedName())
	}
	return strings.TrimRight(fmt.Sprintf("%s: has no secret; it is in %s: %s", resource, e.Of.ResourceStatus, e.Of.StatusReason), ": ")
}

// findAlone fills in the secret, and what its tags say of the resource.
func (f finder) findAlone(ctx context.Context, t *Target, secret string) error {
	out, err := f.describe(ctx, secret)
	if isNotFound(err) {
		return f.absent(ctx, "secret", secret)
	}
	if err != nil {
		return Explain(fmt.Errorf("secret %s: %w", secret, err))
	}
	t.take(out)
	t.StackID, t.LogicalID, t.PhysicalID = t.Tags[spec.TagStackID], t.Tags[spec.TagLogicalID], t.Tags[spec.TagOwner]
	return nil
}

// findSecret fills in the secret of a resource. Names and outputs come first, since they need no
// right to list all secrets of the account.
func (f finder) findSecret(ctx context.Context, t *Target, outputs []string) error {
	if t.PhysicalID == "" { // it is being created
		return &NoSecretError{*t}
	}
	candidates := append([]string{t.generatedName()}, secretsAmong(outputs)...)
	var denied error
	for _, candidate := range candidates {
		out, err := f.describe(ctx, candidate)
		switch {
		case isNotFound(err):
		case isDenied(err):
			denied = fmt.Errorf("secret %s: %w", candidate, err)
		case err != nil:
			return Explain(fmt.Errorf("secret %s: %w", candidate, err))
		case t.isOwner(tagsOf(out.Tags)), candidate == candidates[0] && !t.isOthers(tagsOf(out.Tags)):
			t.take(out)
			return nil
		}
	}
	err := f.findByTags(ctx, t)
	if none := (*NoSecretError)(nil); denied != nil && (errors.As(err, &none) || isDenied(err)) {
		return fmt.Errorf("%w; or name the secret with --secret (make: SECRET=)", Explain(denied))
	}
	return err
}

// findByTags lists the secrets that bear the tags of the resource.
func (f finder) findByTags(ctx context.Context, t *Target) error {
	pages := secretsmanager.NewListSecretsPaginator(f.secrets, &secretsmanager.ListSecretsInput{
		IncludePlannedDeletion: aws.Bool(true),
		Filters: []types.Filter{
			{Key: types.FilterNameStringTypeTagKey, Values: []string{spec.TagOwner}},
			{Key: types.FilterNameStringTypeTagValue, Values: []string{t.PhysicalID}},
		},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return Explain(fmt.Errorf("secret of resource %s: %w", t.LogicalID, err))
		}
		for _, entry := range page.SecretList {
			if !t.isOwner(tagsOf(entry.Tags)) {
				continue
			}
			out, err := f.describe(ctx, aws.ToString(entry.ARN))
			if err != nil {
				return Explain(fmt.Errorf("secret %s: %w", aws.ToString(entry.Name), err))
			}
			t.take(out)
			return nil
		}
	}
	return &NoSecretError{*t}
}

func (f finder) describe(ctx context.Context, secret string) (*secretsmanager.DescribeSecretOutput, error) {
	return f.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &secret})
}

// take fills in the secret.
func (t *Target) take(out *secretsmanager.DescribeSecretOutput) {
	t.SecretARN, t.SecretName, t.Tags = aws.ToString(out.ARN), aws.ToString(out.Name), tagsOf(out.Tags)
	t.Deleted = aws.ToTime(out.DeletedDate)
}

// generatedName is the name of the secret, unless the property SecretName gives it one.
func (t Target) generatedName() string {
	return spec.GeneratedSecretName(t.LogicalID, t.PhysicalID)
}

// claim reads the tags of a secret for the resource.
func (t *Target) claim(tags map[string]string) claim.Claim {
	return claim.Read(tags, spec.Spec{StackID: t.StackID, LogicalID: t.LogicalID, PhysicalID: t.PhysicalID})
}

func (t *Target) isOwner(tags map[string]string) bool { return t.claim(tags).IsOurs() }

func (t *Target) isOthers(tags map[string]string) bool { return t.claim(tags).IsOthers() }

// secretsAmong are the values that are ARNs of secrets.
func secretsAmong(values []string) []string {
	var arns []string
	for _, value := range values {
		if a, err := arn.Parse(value); err == nil && a.Service == "secretsmanager" {
			arns = append(arns, value)
		}
	}
	return arns
}

func tagsOf(list []types.Tag) map[string]string {
	tags := map[string]string{}
	for _, tag := range list {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}

func isNotFound(err error) bool {
	var none *types.ResourceNotFoundException
	return errors.As(err, &none)
}
