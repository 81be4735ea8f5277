package cfnfake

// How is what else happens during an operation. The zero value is that nothing does.
type How struct {
	// SiblingFails makes another resource fail after this one succeeded: the
	// operation is rolled back.
	SiblingFails bool
	// GiveUp, when it is closed, makes another resource fail while this one is
	// created or updated. CloudFormation does not wait for the answer.
	GiveUp <-chan struct{}
	// Twice delivers each event two times, beside each other.
	Twice bool
	// OnlyDelete rolls a replacement back by nothing but a Delete of the new id,
	// without the Update that goes back.
	OnlyDelete bool
	// CleanupStatus is the status of the resource while a replaced one is deleted.
	// Empty means UPDATE_COMPLETE.
	CleanupStatus string

	// Between is called after each SUCCESS to a Create or Update, that of a rollback
	// too, and before a clean-up: before anything else is sent for the resource. The
	// rest of the stack is updated then, which may take hours, and those who depend on
	// the resource begin to use it.
	Between func()

	// Nested makes the stack a nested one. Its resource is updated, or rolled back, with
	// the stack itself; what was replaced or removed is deleted when the update of the
	// parent has ended, and a parent that fails rolls back a stack whose own update is
	// complete. See [Stack.ParentEnds]. "CloudFormation doesn't start cleaning up nested
	// stack resources until all nested stacks have been updated or have rolled back" (user
	// guide, Troubleshooting CloudFormation).
	Nested bool

	// RollbackDisabled keeps an update that failed as it is. The resource has its old
	// properties and id where its own Update failed or was given up, and the new ones
	// where only a sibling failed. "Preserves the state of successful resources while
	// rolling back failed resources to their last known stable state" (user guide, Choose
	// how to handle failures when provisioning resources). CloudFormation refuses a
	// replacement with this option if the type says beforehand that it is one (aws-cdk
	// #17267); for a custom resource only the answer says so, and nobody was found who has
	// seen what follows. Here both ids stay, which is the reason given there.
	RollbackDisabled bool
}

// between has happen what happens before anything else is sent.
func (h How) between() {
	if h.Between != nil {
		h.Between()
	}
}
