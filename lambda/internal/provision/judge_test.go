package provision_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// judge says what is wrong after an event that met a fault: what CloudFormation was
// told must be true. The ending of that name ends with the event, "" is the event itself.
func (c *campaign) judge(w *bench, r played, event event, name string) string {
	now := settled(w.AWS)
	switch {
	case r.unsafe != "":
		return r.unsafe
	case errors.Is(r.err, errDead):
		return ""
	case event.kind == "Delete" && errors.Is(r.err, cfnresource.ErrUnanswered):
		return w.isLeftForLater(event)
	case r.err != nil:
		return r.err.Error()
	case r.answer.Status == "SUCCESS" && w.isWayBack(event) && markLeft.difference(c.uses, c.want[name].after, now) == "":
	case r.answer.Status == "SUCCESS" && !event.refused:
		if diff := c.differenceAfter(name, r.call, now); diff != "" {
			return "SUCCESS, but " + diff
		}
	case r.answer.Status == "SUCCESS":
		return "SUCCESS for what must be refused"
	case event.refused:
		if diff := c.differenceAfter(name, r.call, now); diff != "" {
			return "refused, but " + diff
		}
	case c.makesASet(w, event) && !strings.Contains(r.answer.Reason, "undo: "):
		// Either everything was undone or the credentials are committed. After a replacement no
		// other event may come, such as in CloudFormation's express mode.
		if diff := c.difference(c.undone(), now); diff != "" && markLeft.difference(c.uses, c.undone(), now) != "" && !committed(w.AWS, w.parse(event.p).SecretName) {
			return "FAILED and undone, but " + diff + ": " + r.answer.Reason
		}
	}
	if id := r.answer.PhysicalResourceId; r.answer.Status == "FAILED" && event.kind != "Create" && id != w.idOf(event.id) {
		return "FAILED under another id: " + id
	}
	return ""
}

// isLeftForLater says what is wrong with a Delete that is left for its next delivery: it has emptied a part of a bucket or all of it,
// ended the access before, and counted its runs. The bucket may be gone: the answer to that was lost.
func (w *bench) isLeftForLater(e event) string {
	s, now := w.parse(e.p), w.AWS.Snapshot()
	b, isThere := now.Buckets[s.BucketName]
	_, hasUser := now.Users[s.UserName]
	_, counted, _ := strings.Cut(b.Tags[spec.TagEmptying], " ")
	isCounted := counted == "1" || counted == "2"
	if e.p["OnDelete"] != "Purge" || hasUser || isThere && !isCounted {
		return fmt.Sprintf("left for its next delivery, though OnDelete is %v, its bucket is there: %t, its user: %t, and its runs are counted as %q",
			e.p["OnDelete"], isThere, hasUser, counted)
	}
	return ""
}

// isFailedBy says what is wrong if a stale read fails an event: what it shows may be over, so
// no refusal for it is final. An event that goes on with the undoing of another delivery fails
// in any case.
func (r played) isFailedBy(h sim.Hit, e event) string {
	if h.Behind == 0 || e.refused || e.isLoose || r.answer.Status != "FAILED" || strings.Contains(r.answer.Reason, isUndoing) {
		return ""
	}
	return "a stale read fails it: " + r.answer.Reason
}

// isUndoing is in the answer of an event that finds another delivery of it in its undoing.
const isUndoing = "has failed and undoes it"

// makesASet reports whether an event is the Create of the story, or a replacement by a set of
// which nothing was there before the story.
func (c *campaign) makesASet(w *bench, e event) bool {
	s := w.parse(e.p)
	_, isThere := c.want[""].before.Users[s.UserName]
	return e.kind == "Create" || e.kind == "Update" && !isThere && s.PhysicalID != w.idOf(e.id)
}

// undone is the account after a Create that was undone: as it was before, or, where an
// earlier delivery had begun it, as a Delete leaves it.
func (c *campaign) undone() awsfake.Snapshot {
	if strings.HasPrefix(c.story.start, "half ") {
		return c.want["delete"].after
	}
	return c.want[""].before
}

// denied plays the ending without the right. If it says that all went well then it
// must be so.
func (c *campaign) denied(w *bench, e ending, missing awsfake.Call) string {
	for i, event := range e.events {
		r := w.play(event, &injection{order: "first", denied: missing})
		if r.err != nil {
			return fmt.Sprintf("%s without the right: %v", event.kind, r.err)
		}
		if r.unsafe != "" {
			return r.unsafe
		}
		if !event.isAnsweredBy(r.answer) || event.refused {
			return ""
		}
		isBack := slices.ContainsFunc(e.events[:i+1], w.isWayBack) // what it may not take off is still there after the Delete
		isMarkLeft := isBack && markLeft.difference(c.uses, c.want[e.name].after, settled(w.AWS)) == ""
		if i == len(e.events)-1 && !isMarkLeft {
			if diff := c.differenceAfter(e.name, missing, settled(w.AWS)); diff != "" {
				return fmt.Sprintf("%s without the right answers SUCCESS: %s", event.kind, diff)
			}
		}
	}
	return ""
}

// finish plays the ending without faults.
func (c *campaign) finish(w *bench, e ending) string {
	for _, event := range e.events {
		r := w.play(event, nil)
		switch {
		case r.err != nil:
			return fmt.Sprintf("%s: %v", event.kind, r.err)
		case c.makesASet(w, event) && strings.Contains(r.answer.Reason, isUndoing):
			// It was cut off in its undoing, which this delivery has completed.
			return c.difference(c.undone(), settled(w.AWS))
		case !event.isAnsweredBy(r.answer):
			return fmt.Sprintf("%s answers %s: %s", event.kind, r.answer.Status, r.answer.Reason)
		case r.unsafe != "":
			return r.unsafe
		}
	}
	if diff := c.differenceAfter(e.name, awsfake.Call{}, settled(w.AWS)); diff != "" {
		return "in the end: " + diff
	}
	return ""
}

// committed reports whether the secret of a new set holds a value.
func committed(a *awsfake.AWS, name string) bool {
	secret := a.Snapshot().Secrets[name]
	for _, version := range secret.Versions {
		if slices.Contains(version.Stages, "AWSCURRENT") && strings.Contains(version.Value, "AWS_ACCESS_KEY_ID") {
			return version.ID != secret.Tags["bucketuser:before"]
		}
	}
	return false
}

// differenceAfter is how an account differs from what it should be after an ending, or after the event itself for "". The
// call met a fault, if any.
func (c *campaign) differenceAfter(name string, call awsfake.Call, got awsfake.Snapshot) string {
	exempt := c.story.exempt
	if slices.ContainsFunc(c.story.endings, func(e ending) bool { return e.name == name && e.settles }) {
		exempt = probeLeft
	}
	diff := exempt.difference(c.uses, c.want[name].after, got)
	if diff == "" {
		return ""
	}
	if call.Operation == "DescribeStacks" && slices.ContainsFunc(c.untold, func(want awsfake.Snapshot) bool { return exempt.difference(c.uses, want, got) == "" }) {
		c.uses[sim.PreviousKept]++
		return ""
	}
	for _, want := range c.orElse[name] {
		if exempt.difference(c.uses, want, got) == "" {
			return ""
		}
	}
	return diff
}

// difference is how an account differs from what it should be after the story.
func (c *campaign) difference(want, got awsfake.Snapshot) string {
	return c.story.exempt.difference(c.uses, want, got)
}
