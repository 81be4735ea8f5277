package s3model

// Trouble is the shares of what goes wrong, each between 0 and 1.
type Trouble struct {
	// Of the keys of deletes. Inside a 200 they stand beside what succeeded.
	KeySlowDown, KeyInternalError float64

	// Of the listings and deletes, as a whole. Half of the connections that are reset have taken effect.
	SlowDown, InternalError, Reset float64

	// Of the entries: who deletes one is denied, for as long as the server lives.
	Retained, LegalHold float64
}

// outcome is what becomes of a call as a whole.
type outcome int

const (
	goesWell outcome = iota
	slowDown
	internalError
	resetBefore
	resetAfter
)

// draw draws the outcome of a call.
func (s *Server) draw() outcome {
	t := s.config.Trouble
	switch x := s.random.Float64(); {
	case x < t.SlowDown:
		return slowDown
	case x < t.SlowDown+t.InternalError:
		return internalError
	case x < t.SlowDown+t.InternalError+t.Reset/2:
		return resetBefore
	case x < t.SlowDown+t.InternalError+t.Reset:
		return resetAfter
	}
	return goesWell
}

// drawKey draws what becomes of a key of a delete that its partition has accepted.
func (s *Server) drawKey() *refusal {
	t := s.config.Trouble
	switch x := s.random.Float64(); {
	case x < t.KeySlowDown:
		s.stats.Failed++
		return errSlowDown
	case x < t.KeySlowDown+t.KeyInternalError:
		s.stats.Failed++
		return errInternal
	}
	return nil
}

// lock puts entries under retention or legal hold. Delete markers have neither.
func (s *Server) lock(entries []entry) {
	t := s.config.Trouble
	if t.Retained+t.LegalHold == 0 {
		return
	}
	for i := range entries {
		x := s.random.Float64()
		switch {
		case entries[i].has(isMarker):
		case x < t.Retained:
			entries[i].flags |= isRetained
		case x < t.Retained+t.LegalHold:
			entries[i].flags |= isHeld
		}
	}
}
