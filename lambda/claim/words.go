package claim

import (
	"fmt"
	"strings"

	"bucketuser/lambda/spec"
)

// strange is what an error says of a thing that exists and is not ours.
const strange = "exists in this account and does not belong to this resource"

// Lacks says why a part of a set in force is lost.
func (c Claim) Lacks() string {
	switch {
	case c.State == Elsewhere:
		return "is owned by another account by now, or in another region"
	case !c.Exists():
		return "could not be looked at"
	}
	return strange + ": it lacks the tags " + strings.Join(c.MissingTags(), ", ")
}

// Taken refuses a thing that a set is begun without; what names it, and property chooses its name. If
// it bears the tags of another resource, that one would lose it to whoever took it over.
func (c Claim) Taken(what, property string) error {
	stackID, logicalID, isKnown := c.OtherOwner()
	switch {
	case isKnown && stackID == c.of.StackID:
		return fmt.Errorf("%s: %s, but to resource %s of this stack, %s; keep the logical id %s, or choose another %s",
			what, strange, logicalID, spec.StackName(stackID), logicalID, property)
	case isKnown:
		return fmt.Errorf("%s: %s, but to resource %s of stack %s; choose another %s", what, strange, logicalID, stackID, property)
	case c.IsUnowned():
		return fmt.Errorf("%s: %s; choose another %s", what, strange, property)
	}
	return fmt.Errorf("%s: %s; choose another %s", what, c.Lacks(), property)
}
