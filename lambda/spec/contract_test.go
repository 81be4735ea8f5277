package spec_test

import (
	"slices"
	"strings"
	"testing"

	"bucketuser/lambda/spec"
)

// origin is a stack that the contract names things for.
var origin = spec.Provider{Partition: "aws", Region: "eu-west-1", Account: "123456789012", IAMPath: spec.DefaultIAMPath}

const originStack = "arn:aws:cloudformation:eu-west-1:123456789012:stack/analytics/5f0c2b10-0000-11ee-be56-0242ac120002"

func contractOf(t *testing.T, properties map[string]any) spec.Spec {
	t.Helper()
	s, err := spec.Parse(properties, originStack, "Disk", origin)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestContract holds what no version may change, since people deploy this and leave it:
// things that earlier versions have made bear these names, and templates and consumers
// read them. A line may be added here. None may be changed or taken away.
func TestContract(t *testing.T) {
	generated, named := contractOf(t, nil), contractOf(t, map[string]any{"BucketName": "my-data", "UserName": "clickhouse", "SecretName": "clickhouse/s3"})
	extra := []any{map[string]any{"Sid": "Inventory", "Effect": "Allow", "Action": "s3:GetObjectTagging"}, map[string]any{"Effect": "Allow", "Action": "s3:GetObjectTagging"}}
	for _, promise := range []struct {
		what, why string
		is        []string
		want      string
	}{
		{"physical ids and generated names",
			"CloudFormation reads another id as a replacement, and a Delete finds a set by these names alone",
			[]string{generated.PhysicalID, generated.UserName, generated.BucketName, generated.SecretName, named.PhysicalID},
			"Disk-v1-wnuuuk2rxytm bucketuser-Disk-wnuuuk2rxytm bucketuser-123456789012-eu-west-1-wnuuuk2rxytm bucketuser/Disk-wnuuuk2rxytm Disk-v1-tgxfyxljlndw"},
		{"tags", "only a thing that bears them is changed or removed",
			[]string{spec.TagOwner, spec.TagStackID, spec.TagLogicalID, spec.TagAdopted, spec.TagLastEvent, spec.TagReleasedBy, spec.TagBefore, spec.TagFormat,
				spec.TagReplaces, spec.TagSupersededBy, spec.TagBucketOrigin, spec.TagPreviousKey, spec.TagRotation, spec.TagAccess,
				spec.TagEmptying, spec.TagSecret, spec.TagFoundTags},
			"bucketuser:owner bucketuser:stack-id bucketuser:logical-id bucketuser:adopted bucketuser:last-event bucketuser:released-by bucketuser:before bucketuser:format " +
				"bucketuser:replaces bucketuser:superseded-by bucketuser:bucket-origin bucketuser:previous-key bucketuser:rotation bucketuser:access bucketuser:emptying bucketuser:secret " +
				"bucketuser:found-tags"},
		{"value of the owner tag of what was released", "buckets and secrets wait for their adoption under it, also those that people tagged by hand",
			[]string{spec.Released}, "released"},
		{"return values", "templates read them with Fn::GetAtt",
			namesOf(spec.ReturnValues),
			"UserName UserArn AccessKeyId BucketName BucketArn Prefix Region Url BackupUrl SecretArn SecretName SecretVersionId"},
		{"fields of the secret", "consumers read them, often as environment variables",
			namesOf(spec.SecretFields),
			"AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_REGION S3_BUCKET S3_PREFIX S3_URL S3_BACKUP_PREFIX S3_BACKUP_URL S3_USER_ARN BUCKETUSER_KEY_SERIAL"},
		{"Sids of Access ReadWrite", "they tell our statements from those of others in a bucket policy",
			sidsOf(named), "BucketUserBucket BucketUserObjects BucketUserDenyInsecureTransport"},
		{"Sids of Access Full with Statements", "the same",
			sidsOf(contractOf(t, map[string]any{"Access": "Full", "EnforceTls": "false", "Statements": extra})),
			"BucketUserFull BucketUserStatement1Inventory BucketUserStatement2"},
		{"Sid while a bucket is emptied", "the same: a later version takes it off", []string{named.DenyWrites().Sid}, "BucketUserDenyWrites"},
		{"Sids that are ours, whoever they name", "the same",
			spec.Sids(), "BucketUserBucket BucketUserObjects BucketUserFull BucketUserDenyInsecureTransport BucketUserDenyWrites"},
		{"Id of a bucket policy", "policies out there have it", []string{spec.PolicyID}, "BucketUser"},
		{"ids of the lifecycle rules", "they tell our rules from those of others", []string{spec.AbortUploadsRuleID, spec.ExpireVersionsRuleID, spec.ExpireMarkersRuleID},
			"bucketuser-abort-incomplete-uploads bucketuser-expire-noncurrent-versions bucketuser-expire-delete-markers"},
		{"keys of our own objects", "a bucket that holds nothing else is empty, and deleted",
			[]string{named.MarkerKey(), named.ProbeKey()}, "data/ data/.bucketuser-probe"},
		{"properties", "templates set them",
			propertyNames(),
			"BucketName UserName SecretName Prefix FolderMarker Access Statements EnforceTls OnDelete Versioning AbortIncompleteUploadsAfterDays " +
				"KeySerial RotateAfterDays SecretKmsKeyId SecretRecoveryDays Tags Trigger VerifyCredentials ExpireNoncurrentAfterDays PreviousKey"},
		{"properties that replace the resource, and defaults", "a resource that leaves a property out gets another value otherwise, with the update of the provider",
			defaults(),
			"BucketName:identity UserName:identity SecretName:identity Prefix=data/ FolderMarker=true Access=ReadWrite EnforceTls=true " +
				"OnDelete=DeleteIfEmpty AbortIncompleteUploadsAfterDays=7 KeySerial=0 RotateAfterDays=0 SecretRecoveryDays=0 VerifyCredentials=true " +
				"ExpireNoncurrentAfterDays=0 PreviousKey=Keep"},
	} {
		for _, want := range strings.Fields(promise.want) {
			if !slices.Contains(promise.is, want) {
				t.Errorf("%s: %q is promised since 0.1.0 and is gone: %s", promise.what, want, promise.why)
			}
		}
	}
}

func namesOf(values []spec.Value) (names []string) {
	for _, v := range values {
		names = append(names, v.Name)
	}
	return names
}

func sidsOf(s spec.Spec) (sids []string) {
	for _, statement := range s.Policy() {
		sids = append(sids, statement.Sid)
	}
	return sids
}

// defaults are those of properties that have one, and the word identity for the names.
func defaults() (all []string) {
	for _, p := range spec.Table {
		if p.OnChange == spec.Identity {
			all = append(all, p.Name+":"+p.OnChange)
		} else {
			all = append(all, p.Name+"="+strings.Trim(p.Default, "`"))
		}
	}
	return all
}

func propertyNames() (names []string) {
	for _, p := range spec.Table {
		names = append(names, p.Name)
	}
	return names
}
