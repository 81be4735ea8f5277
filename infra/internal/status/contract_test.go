package status

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestContract holds what no version may change in the JSON, since monitors read it. A word may be added here. None may
// be changed or taken away.
func TestContract(t *testing.T) {
	f := healthy(map[string]any{"RotateAfterDays": "30"})
	f.addKey("AKIAPREVIOUS", 35*day, true)
	report := judge(f)
	var checks []string
	for _, finding := range report.Checks {
		checks = append(checks, finding.Check)
	}
	for _, promise := range []struct {
		what string
		is   []string
		want string
	}{
		{"fields", jsonFieldsOf(reflect.TypeFor[Report](), ""),
			"version verdict exitCode at stack stackId resource account region endpoint user bucket secret secretArn prefix keySerial " +
				"checks checks.check checks.state checks.what checks.todo checks.commands " +
				"keys keys.id keys.role keys.active keys.created keys.lastUsed keys.lastUsedService " +
				"rotation rotation.on rotation.days rotation.next rotation.last rotation.pendingSince " +
				"objects objects.count objects.more objects.outside objects.moreOutside"},
		{"checks", checks,
			"stack provider secretTags format secret key otherKey rotation user userTags boundary bucket bucketTags publicAccess policy objects"},
		{"states", []string{string(OK), string(Warning), string(Unknown), string(Fault)}, "ok warning unknown fault"},
		{"verdicts", []string{Healthy, Faulty, Undecided}, "healthy faulty unknown"},
		{"roles of a key", []string{RoleCurrent, RolePrevious, RolePending, RoleNone, RoleUnknown}, "current previous pending none unknown"},
	} {
		for _, want := range strings.Fields(promise.want) {
			if !slices.Contains(promise.is, want) {
				t.Errorf("%s: %q is promised and is gone from %q", promise.what, want, promise.is)
			}
		}
	}
	if report.Version != 1 {
		t.Errorf("version %d: another one is for programs that cannot read this", report.Version)
	}
}

// jsonFieldsOf are the names of the fields in the JSON of a type, with those that they are in before them.
func jsonFieldsOf(of reflect.Type, in string) (names []string) {
	for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
		of = of.Elem()
	}
	if of.Kind() != reflect.Struct || of == reflect.TypeFor[time.Time]() {
		return nil
	}
	for field := range of.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(append(names, in+name), jsonFieldsOf(field.Type, in+name+".")...)
	}
	return names
}
