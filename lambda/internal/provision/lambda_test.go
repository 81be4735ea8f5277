package provision_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/sim"
)

// cloud is a bench to which CloudFormation sends the events, by Lambda, which repeats runs that have failed.
type cloud struct {
	*bench
	*cfnfake.Stack
	cloud *cfnfake.Cloud
	runs  int // that were begun, of any event

	mu     sync.Mutex    // Lambda may begin two runs at the same time
	queued time.Duration // that the next run waits, as the function is busy
}

// inCloud runs a test with a stack that has no resource yet.
func inCloud(t *testing.T, test func(*cloud)) {
	t.Helper()
	inWorld(t, func(w *bench) {
		c := &cloud{bench: w, cloud: cfnfake.New(sim.Account, "eu-west-1")}
		c.cloud.Pace = 3 * time.Second
		c.cloud.Start = c.start
		c.cloud.StackStatus = w.AWS.SetStackStatus
		c.cloud.Status = func(stackID, logicalID, physicalID, status string) {
			w.AWS.SetResourceStatus(stackID, logicalID, status)
			w.AWS.SetPhysicalResourceID(stackID, logicalID, physicalID)
		}
		c.Stack = c.cloud.NewStack("analytics", sim.LogicalID)
		w.stackID = c.ID
		test(c)
		c.cloud.Settle()
		for _, violation := range c.cloud.Violations() {
			t.Error(violation)
		}
		for _, x := range c.cloud.Exchanges() {
			if err := sim.Advice(x.Event.RequestType, "", x.Answer.Reason); err != nil {
				t.Error(err)
			}
		}
	})
}

// start begins a process. Lambda ends it when its time is over.
func (c *cloud) start(payload json.RawMessage, answers http.RoundTripper) func(context.Context) error {
	c.mu.Lock()
	c.runs++
	session, queued := c.AWS.Session("provider"), c.queued
	c.queued = 0
	c.mu.Unlock()
	return func(ctx context.Context) error {
		<-time.After(queued)
		stop := context.AfterFunc(ctx, session.Kill)
		defer stop()
		err := c.Invoke(ctx, session, process{session, c.Keeping(answers)}, payload)
		if session.Killed() {
			return errDead
		}
		return err
	}
}

// holds makes a resource whose bucket holds so many objects.
func (c *cloud) holds(p sim.Properties, objects int) {
	c.t.Helper()
	if !c.Create(c.t.Context(), p, cfnfake.How{}) {
		c.t.Fatal(c.Reason)
	}
	for i := range objects {
		c.AWS.PutObject(c.parse(p).BucketName, fmt.Sprintf("data/%05d", i), "1")
	}
	<-time.After(time.Hour)
	c.runs = 0
}

// deletes deletes the stack, and returns how long that took.
func (c *cloud) deletes(how cfnfake.How) (isGone bool, took time.Duration) {
	c.runs = 0
	start := time.Now()
	isGone = c.Delete(c.t.Context(), how)
	took = time.Since(start)
	c.cloud.Settle()
	return isGone, took
}

// left is how many entries the bucket holds, or -1 where there is none.
func (c *cloud) left(name string) int {
	b, isThere := c.AWS.Snapshot().Buckets[name]
	if !isThere {
		return -1
	}
	n := 0
	for _, versions := range b.Objects {
		n += len(versions)
	}
	return n
}

// answers are the statuses that CloudFormation has taken for Deletes.
func (c *cloud) answersToDeletes() (all []string) {
	for _, x := range c.cloud.Exchanges() {
		if x.Event.RequestType == "Delete" {
			all = append(all, x.Answer.Status)
		}
	}
	return all
}

// deletesAtARate has S3 delete so many entries in a second, one call after the other.
func deletesAtARate(perSecond int) hook {
	var mu sync.Mutex
	next := time.Now()
	return func(ctx context.Context, c awsfake.Call) awsfake.Decision {
		n := entriesOf(c)
		if n == 0 {
			return awsfake.Decision{}
		}
		mu.Lock()
		takes := time.Duration(n) * time.Second / time.Duration(perSecond)
		next = later(next, time.Now()).Add(takes)
		pause := time.NewTimer(time.Until(next))
		mu.Unlock()
		defer pause.Stop()
		select {
		case <-pause.C:
			return awsfake.Decision{}
		case <-ctx.Done(): // nobody waits for it any more
			mu.Lock()
			defer mu.Unlock()
			next = next.Add(-takes)
			return awsfake.Refuse(awsfake.Hang)
		}
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// entriesOf is how many entries a call deletes.
func entriesOf(c awsfake.Call) int {
	switch in := c.Input.(type) {
	case *s3.DeleteObjectsInput:
		return len(in.Delete.Objects)
	case *s3.DeleteObjectInput:
		return 1
	}
	return 0
}

// timeouts has the next runs take no longer than these, and then fifteen minutes.
func (c *cloud) timeouts(limits ...time.Duration) {
	limits = slices.Clone(limits)
	c.cloud.Timeout = func() time.Duration {
		if len(limits) == 0 {
			return 15 * time.Minute
		}
		next := limits[0]
		limits = limits[1:]
		return next
	}
}
