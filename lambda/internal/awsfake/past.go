package awsfake

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// thing is what a change is about: a user, a bucket, a secret, a stack, or a resource of a stack.
type thing struct {
	service string
	name    string // that of the user, bucket or secret; the id of the stack
	part    string // the logical id of the resource; see [itself]
}

// past is the states of things before each change, while a switch needs them.
type past struct {
	known   map[thing]state // as they were seen last; nil: nothing was seen yet
	changes []*change       // oldest first
}

// change is one change of one thing. It never changes itself.
type change struct {
	Write
	thing   thing
	was, is state
}

// state is a copy of a thing: *user, *bucketState, *secret or *stackResource; nil for one that does not exist.
type state any

// bucketState is a bucket without its objects and uploads, which never lag.
type bucketState struct {
	bucket bucket
	full   bool // it had objects or versions
}

// Write is an earlier change that a call may not see yet.
type Write struct {
	ID   int    // counts from 1
	N    int    // [Call.N] of the call that made it; 0: it was made behind everybody's back
	Name string // of that call, such as "s3:PutBucketTagging"; empty when N is 0
	At   time.Time
}

// changing takes the lock for a change behind everybody's back. It returns what ends the change.
func (a *AWS) changing() (done func()) {
	a.mu.Lock()
	a.remember()
	return func() {
		a.note(Call{})
		a.mu.Unlock()
	}
}

// remember begins with the states as they are, unless it has begun already. It begins again after a time in which no switch
// needed it. The caller holds the lock.
func (a *AWS) remember() {
	if !a.remembers() {
		a.past.known = nil
	}
	if a.past.known != nil || !a.remembers() {
		return
	}
	a.past.known = map[thing]state{}
	for what, is := range a.live() {
		a.past.known[what] = copyState(is)
	}
}

// note finds what has changed since the last note, and keeps the states before that: a call has made it, or, if the call
// is zero, nobody's. The first note finds nothing. It looks at nothing else than what the call can have changed. The
// caller holds the lock.
func (a *AWS) note(by Call) {
	if a.remember(); !a.remembers() || by.isRead() {
		return
	}
	live := a.live()
	for _, what := range things(a.past.known, live) {
		was, is := a.past.known[what], live[what]
		if !by.mayChange(what) || reflect.DeepEqual(was, is) {
			continue
		}
		is = copyState(is)
		if a.past.known[what] = is; is == nil {
			delete(a.past.known, what)
		}
		a.past.add(&change{Write{N: by.N, Name: by.known(), At: time.Now()}, what, was, is})
	}
}

// isRead tells whether a call changes nothing.
func (c Call) isRead() bool {
	for _, verb := range []string{"Get", "List", "Head", "Describe"} {
		if strings.HasPrefix(c.Operation, verb) {
			return true
		}
	}
	return false
}

// mayChange tells whether a call can change a thing: it is about that alone. The zero call is about everything.
func (c Call) mayChange(what thing) bool {
	switch c.Service {
	case "":
		return true
	case "iam":
		return what.service == c.Service && what.name == aws.ToString(text(c.Input, "UserName"))
	case "s3":
		return what.service == c.Service && what.name == aws.ToString(text(c.Input, "Bucket"))
	}
	return what.service == c.Service
}

// known is the name of a call, or empty for the zero call.
func (c Call) known() string {
	if c.N == 0 {
		return ""
	}
	return c.Name()
}

// add puts a change at the end. Changes of a thing behind everybody's back at one instant are one, also with changes of
// other parts of its stack between them.
func (p *past) add(c *change) {
	for i, earlier := range slices.Backward(p.changes) {
		if c.N != 0 || earlier.N != 0 || !earlier.At.Equal(c.At) || earlier.thing.service != c.thing.service || earlier.thing.name != c.thing.name {
			break
		}
		if earlier.thing == c.thing {
			c.ID, c.was = earlier.ID, earlier.was
			p.changes[i] = c
			return
		}
	}
	c.ID = len(p.changes) + 1
	p.changes = append(p.changes, c)
}

// things are those of both maps, in an order that is always the same.
func things(known, live map[thing]state) []thing {
	all := slices.AppendSeq(slices.Collect(maps.Keys(known)), maps.Keys(live))
	slices.SortFunc(all, func(x, y thing) int {
		return cmp.Or(cmp.Compare(x.service, y.service), cmp.Compare(x.name, y.name), cmp.Compare(x.part, y.part))
	})
	return slices.Compact(all)
}

// live is everything as it is now. It shares memory with the account.
func (a *AWS) live() map[thing]state {
	live := map[thing]state{}
	for name, u := range a.users {
		live[thing{service: "iam", name: name}] = u
	}
	for name, b := range a.buckets {
		bare := *b
		bare.objects, bare.uploads = nil, nil
		live[thing{service: "s3", name: name}] = &bucketState{bare, len(b.objects) > 0}
	}
	for name, s := range a.secrets {
		live[thing{service: "secretsmanager", name: name}] = s
	}
	for id, resources := range a.stacks {
		for logical, r := range resources {
			live[thing{"cloudformation", id, logical}] = &r
		}
	}
	return live
}

// copyState shares no memory with the account.
func copyState(s state) state {
	switch s := s.(type) {
	case *user:
		return s.clone()
	case *secret:
		return s.clone()
	case *bucketState:
		bare := s.bucket
		bare.tags = maps.Clone(bare.tags)
		return &bucketState{bare, s.full}
	}
	return s // a resource of a stack is a copy already
}

func (p past) clone() past {
	return past{maps.Clone(p.known), slices.Clone(p.changes)}
}
