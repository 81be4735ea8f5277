package awscall

import "errors"

// Again marks an error that says what people can do about it, or that ends by itself: afterwards the event is to be
// sent again. How, only the caller knows. It returns nil for nil.
func Again(err error) error {
	if err == nil {
		return nil
	}
	return &again{err}
}

type again struct{ error }

func (e *again) Unwrap() error { return e.error }

// AsksForAgain reports whether an error, or one of those that it joins, was marked by [Again].
func AsksForAgain(err error) bool {
	var marked *again
	return errors.As(err, &marked)
}
