package awsfake

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// maxStages is how many staging labels the versions of a secret may have in all: Secrets Manager User Guide, Quotas.
const maxStages = 20

// updateSecretVersionStage moves, attaches or removes one staging label. A move that names the version which the label is
// removed from is a compare-and-set; its own repeat is refused.
//
// Known of its refusals are InvalidParameterException, in AWS's words, for a label that is attached elsewhere while
// RemoveFromVersionId is missing, and for AWSCURRENT without a target. Sources: terraform-provider-aws #19943, and the comment
// in its secret_version.go. That a RemoveFromVersionId which does not match fails is documented, with neither code nor
// words, so [Laws.StagesInvalidRequest] plays the other code that the API Reference lists.
func (a *AWS) updateSecretVersionStage(in *secretsmanager.UpdateSecretVersionStageInput) (*secretsmanager.UpdateSecretVersionStageOutput, error) {
	s, err := a.liveSecret(in.SecretId)
	if err != nil {
		return nil, err
	}
	from, err := s.existingVersion(in.RemoveFromVersionId)
	if err != nil {
		return nil, err
	}
	to, err := s.existingVersion(in.MoveToVersionId)
	if err != nil {
		return nil, err
	}
	stage := aws.ToString(in.VersionStage)
	if err := a.checkMove(s, stage, from, to); err != nil {
		return nil, err
	}
	if to == nil {
		from.lose(stage)
	} else {
		s.move(stage, to)
	}
	if stage == stageCurrent {
		a.abandon(s, to, changedStage)
		if a.MoveEndsPending {
			to.lose(stagePending)
		}
	}
	return &secretsmanager.UpdateSecretVersionStageOutput{ARN: aws.String(s.arn), Name: aws.String(s.name)}, nil
}

// existingVersion finds a version by its id, also one without labels. It is nil for no id.
func (s *secret) existingVersion(id *string) (*secretVersion, error) {
	if id == nil {
		return nil, nil
	}
	if v := s.version(*id); v != nil {
		return v, nil
	}
	return nil, fail(400, "ResourceNotFoundException", "Secrets Manager can't find the specified secret version: %s", *id)
}

// checkMove is why a label cannot go from one version to another, or nil. Either version may be nil.
func (a *AWS) checkMove(s *secret, stage string, from, to *secretVersion) error {
	holder := s.staged(stage)
	switch {
	case from == nil && to == nil:
		return a.stageRefused("You must specify MoveToVersionId or RemoveFromVersionId.")
	case from != nil && from != holder:
		return a.stageRefused("Staging label %s is not attached to version %s.", stage, from.id)
	case to == nil && stage == stageCurrent:
		return fail(400, "InvalidParameterException",
			"You can only move staging label AWSCURRENT to a different secret version. It can’t be completely removed.")
	case to != nil && from == nil && holder != nil && holder != to:
		return fail(400, "InvalidParameterException", "The parameter RemoveFromVersionId can't be empty. Staging label %s is currently "+
			"attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.", stage, holder.id)
	case to != nil && holder == nil:
		return s.roomForStages([]string{stage})
	}
	return nil
}

// stageRefused is a refusal whose code nobody has seen.
func (a *AWS) stageRefused(format string, args ...any) error {
	if a.StagesInvalidRequest {
		return fail(400, "InvalidRequestException", format, args...)
	}
	return fail(400, "InvalidParameterException", format, args...)
}

// roomForStages refuses labels that would be more than a secret may have: those that it has move. The words are not known.
func (s *secret) roomForStages(stages []string) error {
	var all []string
	for _, v := range s.versions {
		all = append(all, v.stages...)
	}
	for _, stage := range stages {
		if !slices.Contains(all, stage) {
			all = append(all, stage)
		}
	}
	if len(all) > maxStages {
		return fail(400, "LimitExceededException", "You've reached the limit of %d staging labels of a secret.", maxStages)
	}
	return nil
}

// lose takes a label off a version.
func (v *secretVersion) lose(stage string) {
	v.stages = slices.DeleteFunc(v.stages, func(other string) bool { return other == stage })
}

// MoveStage moves a staging label of a secret to a version by hand, or takes it off where the id is empty. It does nothing
// for a version that is not there, and AWSCURRENT cannot be taken off.
func (a *AWS) MoveStage(name, stage, id string) {
	defer a.changing()()
	s := a.secrets[name]
	if s == nil {
		return
	}
	if v := s.version(id); v != nil {
		s.move(stage, v)
	} else if holder := s.staged(stage); id == "" && holder != nil && stage != stageCurrent {
		holder.lose(stage)
	}
}
