package provision

import (
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

	// other is the other side of an Update, zero where OldResourceProperties were refused
	// when they were new: those left nothing behind. In place it is the set as it was, going
	// back it is the set that the failed replacement made, and for a replacement the old set.
	other spec.Spec
}

// isNew reports whether the set is expected not to exist yet.
func (op operation) isNew() bool { return op.kind == kindCreate || op.kind == kindReplacement }

// before is what the set was before an Update of it, as far as that is known.
func (op operation) before() spec.Spec {
	if op.isNew() {
		return spec.Spec{}
	}
	return op.other
}

// replaced is the set that a replacement comes from, as far as that is known.
func (op operation) replaced() spec.Spec {
	if op.kind == kindReplacement {
		return op.other
	}
	return spec.Spec{}
}

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
func (c clients) classify(e cfnresource.Event) (operation, error) {
	op, sent := operation{from: e.PhysicalResourceID}, cfnresource.SentAt(e)
	var err error
	if e.RequestType == cfn.RequestDelete {
		op.kind = kindDelete
		op.spec, err = spec.ParseForDelete(e.ResourceProperties, e.StackID, e.LogicalResourceID, c.provider)
		op.spec.Sent = sent
		return op, err
	}
	if op.spec, err = spec.Parse(e.ResourceProperties, e.StackID, e.LogicalResourceID, c.provider); err != nil {
		return operation{}, err
	}
	op.spec.Sent = sent
	if e.RequestType == cfn.RequestCreate {
		return op, nil // kindCreate
	}
	op.other = c.parseOld(e)
	isNamed := op.spec.PhysicalID == e.PhysicalResourceID
	isFromOther := op.other.PhysicalID != "" && op.other.PhysicalID != op.spec.PhysicalID
	switch {
	case !isNamed:
		op.kind = kindReplacement
	case isFromOther:
		op.kind = kindBack
	default:
		op.kind = kindInPlace
	}
	return op, nil
}

// parseOld reads the old properties without regard to the provider's patterns, which may
// have been others at the time.
func (c clients) parseOld(e cfnresource.Event) spec.Spec {
	provider := c.provider
	provider.BucketNamePattern, provider.SecretNamePattern = "", ""
	old, err := spec.Parse(e.OldResourceProperties, e.StackID, e.LogicalResourceID, provider)
	if err != nil {
		return spec.Spec{}
	}
	old.Sent = cfnresource.SentAt(e)
	return old
}
