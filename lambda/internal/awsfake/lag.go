package awsfake

import (
	"errors"
	"reflect"
	"slices"
	"time"
)

// LagsBehind lists the earlier writes of the last [AWS.History] that a call may not see yet, the latest first: a hook
// answers the call as of before one of them with [Stale]. What lags behind what:
//
//	call                                      lags behind
//	GetUser, ListUserTags                     the user's creation, deletion, and changes of itself and its tags
//	ListAccessKeys                            the user's creation and deletion, and changes of its keys
//	other calls on a user                     the user's creation, and that of the key which the call names
//	DeleteUser                                the deletion of the user's keys, and what was detached
//	GetBucketTagging and other reads of       the bucket's creation, deletion, and changes of what the call reads
//	  a setting, HeadBucket, ListBuckets
//	other calls on a bucket and its objects   the bucket's creation, and changes of its policy that let the caller in
//	DeleteBucket                              the deletion of the last object or version
//	DescribeSecret, GetSecretValue            everything about the secret, if [AWS.SecretHistory] is on
//	DescribeStackResource                     everything about the resource
//	DescribeStacks                            the status of the stack
//
// A call that is no read is refused for what it does not see yet, or it takes effect as always. CreateUser, CreateBucket,
// CreateSecret and the other calls on secrets never lag, nor does GetAccessKeyLastUsed: it knows what a test tells it.
func (a *AWS) LagsBehind(c Call) []Write {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remember()
	var out []Write
	for _, change := range slices.Backward(a.laggable(c, a.callerOf(c))) {
		out = append(out, change.Write)
	}
	return out
}

// Write is the earlier write with an ID, as in [Decision.AsOf]. It is zero if there is none.
func (a *AWS) Write(id int) Write {
	a.mu.Lock()
	defer a.mu.Unlock()
	if id < 1 || id > len(a.past.changes) {
		return Write{}
	}
	return a.past.changes[id-1].Write
}

// callerOf is who made a call, as far as policies ask for it. The caller holds the lock.
func (a *AWS) callerOf(c Call) caller {
	for _, s := range a.sessions {
		if c.Caller == "role/"+s.role && c.Session == s.name {
			return caller{role: s.role, arn: a.arn("sts", "assumed-role/"+s.role+"/"+s.name), secure: true}
		}
	}
	for _, u := range a.users {
		if c.Caller == "user/"+u.name {
			return caller{user: u, arn: a.userARN(u), secure: true}
		}
	}
	return caller{}
}

// laggable is the changes that a hook may have a call lag behind, the oldest first.
func (a *AWS) laggable(c Call, who caller) []*change {
	if c.Service == "secretsmanager" && !a.SecretHistory {
		return nil
	}
	return a.within(a.History, c, func(ch *change) bool { return a.matters(ch, c, who) && !a.isBack(ch, c) })
}

// within is the changes of what a call is about that are younger than d and that a test finds, the oldest first.
func (a *AWS) within(d time.Duration, c Call, found func(*change) bool) []*change {
	var out []*change
	for _, ch := range a.past.changes {
		if time.Since(ch.At) < d && ch.concerns(c) && found(ch) {
			out = append(out, ch)
		}
	}
	return out
}

// matters tells whether a change made the answer to a call another. The answer that is there before and after it is that
// of an earlier change.
func (a *AWS) matters(ch *change, c Call, who caller) bool {
	if show := shows[c.Name()]; show != nil {
		return !reflect.DeepEqual(show(ch.was), show(ch.is))
	}
	back := a.put(ch.thing, ch.is)
	after := code(a.refusal(c, who))
	back()
	before := a.refusedAsOf([]*change{ch}, c, who)
	return before != nil && code(before) != after
}

// isBack tells whether a read shows now what it showed before a change.
func (a *AWS) isBack(ch *change, c Call) bool {
	show := shows[c.Name()]
	return show != nil && reflect.DeepEqual(show(ch.was), show(a.past.known[ch.thing]))
}

// lag carries a call out as AWS does that has not heard of everything: as of before the write that a hook chose, or as
// of as long ago as the laws say. The caller holds the lock.
func (a *AWS) lag(c Call, who caller, asOf int, serve func() (any, error)) (any, error) {
	unseen := a.unseen(c, who)
	if asOf != 0 {
		unseen = nil
		for _, ch := range a.laggable(c, who) {
			if ch.ID == asOf {
				unseen = []*change{ch}
			}
		}
		if unseen == nil {
			return nil, &notSimulated{c.Name() + " as of before a write that it cannot lag behind"}
		}
	}
	if shows[c.Name()] == nil {
		if err := a.refusedAsOf(unseen, c, who); err != nil {
			return nil, err
		}
		return serve()
	}
	defer a.goBack(unseen)()
	return serve()
}

// unseen is, by the laws, the oldest change of each thing that a call does not see yet.
func (a *AWS) unseen(c Call, who caller) []*change {
	window := map[string]time.Duration{"iam": a.UserLag, "s3": a.BucketLag, "secretsmanager": a.SecretLag,
		"cloudformation": a.StatusPropagation}[c.Service]
	all := a.within(window, c, func(ch *change) bool { return a.matters(ch, c, who) && !a.frees(ch, c, who) })
	all = append(all, a.within(a.ConflictPropagation, c, func(ch *change) bool { return a.frees(ch, c, who) })...)
	var oldest []*change
	for _, ch := range all {
		if !slices.ContainsFunc(oldest, func(o *change) bool { return o.thing == ch.thing }) {
			oldest = append(oldest, ch)
		}
	}
	return oldest
}

// frees tells whether a change took away what kept a call from deleting something.
func (a *AWS) frees(ch *change, c Call, who caller) bool {
	var refused *Error
	return deletes(c) && a.matters(ch, c, who) && errors.As(a.refusedAsOf([]*change{ch}, c, who), &refused) && refused.Status == 409
}

func deletes(c Call) bool { return c.Name() == "iam:DeleteUser" || c.Name() == "s3:DeleteBucket" }

// refusedAsOf is the error of a call that has not seen some changes. It is nil if the call has this error all the same, or
// is about what does not exist, or what the caller may not touch.
func (a *AWS) refusedAsOf(unseen []*change, c Call, who caller) error {
	if len(unseen) == 0 {
		return nil
	}
	back := a.goBack(unseen)
	then := a.refusal(c, who)
	back()
	now := a.refusal(c, who)
	var before, after *Error
	if !errors.As(then, &before) || errors.As(now, &after) && (after.Status != 409 || after.Code == before.Code) {
		return nil
	}
	return then
}

// goBack puts things into the states before changes. It returns what puts them back.
func (a *AWS) goBack(unseen []*change) (back func()) {
	var backs []func()
	for _, ch := range unseen {
		backs = append(backs, a.put(ch.thing, ch.was))
	}
	return func() {
		for _, back := range backs {
			back()
		}
	}
}

// put replaces a thing by a state of it. It returns what undoes that.
func (a *AWS) put(what thing, s state) (back func()) {
	switch what.service {
	case "iam":
		u, _ := s.(*user)
		return swap(a.users, what.name, u, s != nil)
	case "s3":
		old, _ := s.(*bucketState)
		return swap(a.buckets, what.name, old.asBucket(), s != nil)
	case "secretsmanager":
		x, _ := s.(*secret)
		return swap(a.secrets, what.name, x, s != nil)
	}
	var r stackResource
	if old, ok := s.(*stackResource); ok {
		r = *old
	}
	return swap(a.stacks[what.name], what.part, r, s != nil)
}

// asBucket is a bucket for those who ask for its settings, and whether it is empty.
func (s *bucketState) asBucket() *bucket {
	if s == nil {
		return nil
	}
	b := s.bucket
	if s.full {
		b.objects = map[string][]*object{"": nil}
	}
	return &b
}

// swap puts a value in place of another, or takes that away. It returns what undoes that.
func swap[K comparable, V any](m map[K]V, key K, value V, exists bool) (back func()) {
	old, had := m[key]
	set := func(value V, exists bool) {
		if m[key] = value; !exists {
			delete(m, key)
		}
	}
	set(value, exists)
	return func() { set(old, had) }
}
