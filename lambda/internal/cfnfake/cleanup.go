package cfnfake

import "context"

// Remove takes the resource out of the template. It reports whether the update of the stack
// succeeds, which is all the same to the clean-up: that deletes the resource with the
// properties that it has, three times at most, and then forgets it. The function sees what
// it sees when the stack is deleted, but nobody deletes again what failed. In the clean-up
// after a replacement DescribeStackResource shows the new resource, here the one that is
// deleted. "CloudFormation attempts to delete the old resource three times. If CloudFormation
// can't delete the old resource, it removes the old resource from the stack and continues
// updating the stack" (user guide, Troubleshooting CloudFormation; coverage-roadmap #744).
//
// An update that fails has sent nothing for such a resource, and takes nothing back.
func (s *Stack) Remove(ctx context.Context, how How) bool {
	if !s.may("Remove", Live) {
		return false
	}
	s.phase("UPDATE_IN_PROGRESS")
	if how.SiblingFails {
		s.phase("UPDATE_ROLLBACK_COMPLETE")
		return false
	}
	s.stable, s.isRemoved = s.current(), true
	return s.conclude(ctx, true, how)
}

// complete ends an update, or its rollback, under the status that the stack has then: what
// was replaced or removed is deleted. A failure of that is no failure of the stack.
func (s *Stack) complete(ctx context.Context, how How, end string) {
	s.State, s.isBack = Live, false
	for _, v := range s.replaced {
		s.cleanUp(ctx, v, how, how.CleanupStatus, "")
		if how.CleanupStatus != "" {
			s.status("UPDATE_COMPLETE")
		}
	}
	s.replaced = nil
	if s.isRemoved {
		how.between()
		s.cleanUp(ctx, s.current(), how, "DELETE_IN_PROGRESS", "DELETE_FAILED")
		s.forget()
		s.isWithout = true
		s.status("") // the stack has no such resource any more
	}
	s.phase(end)
}

// cleanUp sends Deletes until one succeeds or CloudFormation gives up. The resource has one
// status during each, and another after one that failed, unless these are empty.
func (s *Stack) cleanUp(ctx context.Context, v version, how How, during, failed string) {
	for range cleanupAttempts {
		s.statusIf(during)
		o := s.send(ctx, deletionOf(v), how, nil)
		if o.ok {
			return
		}
		s.Reason = o.reason
		s.statusIf(failed)
	}
	s.Abandoned = append(s.Abandoned, deletionOf(v))
}

func (s *Stack) statusIf(status string) {
	if status != "" {
		s.status(status)
	}
}
