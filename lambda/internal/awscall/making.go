package awscall

// A Making is what is known of a thing that an event was about to make, for its undoing. The zero
// value says that AWS was not asked.
type Making struct {
	Asked   bool // AWS was asked to make it
	Refused bool // and has said no: there is none
	Made    bool // and has made it, or may have
}

// Fail notes that a creating call was refused, so that there is no such thing, or has had no answer,
// so that there may be one. What was made before stays noted.
func (m *Making) Fail(err error) {
	m.Refused = IsRefused(err) && !m.Made
	m.Made = m.Made || !IsRefused(err)
}
