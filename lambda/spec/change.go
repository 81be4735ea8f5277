package spec

import "reflect"

// A Change is what an event asks for of a set that it begins, or that is in force.
type Change struct {
	Spec        // as it should be
	Before Spec // as it was, or zero where that is not known
	IsNew  bool // the event begins the set, so that it is expected not to exist yet
}

// Changes reports whether what part tells of a spec changes. A read may be from before the last
// write (L4), such as that of the Update from which CloudFormation goes back now. So what changes
// is written even where the read shows it already.
func (c Change) Changes(part func(Spec) any) bool {
	return c.Before.PhysicalID != "" && !reflect.DeepEqual(part(c.Before), part(c.Spec))
}
