package provision_test

import (
	"fmt"
	"hash/fnv"
	"time"

	"bucketuser/lambda/internal/sim"
)

// raceLaws are those that interleavings draw. Two deliveries tell each other by the secret that
// something has come between, and CloudFormation tells an event that it is late, or that its Delete
// has come. Neither can be told where secrets or statuses lag, or CloudFormation may not be asked,
// so these laws are not among them. How a listing is encoded is nothing between two.
var raceLaws = append(sim.Named("new buckets unknown 5s", "new buckets untagged 5s", "new buckets unknown but for tags 5s", "hidden buckets",
	"rights on a path", "users lag 5s", "users lag 5s, rights on a path", "buckets lag 5s", "conflicts lag 10s"), sim.LateButCloudFormation(8*time.Second))

// draw is the law of an interleaving, always the same one: none for two in three, since what waits
// for AWS takes longer.
func (r race) draw(first, second int) sim.Law {
	switch r.laws {
	case "":
	case "none":
		return sim.Law{}
	default:
		return sim.Named(r.laws)[0]
	}
	h := fnv.New32a()
	fmt.Fprint(h, r.name, "/", first, ",", second)
	n := int(h.Sum32() >> 1)
	if n%3 != 0 {
		return sim.Law{}
	}
	return raceLaws[n/3%len(raceLaws)]
}

// under has a law hold from now on, for two deliveries. What was before is known everywhere.
func (w *bench) under(law sim.Law) {
	if law.Hold == nil {
		return
	}
	<-time.After(beforeEvent)
	law.Hold(w.AWS)
	law.Begin(w.AWS)
}

// underLaw names a law in front of what is wrong under it.
func underLaw(law sim.Law) string {
	if law.Name == "" {
		return ""
	}
	return "under the law " + law.Name + ": "
}
