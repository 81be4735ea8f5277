package provision_test

import (
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

const stackID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/analytics/5f0c2b10-0000-11ee-be56-0242ac120002"

// bench is a world whose events the test itself sends, for one resource.
type bench struct {
	*sim.World
	t       *testing.T
	stackID string
	sent    sending

	rotations []awsfake.Begun // that Secrets Manager has begun
}

// inWorld runs a test in a bubble, where waiting takes no time, on an empty account
// in eu-west-1 whose IAM needs time to spread the word.
func inWorld(t *testing.T, test func(*bench)) {
	t.Helper()
	inRegion(t, "eu-west-1", func(w *bench) {
		test(w)
		w.leaked()
		w.everyLineNamesItsEvent()
	})
}

func inRegion(t *testing.T, region string, test func(*bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w, err := sim.NewWorld(region)
		if err != nil {
			t.Fatal(err)
		}
		test(&bench{World: w, t: t, stackID: strings.Replace(stackID, "eu-west-1", region, 1),
			sent: sending{signer: cfnfake.Signer{Region: region}, when: map[string]time.Time{}}})
	})
}

// TestMain has the garbage collector run less often: worlds are small and soon over, and a third of the time was its own.
func TestMain(m *testing.M) {
	debug.SetGCPercent(1600)
	debug.SetMemoryLimit(512 << 20)
	m.Run()
}

// A moment is an account at a time.
type moment struct {
	aws  *awsfake.AWS
	at   time.Time
	sent sending

	rotations []awsfake.Begun
}

func (w *bench) moment() moment {
	return moment{w.AWS.Clone(), time.Now(), w.sent.clone(), slices.Clone(w.rotations)}
}

// goTo puts a copy of the account of a moment into a world that is younger.
func (w *bench) goTo(m moment) {
	<-time.After(time.Until(m.at))
	w.AWS, w.sent, w.rotations = m.aws.Clone(), m.sent.clone(), slices.Clone(m.rotations)
}

var named = sim.Properties{"BucketName": "my-data", "UserName": "clickhouse", "SecretName": "clickhouse/s3"}

// with returns a copy of named with other values.
func with(pairs ...any) sim.Properties {
	p := maps.Clone(named)
	for i := 0; i < len(pairs); i += 2 {
		p[pairs[i].(string)] = pairs[i+1]
	}
	return p
}

func (w *bench) idOf(p sim.Properties) string { return w.parse(p).PhysicalID }

func (w *bench) parse(p sim.Properties) spec.Spec {
	s, err := w.Parse(w.stackID, p)
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}
