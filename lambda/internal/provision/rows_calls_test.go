package provision_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// A Create that meets no lag makes these calls, as many as before there was any patience.
func TestCallsOfACreateWithoutLag(t *testing.T) {
	for _, region := range []string{"eu-west-1", "us-east-1"} {
		for name, p := range map[string]sim.Properties{"named": named, "everything": everything} {
			want := strings.TrimSpace(callsOfACreate[name])
			if region == "us-east-1" { // where CreateBucket does not say whose the bucket is
				want = strings.Replace(want, "1 GetBucketTagging", "2 GetBucketTagging", 1)
			}
			t.Run(region+" "+name, func(t *testing.T) {
				inRegion(t, region, func(w *bench) {
					w.AWS.UserPropagation, w.AWS.KeyPropagation = 0, 0
					w.created(p)
					if got := counted(w.AWS.Calls()); got != want {
						t.Errorf("calls:\n%s\nwant:\n%s", got, want)
					}
				})
			})
		}
	}
}

// counted lists the kinds of calls, each with how many there are.
func counted(calls []awsfake.Call) string {
	counts := map[string]int{}
	for _, c := range calls {
		counts[kindOf(c)]++
	}
	var lines []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		lines = append(lines, fmt.Sprintf("%d %s", counts[kind], kind))
	}
	return strings.Join(lines, "\n")
}

// callsOfACreate are those in every region but us-east-1, by properties.
var callsOfACreate = map[string]string{
	"named": `
1 CreateAccessKey by role
1 CreateBucket by role
1 CreateSecret by role
1 CreateUser by role
1 DeleteObject by role
1 DeleteObject by user
1 DescribeSecret by role
2 DescribeStackResource by role
1 GetBucketTagging by role
1 GetObject by user
1 GetUser by role
1 ListAccessKeys by role
1 ListObjectsV2 by user
1 PutBucketLifecycleConfiguration by role
1 PutBucketPolicy by role
1 PutObject by role
1 PutObject by user
1 PutPublicAccessBlock by role
1 PutSecretValue by role`,
	"everything": `
1 CreateAccessKey by role
1 CreateBucket by role
1 CreateSecret by role
1 CreateUser by role
1 DeleteObject by role
1 DescribeSecret by role
2 DescribeStackResource by role
1 GetBucketTagging by role
1 GetObject by user
1 GetUser by role
1 ListAccessKeys by role
1 ListObjectVersions by role
1 ListObjectsV2 by user
1 PutBucketLifecycleConfiguration by role
1 PutBucketPolicy by role
1 PutBucketVersioning by role
2 PutObject by role
1 PutPublicAccessBlock by role
1 PutSecretValue by role`,
}
