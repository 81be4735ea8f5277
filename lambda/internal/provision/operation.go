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

	// other is the other side of an Update, zero where OldResourceProperties were refused
	// when they were new: those left nothing behind. In place it is the set as it was, going
	// back it is the set that the failed replacement made, and for a replacement the old set.
	other spec.Spec
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
	op := operation{from: e.PhysicalResourceID, isRepeated: isRepeated(sent)}
	var err error
	if e.RequestType == cfn.RequestDelete {
		op.kind = kindDelete
		op.spec, err = spec.ParseForDelete(e.ResourceProperties, e.StackID, e.LogicalResourceID, p.provider)
		op.spec.Sent = sent
		return op, err
	}
	if op.spec, err = spec.Parse(e.ResourceProperties, e.StackID, e.LogicalResourceID, p.provider); err != nil {
		return operation{}, err
	}
	op.spec.Sent = sent
	if e.RequestType == cfn.RequestCreate {
		return op, nil // kindCreate
	}
	isNamed := op.spec.PhysicalID == e.PhysicalResourceID
	op.other = p.parseOld(e, !isNamed)
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

// parseOld reads the old properties without regard to the provider's patterns, which may
// have been others at the time. Of a set that is replaced the names tell, and OnDelete: other
// values may be refused by now that were not when it was made.
func (p *Provisioner) parseOld(e cfnresource.Event, isReplaced bool) spec.Spec {
	provider := p.provider
	provider.BucketNamePattern, provider.SecretNamePattern = "", ""
	old, err := spec.Parse(e.OldResourceProperties, e.StackID, e.LogicalResourceID, provider)
	if err != nil && isReplaced {
		old, err = spec.ParseForDelete(e.OldResourceProperties, e.StackID, e.LogicalResourceID, provider)
	}
	if err != nil {
		return spec.Spec{}
	}
	old.Sent = cfnresource.SentAt(e)
	return old
}
