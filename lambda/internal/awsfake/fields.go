package awsfake

import (
	"reflect"
	"slices"
	"strings"
)

// checkFields refuses an input with a field set that would change AWS's answer and that the fake does not look at.
func (op operation) checkFields(input any) error {
	v := reflect.Indirect(reflect.ValueOf(input))
	if v.Kind() != reflect.Struct {
		return &notSimulated{op.name + " without an input"}
	}
	if field := unknownField(v, "", strings.Fields(op.target+" "+op.honours)); field != "" {
		return &notSimulated{op.name + " with " + field}
	}
	return nil
}

// unknownField is the path of a field that is set and that is not known, such as "Delete.MFA". A known path covers
// what is below it.
func unknownField(v reflect.Value, path string, known []string) string {
	switch v = reflect.Indirect(v); v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			if field := unknownField(v.Index(i), path, known); field != "" {
				return field
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := unknownIn(v.Type().Field(i), v.Field(i), path, known); field != "" {
				return field
			}
		}
	}
	return ""
}

// unknownIn is the path of one field of a struct, or of what is below it, if that is set and not known.
func unknownIn(field reflect.StructField, value reflect.Value, path string, known []string) string {
	name := path + field.Name
	switch {
	case !field.IsExported() || value.IsZero() || slices.Contains(known, name):
		return ""
	case !hasPrefix(known, name+"."):
		return name
	}
	return unknownField(value, name+".", known)
}

func hasPrefix(known []string, prefix string) bool {
	return slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(k, prefix) })
}
