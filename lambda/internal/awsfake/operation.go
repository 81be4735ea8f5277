package awsfake

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// operation is one operation of AWS as the fake serves it: everything about it but what its handler does. A new one is
// a row in the table of its service, and a handler.
type operation struct {
	// name is service and operation, as [Call.Name] has them: "iam:CreateUser".
	name string
	// action is the IAM action that it needs, which S3 often names otherwise. Refusals name it, and a bucket policy is
	// asked for it.
	action string
	// target is the input fields that name what a call is about, as [Call.Target] has it.
	target string
	// honours is the other input fields that the handler looks at or that change no answer here. A path covers what is
	// below it. A call with any other field is not simulated.
	honours string
	// handler carries it out.
	handler handler
}

// handler is a method of [AWS] that takes the typed input of one operation and returns its typed output.
type handler struct {
	input reflect.Type
	serve func(a *AWS, r request, input any) (any, error)
}

// handle makes a handler of a method that does not look at the caller.
func handle[I, O any](serve func(*AWS, *I) (*O, error)) handler {
	return handleRequest(func(a *AWS, _ request, in *I) (*O, error) { return serve(a, in) })
}

// handleRequest makes a handler of a method that authorizes the request by itself.
func handleRequest[I, O any](serve func(*AWS, request, *I) (*O, error)) handler {
	return handler{reflect.TypeFor[I](), func(a *AWS, r request, input any) (any, error) {
		in, ok := input.(*I)
		if !ok {
			return nil, &notSimulated{fmt.Sprintf("%s with a %T", r.action, input)}
		}
		return serve(a, r, in)
	}}
}

// operations is the table: every operation that the fake simulates, by its name.
var operations = byName(iamOperations, secretOperations, stackOperations, bucketOperations, objectOperations)

func byName(services ...[]operation) map[string]operation {
	table := map[string]operation{}
	for _, op := range slices.Concat(services...) {
		table[op.name] = op
	}
	return table
}

// about reads the fields of an input that name what a call is about.
func (op operation) about(input any) string {
	var parts []string
	for _, name := range strings.Fields(op.target) {
		if value := text(input, name); value != nil {
			parts = append(parts, *value)
		}
	}
	return strings.Join(parts, "/")
}

// text is a field of an input that is an optional string. It is nil for an input without such a field.
func text(input any, name string) *string {
	v := reflect.Indirect(reflect.ValueOf(input))
	if v.Kind() != reflect.Struct {
		return nil
	}
	f := v.FieldByName(name)
	if !f.IsValid() {
		return nil
	}
	value, _ := f.Interface().(*string)
	return value
}
