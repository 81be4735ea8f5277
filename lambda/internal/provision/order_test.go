package provision_test

import (
	"strings"
	"testing"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// isConfiguration reports whether a call changes the configuration of a bucket.
func isConfiguration(c awsfake.Call) bool {
	return c.Service == "s3" && isWrite(c) && !strings.Contains(c.Operation, "Object") && !strings.Contains(c.Operation, "Upload")
}

// S3 refuses two changes of one bucket's configuration at the same time, and no policy
// may stand a moment without the public access block.
func TestBucketIsConfiguredByOneCallAtATime(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("Versioning", "true", "Tags", []any{map[string]any{"Key": "a", "Value": "b"}})
		for _, e := range []event{create(named), update(named, p, named)} {
			w.AWS.SetPublicAccessBlock("my-data", false) // if it is there
			w.AWS.SetResourceStatus(stackID, sim.LogicalID, strings.ToUpper(e.kind)+"_IN_PROGRESS")
			order := strings.Join(w.configurations(e), " ")
			if block, policy := strings.Index(order, "PutPublicAccessBlock"), strings.Index(order, "PutBucketPolicy"); block < 0 || block > policy && policy >= 0 {
				t.Errorf("%s: %s", e.kind, order)
			}
		}
	})
}

// configurations delivers an event and returns the calls that configured the bucket. As
// long as there is another call, these wait, so that those made at the same time meet.
func (w *bench) configurations(e event) (made []string) {
	w.t.Helper()
	lastOther := func(held []awsfake.Call) (next int) {
		n := 0
		for i, call := range held {
			if isConfiguration(call) {
				n++
			} else {
				next = i
			}
		}
		if n > 1 {
			w.t.Errorf("%d at the same time: %v", n, held)
		}
		return next
	}
	var a answer
	w.Run(lastOther, func(c awsfake.Call) awsfake.Decision {
		if isConfiguration(c) {
			made = append(made, c.Operation)
		}
		return awsfake.Decision{}
	}, func() { a = w.deliver(w.AWS.Session("provider"), e.kind, w.idOf(named), e.p, e.old) })
	w.succeeded(a)
	return made
}
