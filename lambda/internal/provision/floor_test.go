package provision_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// callTime is how long every call takes, also the answer to CloudFormation. So the time of an event tells how many calls
// it makes one after the other: its depth.
const callTime = 100 * time.Millisecond

// paced is what an event took.
type paced struct {
	took  time.Duration
	calls []string // "at" and what, in their order
}

func (p paced) depth() float64 { return float64(p.took) / float64(callTime) }

// String has a line for each moment in which calls begin.
func (p paced) String() string {
	return fmt.Sprintf("%.1f deep, %d calls\n%s", p.depth(), len(p.calls), strings.Join(p.calls, "\n"))
}

// pace carries out an event with calls that take their time.
func (w *bench) pace(e event) paced {
	w.t.Helper()
	var mu sync.Mutex
	start, calls := time.Now(), []string(nil)
	w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
		mu.Lock()
		calls = append(calls, fmt.Sprintf("%5.1f %s %s", float64(time.Since(start))/float64(callTime), c.Operation, c.Target))
		mu.Unlock()
		time.Sleep(callTime)
		return awsfake.Decision{}
	}
	defer func() { w.AWS.Before = nil }()
	if r := w.play(e, nil); r.err != nil || !e.isAnsweredBy(r.answer) {
		w.t.Fatalf("%s: %+v %v", e.kind, r.answer, r.err)
	}
	slices.Sort(calls)
	return paced{time.Since(start) + callTime, append(calls, fmt.Sprintf("%5.1f the answer", float64(time.Since(start))/float64(callTime)))}
}

// depths are how deep an event may be with a property: a Create, one in us-east-1, where S3 must show whose the bucket is, and an
// Update that changes the property. Whoever makes an event deeper says here why.
type depths struct{ create, inUSEast1, update float64 }

// floor is that of an event that has nothing to wait for. A Create: looks, CreateSecret, CreateBucket, CreateAccessKey,
// PutBucketPolicy, the proof, the commit, the answer. An Update: looks, the key, the answer. A Delete: looks, DeleteSecret, DeleteAccessKey, DeleteUser, DeleteBucket, the answer.
var floor = depths{8, 9, 3}

// written is that of an Update that changes one setting.
var written = depths{8, 9, 4}

const floorOfDelete = 6

// perProperty has the values of each property, and how deep they are.
var perProperty = map[string]struct {
	p sim.Properties
	depths
}{
	"Prefix":                          {with("Prefix", "other/"), depths{8, 9, 10}}, // the value is written, and the objects before are looked for
	"FolderMarker":                    {with("FolderMarker", "false"), written},
	"Access":                          {with("Access", "Full"), written},
	"Access ReadOnly":                 {with("Access", "ReadOnly"), depths{9, 10, 4}}, // the role puts what the key is to read
	"Statements":                      {with("Statements", []any{map[string]any{"Effect": "Allow", "Action": "s3:GetObjectTagging"}}), written},
	"EnforceTls":                      {with("EnforceTls", "false"), written},
	"OnDelete":                        {with("OnDelete", "Purge"), floor},
	"Versioning":                      {with("Versioning", "true"), depths{10, 11, 5}}, // before the lifecycle; the probe is listed, and has two versions
	"AbortIncompleteUploadsAfterDays": {with("AbortIncompleteUploadsAfterDays", "3"), written},
	"KeySerial":                       {with("KeySerial", "1"), depths{8, 9, 60}}, // CloudFormation may show a rollback for four seconds
	"PreviousKey":                     {with("PreviousKey", "Delete"), depths{8, 9, 54}},
	"RotateAfterDays":                 {with("RotateAfterDays", "30"), depths{15, 16, 11}},     // all that a rotation asks
	"SecretKmsKeyId":                  {with("SecretKmsKeyId", "alias/mine"), depths{8, 9, 5}}, // before the value is read
	"SecretRecoveryDays":              {with("SecretRecoveryDays", "7"), floor},
	"Tags":                            {with("Tags", []any{map[string]any{"Key": "team", "Value": "data"}}), written},
	"ExpireNoncurrentAfterDays":       {with("Versioning", "true", "ExpireNoncurrentAfterDays", "5"), depths{10, 11, 7}}, // three settings are written
	"Trigger":                         {with("Trigger", "1"), floor},
	"VerifyCredentials":               {with("VerifyCredentials", "false"), floor},
	"everything":                      {everything, depths{10, 11, 13}},
}

// Nothing waits for what it does not depend on, with every property.
func TestDepth(t *testing.T) {
	purge := with("OnDelete", "Purge")
	for name, test := range map[string]struct {
		region string
		before sim.Properties
		event  event
		atMost float64
	}{
		"Create":              {"eu-west-1", nil, create(named), floor.create},
		"Create in us-east-1": {"us-east-1", nil, create(named), floor.inUSEast1},
		"Update":              {"eu-west-1", named, update(named, named, named), floor.update},
		"Update in us-east-1": {"us-east-1", named, update(named, named, named), floor.update},
		"Delete":              {"eu-west-1", named, remove(named), floorOfDelete},
		"Delete in us-east-1": {"us-east-1", named, remove(named), floorOfDelete},
		"Delete with Purge":   {"eu-west-1", purge, remove(purge), floorOfDelete},
	} {
		t.Run(name, func(t *testing.T) { isAtMost(t, test.region, test.before, test.event, test.atMost) })
	}
	for _, name := range slices.Sorted(maps.Keys(perProperty)) {
		is := perProperty[name]
		t.Run("Create "+name, func(t *testing.T) { isAtMost(t, "eu-west-1", nil, create(is.p), is.create) })
		t.Run("Create in us-east-1 "+name, func(t *testing.T) { isAtMost(t, "us-east-1", nil, create(is.p), is.inUSEast1) })
		t.Run("Update "+name, func(t *testing.T) { isAtMost(t, "eu-west-1", named, update(named, is.p, named), is.update) })
	}
}

// isAtMost fails the test if an event is deeper, an hour after a Create of other properties, where AWS knows at once what was made.
func isAtMost(t *testing.T, region string, before sim.Properties, e event, atMost float64) {
	t.Helper()
	inRegion(t, region, func(w *bench) {
		w.AWS.UserPropagation, w.AWS.KeyPropagation = 0, 0
		if before != nil {
			w.history(create(before))
			passes(time.Hour)
		}
		is := w.pace(e)
		t.Logf("%v", is)
		if is.depth() > atMost+0.01 {
			t.Errorf("%.1f deep, at most %.0f", is.depth(), atMost)
		}
	})
}

// onePoll is the pause between two looks, and the look.
const onePoll = time.Second + callTime

// A Create takes as long as its calls and the longer of the two propagations, and at most one poll more: the key is made beside the
// wait for the user.
func TestPropagationsOverlap(t *testing.T) {
	for region, calls := range map[string]float64{"eu-west-1": floor.create, "us-east-1": floor.inUSEast1} {
		for _, user := range []time.Duration{0, 5 * time.Second, 12 * time.Second, 20 * time.Second} {
			for _, key := range []time.Duration{0, 8 * time.Second, 15 * time.Second} {
				t.Run(fmt.Sprintf("%s user %s key %s", region, user, key), func(t *testing.T) {
					inRegion(t, region, func(w *bench) {
						w.AWS.UserPropagation, w.AWS.KeyPropagation = user, key
						w.isLateAtMost(create(named), time.Duration(calls*float64(callTime))+max(user, key)+onePoll)
					})
				})
			}
		}
	}
}

func (w *bench) isLateAtMost(e event, atMost time.Duration) {
	w.t.Helper()
	if is := w.pace(e); is.took > atMost {
		w.t.Errorf("took %s, at most %s: %v", is.took, atMost, is)
	}
}
