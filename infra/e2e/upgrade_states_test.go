//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
)

// A state is a resource that an earlier version makes, as in lambda/internal/provision/testdata/left: those which a
// deployment can come to. The others are left by functions that die.
type state struct {
	id         string // logical, and part of its names
	properties string // lines of YAML, besides the names
	isFull     bool   // it holds data when the provider is updated
}

const hasTags = "      Tags: [{Key: team, Value: data}]\n      Statements: [{Effect: Allow, Action: 's3:GetObjectTagging'}]\n"

// lasting are there before and after the update of the provider.
var lasting = []state{
	{"Named", "", false},
	{"Generated", "", false},
	{"Purge", "      OnDelete: Purge\n", true},
	{"PurgeVersioned", "      OnDelete: Purge\n      Versioning: true\n", true},
	{"Retain", "      OnDelete: Retain\n", true},
	{"RetainVersioned", "      OnDelete: Retain\n      Versioning: true\n", true},
	{"Versioned", "      Versioning: true\n", false},
	{"Everything", "      Prefix: logs\n      Access: ReadOnly\n      Versioning: true\n      AbortIncompleteUploadsAfterDays: 3\n" + hasTags, false},
	{"Braces", "      Prefix: 'a{b}/'\n", false},
	{"Anchors", "      Prefix: 'a^b$/'\n", false},
	{"Adopted", "      OnDelete: Retain\n", true},
	{"Renamed", "      OnDelete: Purge\n", true},
	{"Restored", "      SecretRecoveryDays: 7\n", false},
}

// removed are deleted before the update of the provider, and made again after it.
var removed = []state{
	{"Retained", "      OnDelete: Retain\n", true},
	{"Recovering", "      SecretRecoveryDays: 7\n", false},
}

// states is a template of resources, which get more properties. Renamed ends the names of one.
func (d *deployment) states(all []state, renamed, more string) string {
	resources, outputs := "Resources:\n", "Outputs:\n"
	for _, s := range all {
		resources += "  " + s.id + ":\n    Type: Custom::BucketUser\n    Properties:\n      ServiceToken: !ImportValue " + d.name + "-ServiceToken\n" +
			s.properties + more
		if name := d.name + "-" + s.id; s.id != "Generated" {
			if s.id == "Renamed" {
				name += renamed
			}
			resources += fmt.Sprintf("      BucketName: bucketuser-%s\n      UserName: %s\n      SecretName: bucketuser/%s\n", strings.ToLower(name), name, name)
		}
		for _, value := range []string{"SecretArn", "BucketName", "AccessKeyId"} {
			outputs += fmt.Sprintf("  %s%s: {Value: !GetAtt %s.%s}\n", s.id, value, s.id, value)
		}
	}
	return resources + outputs
}

// makeStates has the earlier provider make all states, and returns the outputs of the stack.
func (d *deployment) makeStates(stack string) map[string]string {
	d.t.Helper()
	ctx := d.t.Context()
	offer(d.t, "bucketuser-"+strings.ToLower(d.name)+"-adopted", map[string]string{"theirs": "1"})
	first := cloudtest.Must(cloud.Deploy(ctx, stack, d.states(slices.Concat(lasting, removed), "", ""), nil))(d.t)
	for _, s := range slices.Concat(lasting, removed) {
		if s.isFull && s.id != "Renamed" {
			d.fill(first[s.id+"BucketName"], "data/before")
		}
	}
	without := slices.DeleteFunc(slices.Clone(lasting), func(s state) bool { return s.id == "Restored" })
	cloudtest.Must(cloud.Deploy(ctx, stack, d.states(without, "-2", ""), nil))(d.t)
	made := cloudtest.Must(cloud.Deploy(ctx, stack, d.states(lasting, "-2", ""), nil))(d.t)
	d.fill(made["RenamedBucketName"], "data/before")
	return made
}

// fill writes an object as the owner of the account.
func (d *deployment) fill(bucket, key string) {
	d.t.Helper()
	cloudtest.Must(cloud.S3.PutObject(d.t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader("1")}))(d.t)
}

// serveStates updates, rotates and deletes what an earlier provider has made; what that has let go of is made again.
func (d *deployment) serveStates(stack string, made map[string]string) {
	d.t.Helper()
	ctx, all := d.t.Context(), slices.Concat(lasting, removed)
	now := cloudtest.Must(cloud.Deploy(ctx, stack, d.states(all, "-2", fmt.Sprintf("      RotateAfterDays: %d\n", never)), nil))(d.t)
	wantSameOutputs(d.t, "the stack's", made, maps.Clone(now))
	before := map[string]*cloudtest.User{}
	for _, s := range all {
		before[s.id] = userOf(d.t, now[s.id+"SecretArn"])
		d.wantServed(s, "after the update", before[s.id])
		cloudtest.Must(cloud.Secrets.RotateSecret(ctx, &secretsmanager.RotateSecretInput{SecretId: aws.String(now[s.id+"SecretArn"])}))(d.t)
	}
	for _, s := range all {
		d.wantServed(s, "after the rotation", awaitKey(d.t, now[s.id+"SecretArn"], before[s.id]))
		d.wantServed(s, "as the previous one,", before[s.id])
	}
	if err := cloud.DeleteStack(ctx, stack); err != nil {
		d.t.Fatal(err)
	}
	d.wantReleased(all, now)
}

// wantServed uses a key of a resource to write, or to list where that would leave versions in a bucket that has to be
// empty. The data is there.
func (d *deployment) wantServed(s state, when string, user *cloudtest.User) {
	d.t.Helper()
	bucket, prefix := user.Bucket(), user.Fields["S3_PREFIX"]
	if s.isFull {
		if _, err := user.S3.GetObject(d.t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: aws.String("data/before")}); err != nil {
			d.t.Errorf("%s: %s the data is gone: %v", s.id, when, err)
		}
	}
	if s.isFull || !strings.Contains(s.properties, "Versioning") {
		wantKeyWorks(d.t, s.id+": "+when, user)
	} else if _, err := user.S3.ListObjectsV2(d.t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix}); err != nil {
		d.t.Errorf("%s: %s the key does not work: %v", s.id, when, err)
	}
}

// wantReleased wants nothing to be left of the states but what was to stay, and removes that.
func (d *deployment) wantReleased(all []state, outputs map[string]string) {
	d.t.Helper()
	for _, s := range all {
		bucket, secret := outputs[s.id+"BucketName"], outputs[s.id+"SecretArn"]
		_, err := cloud.S3.HeadBucket(d.t.Context(), &s3.HeadBucketInput{Bucket: &bucket})
		if stays := strings.Contains(s.properties, "Retain"); stays != (err == nil) {
			d.t.Errorf("%s: the bucket stays: %v, %v", s.id, stays, err)
		} else if stays {
			d.removeBucket(bucket)
		}
		found, err := cloud.Secrets.DescribeSecret(d.t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &secret})
		if recovers := strings.Contains(s.properties, "SecretRecoveryDays"); recovers != (err == nil && found.DeletedDate != nil) {
			d.t.Errorf("%s: the secret is in its recovery window: %v, %v", s.id, recovers, err)
		} else if recovers {
			cloudtest.Must(cloud.Secrets.DeleteSecret(d.t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &secret,
				ForceDeleteWithoutRecovery: aws.Bool(true)}))(d.t)
		}
	}
}

// removeBucket deletes a bucket with the versions of the one object in it.
func (d *deployment) removeBucket(bucket string) {
	d.t.Helper()
	listed := cloudtest.Must(cloud.S3.ListObjectVersions(d.t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket}))(d.t)
	var all []types.ObjectIdentifier
	for _, version := range listed.Versions {
		all = append(all, types.ObjectIdentifier{Key: version.Key, VersionId: version.VersionId})
	}
	for _, marker := range listed.DeleteMarkers {
		all = append(all, types.ObjectIdentifier{Key: marker.Key, VersionId: marker.VersionId})
	}
	cloudtest.Must(cloud.S3.DeleteObjects(d.t.Context(), &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &types.Delete{Objects: all}}))(d.t)
	cloudtest.Must(cloud.S3.DeleteBucket(d.t.Context(), &s3.DeleteBucketInput{Bucket: &bucket}))(d.t)
}
