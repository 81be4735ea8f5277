package awsfake

import (
	"maps"
	"slices"
)

// Clone is an account of its own in the same state, with the same knobs and without a hook. Sessions of the original
// go on in the original; those that the clone makes are numbered as if they had been made there. Its times are those
// of the original: in another bubble, let the clock reach them first.
func (a *AWS) Clone() *AWS {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := New(a.account, a.region)
	b.UserPropagation, b.KeyPropagation, b.RolePropagation = a.UserPropagation, a.KeyPropagation, a.RolePropagation
	b.SecretDeletion, b.LenientCreateBucket, b.StalePrincipals = a.SecretDeletion, a.LenientCreateBucket, a.StalePrincipals
	b.SourceIP, b.SourceVpce = a.SourceIP, a.SourceVpce
	b.Laws, b.taken, b.past = a.Laws, maps.Clone(a.taken), a.past.clone()
	b.texts = a.texts.clone()
	b.LateRights = slices.Clone(a.LateRights)
	b.made = a.made
	b.serial, b.calls, b.minted = a.serial, slices.Clone(a.calls), slices.Clone(a.minted)
	b.counts, b.sessions, b.roles = maps.Clone(a.counts), maps.Clone(a.sessions), maps.Clone(a.roles)
	b.boundary, b.gone = maps.Clone(a.boundary), maps.Clone(a.gone)
	for stack, resources := range a.stacks {
		b.stacks[stack] = maps.Clone(resources)
	}
	for name, u := range a.users {
		b.users[name] = u.clone()
	}
	for name, x := range a.buckets {
		b.buckets[name] = x.clone()
	}
	b.deadKeys = maps.Clone(a.deadKeys)
	for name, s := range a.secrets {
		b.secrets[name] = s.clone()
	}
	return b
}

func (u *user) clone() *user {
	v := *u
	v.tags, v.keys, v.attached = maps.Clone(u.tags), copies(u.keys), slices.Clone(u.attached)
	return &v
}

// clone shares what is only ever replaced as a whole: policy, rules and the public access block.
func (b *bucket) clone() *bucket {
	c := *b
	c.tags, c.uploads, c.objects = maps.Clone(b.tags), copies(b.uploads), map[string][]*object{}
	for key, versions := range b.objects {
		c.objects[key] = copies(versions)
	}
	return &c
}

func (s *secret) clone() *secret {
	c := *s
	c.tags, c.versions = maps.Clone(s.tags), copies(s.versions)
	for _, v := range c.versions {
		v.stages, v.kmsKeys = slices.Clone(v.stages), slices.Clone(v.kmsKeys)
	}
	return &c
}

func copies[T any](list []*T) []*T {
	out := slices.Clone(list) // nil stays nil
	for i, one := range list {
		c := *one
		out[i] = &c
	}
	return out
}
