package status

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/smithy-go"

	"bucketuser/infra/internal/target"
)

// An answer is what AWS has said to one question. Just one of these holds: there is a value, there is no such thing,
// or err says why nothing is known.
type answer[T any] struct {
	value  T
	isNone bool
	err    error
}

// isThere reports whether the value was given.
func (a answer[T]) isThere() bool { return a.err == nil && !a.isNone }

// ask makes an answer of a call. One of the codes says that there is no such thing.
func ask[T any](call func() (T, error), none ...string) answer[T] {
	value, err := call()
	if slices.Contains(none, target.CodeOf(err)) {
		return answer[T]{isNone: true}
	}
	return answer[T]{value: value, err: err}
}

// unasked is the answer to what could not be asked.
func unasked[T any](why string) answer[T] { return answer[T]{err: errors.New(why)} }

// isDenied reports whether a right is missing. The answer to a HEAD has no code of its own.
func isDenied(err error) bool {
	return slices.Contains([]string{"AccessDenied", "AccessDeniedException", "Forbidden"}, target.CodeOf(err))
}

// isUnknownPair reports whether S3 says of a key that there is none of that id, or that its secret key is another.
func isUnknownPair(err error) bool {
	return slices.Contains([]string{"InvalidAccessKeyId", "SignatureDoesNotMatch"}, target.CodeOf(err))
}

// whyUnknown says why nothing is known, in a form that is safe to print: which right the caller lacks, or what AWS has
// said.
func whyUnknown(err error) string {
	var api smithy.APIError
	var call *smithy.OperationError
	isCall := errors.As(err, &call)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", limit)
	case !errors.As(err, &api):
		return plain(lastOf(err).Error())
	case isDenied(err) && isCall:
		return "needs " + target.Action(call, api) + ": " + plain(api.ErrorMessage())
	}
	return plain(api.ErrorCode() + ": " + api.ErrorMessage())
}

// lastOf is the cause of an error, without what each layer has said about it.
func lastOf(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

// longest is how much of a text of others is printed, in characters.
const longest = 400

// plain is a text of others without what a terminal would obey, on one line, and not longer than is good.
func plain(text string) string {
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
	if runes := []rune(text); len(runes) > longest {
		text = string(runes[:longest]) + "…"
	}
	return text
}

// quoted is a word of a shell.
func quoted(word string) string {
	isPlain := func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-", r)
	}
	if word != "" && !strings.ContainsFunc(word, isPlain) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
