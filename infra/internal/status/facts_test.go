package status

import (
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"bucketuser/infra/internal/target"
	"bucketuser/lambda/claim"
	"bucketuser/lambda/spec"
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) *time.Time { return aws.Time(now.Add(-d)) }

const (
	day       = 24 * time.Hour
	stackID   = "arn:aws:cloudformation:eu-west-1:123456789012:stack/Storage/5f0c2b10-0000-11ee-be56-0242ac120002"
	secretARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:bucketuser/Disk-x-AbCdEf"
	handler   = "arn:aws:lambda:eu-west-1:123456789012:function:BucketUserProvider-ProviderFunction1"
	function  = "arn:aws:lambda:eu-west-1:123456789012:function:BucketUserProvider-ProviderRotation1"
	theSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
)

// refusal is an answer of AWS's to a call.
func refusal(service, operation, code, message string) error {
	return &smithy.OperationError{ServiceID: service, OperationName: operation, Err: &smithy.GenericAPIError{Code: code, Message: message}}
}

// healthy are the facts of a resource with given properties, all of which are well.
func healthy(properties map[string]any) facts {
	provider := spec.Provider{Partition: "aws", Region: "eu-west-1", Account: "123456789012", IAMPath: "/bucketuser/"}
	s, _ := spec.Read(properties, stackID, "Disk", provider)
	f := facts{
		now: now, spec: s, isSaid: true, isNamed: true, token: handler,
		target: target.Target{Region: "eu-west-1", StackID: stackID, StackStatus: "UPDATE_COMPLETE", LogicalID: "Disk", PhysicalID: s.PhysicalID,
			SecretARN: secretARN, SecretName: s.SecretName},
		stack: answer[stackState]{value: stackState{"UPDATE_COMPLETE", "UPDATE_COMPLETE", "", s.PhysicalID}},
		user: answer[*iamtypes.User]{value: &iamtypes.User{UserName: &s.UserName, Arn: aws.String(s.UserARN()), CreateDate: before(10 * day),
			PermissionsBoundary: &iamtypes.AttachedPermissionsBoundary{PermissionsBoundaryArn: aws.String("arn:aws:iam::123456789012:policy/boundary")}}},
		tags:     answer[map[string]string]{value: claim.Made(s).Tags()},
		block:    answer[*s3types.PublicAccessBlockConfiguration]{value: blocked()},
		policy:   answer[string]{value: string(s.PolicyJSON())},
		lastUsed: map[string]answer[*iamtypes.AccessKeyLastUsed]{},
		named:    answer[map[string][]string]{value: map[string][]string{}},
		pending:  answer[time.Time]{isNone: true},
	}
	f.secret.value = &secretsmanager.DescribeSecretOutput{ARN: aws.String(secretARN), Name: &s.SecretName,
		VersionIdsToStages: map[string][]string{"version-1": {labelCurrent}}}
	f.tagSecretWith(claim.MadeSecret(s, spec.OriginMade).Tags())
	f.tagUserWith(claim.Made(s).Tags())
	f.value.value = value{version: "version-1", created: *before(5 * day), fields: s.SecretValue("AKIACURRENT", theSecret)}
	f.addKey("AKIACURRENT", 5*day, true)
	if s.RotateAfterDays > 0 {
		f.secret.value.RotationEnabled, f.secret.value.NextRotationDate = aws.Bool(true), before(-3*day)
		f.secret.value.RotationLambdaARN = aws.String(function)
		f.secret.value.RotationRules = &smtypes.RotationRulesType{AutomaticallyAfterDays: aws.Int64(int64(s.RotateAfterDays))}
		f.tagUserWith(claim.Bound(secretARN))
	}
	return f
}

func blocked() *s3types.PublicAccessBlockConfiguration {
	on := aws.Bool(true)
	return &s3types.PublicAccessBlockConfiguration{BlockPublicAcls: on, IgnorePublicAcls: on, BlockPublicPolicy: on, RestrictPublicBuckets: on}
}

func (f *facts) tagSecretWith(tags map[string]string) {
	all := f.secretTags()
	maps.Copy(all, tags)
	f.secret.value.Tags = nil
	for key, text := range all {
		f.secret.value.Tags = append(f.secret.value.Tags, smtypes.Tag{Key: aws.String(key), Value: aws.String(text)})
	}
}

func (f *facts) tagUserWith(tags map[string]string) {
	all := maps.Clone(f.userClaim().Tags())
	maps.Copy(all, tags)
	f.user.value.Tags = nil
	for key, text := range all {
		f.user.value.Tags = append(f.user.value.Tags, iamtypes.Tag{Key: aws.String(key), Value: aws.String(text)})
	}
}

func (f *facts) addKey(id string, old time.Duration, isActive bool) {
	state := iamtypes.StatusTypeInactive
	if isActive {
		state = iamtypes.StatusTypeActive
	}
	f.keys.value = append(f.keys.value, iamtypes.AccessKeyMetadata{AccessKeyId: aws.String(id), CreateDate: before(old), Status: state, UserName: &f.spec.UserName})
	f.lastUsed[id] = answer[*iamtypes.AccessKeyLastUsed]{value: &iamtypes.AccessKeyLastUsed{}}
}

// usedBefore says when a key was used last.
func (f *facts) usedBefore(id string, ago time.Duration) {
	f.lastUsed[id] = answer[*iamtypes.AccessKeyLastUsed]{value: &iamtypes.AccessKeyLastUsed{LastUsedDate: before(ago), ServiceName: aws.String("s3")}}
}
