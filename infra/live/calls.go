package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// A call is what AWS has answered to one request.
type call struct{ operation, code, id string }

// calls are those that decide the answer to a question, in their order.
type calls struct {
	mu  sync.Mutex
	all []call
}

type callsKey struct{}

// in returns a context whose calls count.
func (c *calls) in(ctx context.Context) context.Context { return context.WithValue(ctx, callsKey{}, c) }

func (c *calls) add(one call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, one)
}

// ids are the request ids, of many calls with the same answer the first and the last.
func (c *calls) ids() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var order []string
	first, last := map[string]string{}, map[string]string{}
	for _, one := range c.all {
		what := one.operation + " " + one.code
		if first[what] == "" {
			order = append(order, what)
			first[what] = one.id
		}
		last[what] = one.id
	}
	var texts []string
	for _, what := range order {
		text := what + ": " + first[what]
		if last[what] != first[what] {
			text += " … " + last[what]
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, "; ")
}

// recordCalls adds what records to the clients. It is the outermost part, so it sees each call once, whatever the SDK repeats.
func recordCalls(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("RecordCalls", func(ctx context.Context, in middleware.InitializeInput,
		next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleInitialize(ctx, in)
		if counts, ok := ctx.Value(callsKey{}).(*calls); ok {
			id, _ := awsmiddleware.GetRequestIDMetadata(metadata)
			var failed interface{ ServiceRequestID() string }
			if errors.As(err, &failed) {
				id = failed.ServiceRequestID()
			}
			counts.add(call{awsmiddleware.GetOperationName(ctx), codeOf(err), id})
		}
		return out, metadata, err
	}), middleware.Before)
}

// codeOf is the error code of AWS's answer, "ok" for a success.
func codeOf(err error) string {
	var answer smithy.APIError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &answer):
		return answer.ErrorCode()
	default:
		return fmt.Sprintf("no answer (%v)", err)
	}
}

// statusOf is the HTTP status of an error's answer, such as " (403)", or "".
func statusOf(err error) string {
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) {
		return fmt.Sprintf(" (%d)", answer.HTTPStatusCode())
	}
	return ""
}
