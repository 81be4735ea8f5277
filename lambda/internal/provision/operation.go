package provision

import (
	"time"

	"github.com/aws/aws-lambda-go/cfn"

	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/spec"
)

// A kind is what an event asks for.
type kind int

// The kinds. An Update is told by the physical id that its properties lead to, compared with
// the event's own, whatever OldResourceProperties say: the rollback of a refused rename would
// be refused too otherwise.
const (
	kindCreate      kind = iota // a new set
	kindInPlace                 // an Update of the set that the event names
	kindBack                    // the same, as CloudFormation goes back from a replacement whose id it never heard
	kindReplacement             // a new set, disjoint from the old one; a Delete of that follows
	kindDelete                  // the removal of a set
)

// An operation is an event, classified once.
type operation struct {
	kind kind
	spec spec.Spec // of the set that the event is about
	from string    // the event's physical id

	// isReturn says that a replacement goes back to a set that was in force: see tellReturn.
	isReturn bool

	// isRepeated says that the event is old enough to be delivered again. What it was about to
	// remove may be gone, but for what AWS does not show.
	isRepeated bool

	// timeout is how long CloudFormation waits for the answer.
	timeout time.Duration

	// other is the other side of an Update, zero where OldResourceProperties were refused
	// when they were new: those left nothing behind. In place it is the set as it was, going
	// back it is the set that the failed replacement made, and for a replacement the old set.
	other spec.Spec

	// outdated are the faults of values that an earlier version accepted, and fresh those of them that
	// OldResourceProperties do not have.
	outdated, fresh spec.Faults
}

// isNew reports whether the event begins the set, so that it is expected not to exist yet.
func (op operation) isNew() bool {
	return op.kind == kindCreate || op.kind == kindReplacement && !op.isReturn
}

// before is what the set was before an Update of it, as far as that is known. The set that
// CloudFormation goes back to is as it was.
func (op operation) before() spec.Spec {
	if op.kind == kindInPlace {
		return op.other
	}
	return spec.Spec{}
}

// change is what the event asks for of the set.
func (op operation) change() spec.Change {
	return spec.Change{Spec: op.spec, Before: op.before(), IsNew: op.isNew()}
}

// changes reports whether an Update in place changes what part tells of a spec.
func (op operation) changes(part func(spec.Spec) any) bool { return op.change().Changes(part) }

// replaced is the set that a replacement comes from, as far as that is known.
func (op operation) replaced() spec.Spec {
	if op.kind == kindReplacement {
		return op.other
	}
	return spec.Spec{}
}

// The age of an event that Lambda delivers again: it waits a minute at first, and a ResponseURL
// is good for two hours.
const (
	redeliveryAge = 30 * time.Second
	maxEventAge   = 2 * time.Hour
)

// isRepeated reports whether an event is old enough to be delivered again.
func isRepeated(sent time.Time) bool {
	age := time.Since(sent)
	return age > redeliveryAge && age < maxEventAge
}

// mayBeUnheard reports whether CloudFormation may know of the set of a Delete only what it
// asked for: it has made up the id for a Create whose answer it never heard.
func (op operation) mayBeUnheard() bool { return op.from != op.spec.PhysicalID || op.isRepeated }

// requestType is that of CloudFormation for the operation.
func (op operation) requestType() cfn.RequestType {
	switch op.kind {
	case kindCreate:
		return cfn.RequestCreate
	case kindDelete:
		return cfn.RequestDelete
	case kindInPlace, kindBack, kindReplacement:
	}
	return cfn.RequestUpdate
}

// classify reads an event. Its error is that of the properties.
func (p *Provisioner) classify(e cfnresource.Event) (operation, error) {
	sent := cfnresource.SentAt(e)
	op := operation{from: e.PhysicalResourceID, isRepeated: isRepeated(sent), timeout: spec.ServiceTimeout(e.ResourceProperties)}
	var err error
	if e.RequestType == cfn.RequestDelete {
		op.kind = kindDelete
		op.spec, err = spec.ParseForDelete(e.ResourceProperties, e.StackID, e.LogicalResourceID, p.provider)
		op.spec.Sent = sent
		return op, err
	}
	var faults spec.Faults
	op.spec, faults = spec.Read(e.ResourceProperties, e.StackID, e.LogicalResourceID, p.provider)
	op.spec.Sent = sent
	op.outdated = faults.Outdated()
	switch {
	case len(faults.Final()) > 0:
		return operation{}, faults
	case e.RequestType == cfn.RequestCreate && len(faults) > 0 && !op.isRepeated:
		return operation{}, faults
	case e.RequestType == cfn.RequestCreate:
		op.fresh = op.outdated // unless an earlier version has begun the set: see admitOutdated
		return op, nil         // kindCreate
	}
	isNamed := op.spec.PhysicalID == e.PhysicalResourceID
	old := p.readOld(e, !isNamed)
	op.other, op.fresh = old.set, op.outdated.New(op.spec, old.values)
	isFromOther := op.other.PhysicalID != "" && op.other.PhysicalID != op.spec.PhysicalID
	switch {
	case !isNamed:
		op.kind = kindReplacement
		op.spec.Replaces = op.other.Counterpart()
	case isFromOther:
		op.kind = kindBack
	default:
		op.kind = kindInPlace
	}
	return op, nil
}

// old is what OldResourceProperties say: the set, zero where they were refused when they were new, and
// the values, whatever else was refused beside them.
type old struct{ set, values spec.Spec }

// readOld reads the old properties without regard to the provider's patterns, which may
// have been others at the time. Of a set that is replaced the names tell, and OnDelete: other
// values may be refused by now that were not when it was made.
func (p *Provisioner) readOld(e cfnresource.Event, isReplaced bool) old {
	provider := p.provider
	provider.BucketNamePattern, provider.SecretNamePattern = "", ""
	values, faults := spec.Read(e.OldResourceProperties, e.StackID, e.LogicalResourceID, provider)
	set, err := values, error(nil)
	switch isRefused := len(faults.Final()) > 0; {
	case isRefused && isReplaced:
		set, err = spec.ParseForDelete(e.OldResourceProperties, e.StackID, e.LogicalResourceID, provider)
	case isRefused:
		set = spec.Spec{}
	}
	if err != nil || set.PhysicalID == "" {
		return old{values: values}
	}
	set.Sent = cfnresource.SentAt(e)
	return old{set, values}
}
