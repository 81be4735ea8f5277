package awsfake_test

import (
	"fmt"
	"testing"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// lifecycleRunRules are about what S3 does each day by lifecycle rules.
func lifecycleRunRules() []fakeRule {
	const bucket = "my-bucket"
	// versions are those of a key: x, or m for a delete marker.
	versions := func(fake *awsfake.AWS, key string) (text string) {
		for _, o := range fake.Snapshot().Buckets[bucket].Objects[key] {
			text += map[bool]string{false: "x", true: "m"}[o.DeleteMarker]
		}
		return text
	}
	expire := expiring(types.LifecycleExpiration{Days: aws.Int32(3)})
	forget := func(r *types.LifecycleRule) {
		r.NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(3)}
	}
	until := func(day, hour, minute int) {
		<-time.After(time.Until(time.Date(2014, 1, day, hour, minute, 0, 0, time.UTC)))
	}
	// night runs the rules just before a midnight, which changes nothing, and at it.
	night := func(t *testing.T, fake *awsfake.AWS, day int, key, before, after string) {
		until(day-1, 23, 59)
		fake.RunLifecycle(bucket)
		awsrules.Equal(t, fmt.Sprintf("%s before the night of %d", key, day), versions(fake, key), before)
		until(day, 0, 0)
		fake.RunLifecycle(bucket)
		awsrules.Equal(t, fmt.Sprintf("%s after the night of %d", key, day), versions(fake, key), after)
	}
	return []fakeRule{
		{"days of lifecycle rules end at the next midnight UTC", "S3 User Guide, Lifecycle configuration elements: created at 10:30 of 15 January, " +
			"3 days end with the 18th; Expiring objects",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, nil)
				fake.SetVersioning(bucket, "Enabled")
				disabled := withFilter("", expiring(types.LifecycleExpiration{Days: aws.Int32(1)}))
				disabled.Status = types.ExpirationStatusDisabled
				rules := []types.LifecycleRule{disabled, withFilter("a/", expire), withFilter("a/x", expire), withFilter("a/", forget)}
				awsrules.Equal(t, "rules", fake.SetLifecycle(bucket, rules), nil)
				until(15, 10, 30)
				fake.PutObject(bucket, "a/x", "1")
				fake.PutObject(bucket, "b/x", "1")
				night(t, fake, 19, "a/x", "x", "xm")
				night(t, fake, 23, "a/x", "xm", "m")
				fake.RunLifecycle(bucket)
				awsrules.Equal(t, "the lone marker after the next run", versions(fake, "a/x"), "")
				awsrules.Equal(t, "beside the prefix", versions(fake, "b/x"), "x")
			}},
		{"a lifecycle rule counts the days of a version from its successor, and leaves one that is locked", "S3 User Guide, Lifecycle " +
			"configuration elements: another version since 10:30 of 15 January, 3 days end with the 18th; Object Lock considerations",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				fake.AddBucket(bucket, nil)
				fake.SetVersioning(bucket, "Enabled")
				awsrules.Equal(t, "rules", fake.SetLifecycle(bucket, []types.LifecycleRule{withFilter("", forget)}), nil)
				until(1, 10, 30)
				fake.PutObject(bucket, "x", "1")
				fake.SetLegalHold(bucket, "held", fake.PutObject(bucket, "held", "1"), true)
				until(15, 10, 30)
				fake.PutObject(bucket, "x", "2")
				fake.PutObject(bucket, "held", "2")
				night(t, fake, 19, "x", "xx", "x")
				awsrules.Equal(t, "held", versions(fake, "held"), "xx")
			}},
	}
}
