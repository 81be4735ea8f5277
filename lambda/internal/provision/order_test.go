package provision_test

import (
	"strings"
	"testing"

	"bucketuser/lambda/internal/awsfake"
)

// S3 refuses two changes of one bucket's configuration at the same time, and no policy
// may stand a moment without the public access block.
func TestBucketIsConfiguredByOneCallAtATime(t *testing.T) {
	isConfiguration := func(c awsfake.Call) bool {
		return c.Service == "s3" && isWrite(c) && !strings.Contains(c.Operation, "Object") && !strings.Contains(c.Operation, "Upload")
	}
	inWorld(t, func(w *world) {
		p := with("Versioning", "true", "Tags", []any{map[string]any{"Key": "a", "Value": "b"}})
		for _, e := range []event{create(named), update(named, p, named)} {
			w.aws.SetPublicAccessBlock("my-data", false) // if it is there
			w.aws.SetResourceStatus(stackID, logicalID, strings.ToUpper(e.kind)+"_IN_PROGRESS")
			var made []string
			var a answer
			w.direct(func(calls []awsfake.Call) (int, awsfake.Decision) {
				next, n := 0, 0
				for i, call := range calls {
					if isConfiguration(call) {
						n++
					} else {
						next = i // as long as there is another, a configuration waits
					}
				}
				if n > 1 {
					t.Errorf("%d at the same time: %v", n, calls)
				}
				if isConfiguration(calls[next]) {
					made = append(made, calls[next].Operation)
				}
				return next, awsfake.Decision{}
			}, func() { a = w.deliver(w.aws.Session("provider"), e.kind, w.idOf(named), e.p, e.old) })
			w.succeeded(a)
			order := strings.Join(made, " ")
			if block, policy := strings.Index(order, "PutPublicAccessBlock"), strings.Index(order, "PutBucketPolicy"); block < 0 || block > policy && policy >= 0 {
				t.Errorf("%s: %s", e.kind, order)
			}
		}
	})
}
