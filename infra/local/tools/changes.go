package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"bucketuser/infra/internal/values"
	"bucketuser/lambda/spec"
)

// A change is what a deployment does to the value of a property, or of a parameter of the provider.
type change struct {
	name, from, to string
	deployed       any // what to write to keep it, nil for a default that is no value

	isForgotten bool   // the stack has a value, and none is given now
	isIdentity  bool   // it replaces user, key, bucket and secret
	isLower     bool   // a KeySerial that makes no key, as whoever answers a leak must know
	strands     string // what is out of the reach of the user, or of the provider, or ""
	effect      string // what else it does, or ""
}

// isAsked reports whether somebody has to agree.
func (c change) isAsked() bool { return c.isForgotten || c.isIdentity || c.isLower || c.strands != "" }

func (c change) String() string {
	text := fmt.Sprintf("  %s: %s -> %s", c.name, c.from, c.to)
	if c.isForgotten {
		text += ", its default: no value is given any more"
	}
	if c.isIdentity {
		text += ", which replaces user, key, bucket and secret"
	}
	if c.isLower {
		text += ": is not higher, so no key is rotated"
	}
	if c.effect != "" {
		text += ": " + c.effect
	}
	if c.strands != "" {
		text += "\n    " + c.strands
	}
	return text
}

// actsOnce are the properties that say what one update does. Nothing is lost where they are forgotten.
var actsOnce = []string{"PreviousKey", "Trigger"}

// changesOf compares the properties of a resource that is deployed with those that are about to be. Given are the
// names of the properties that somebody has said something about, null too.
func changesOf(deployed, next map[string]any, given []string) []change {
	var all []change
	for _, row := range spec.Table {
		c := change{name: row.Name, deployed: toWrite(row, deployed), from: shown(row, deployed), to: shown(row, next)}
		if c.from == c.to {
			continue
		}
		c.isForgotten = !slices.Contains(given, row.Name) && next[row.Name] == nil && !slices.Contains(actsOnce, row.Name)
		c.isIdentity = row.OnChange == spec.Identity
		c.isLower = row.Name == "KeySerial" && !isHigher(c.from, c.to)
		all = append(all, c)
	}
	if i := slices.IndexFunc(all, func(c change) bool { return c.name == "PreviousKey" && c.to == spec.DeleteKey }); i >= 0 {
		all[i].effect = endsWhat(deployed, next)
	}
	if from, to := deployed[values.Architecture], next[values.Architecture]; from != to {
		all = append(all, change{name: values.Architecture, from: fmt.Sprint(from), to: fmt.Sprint(to)})
	}
	return all
}

// isHigher reports whether a KeySerial makes a new key. What is no number the function refuses.
func isHigher(from, to string) bool {
	was, errWas := strconv.Atoi(from)
	is, errIs := strconv.Atoi(to)
	return errWas != nil || errIs != nil || is > was
}

// endsWhat says which key ends with PreviousKey Delete.
func endsWhat(deployed, next map[string]any) string {
	from, to := valueOf("KeySerial", deployed), valueOf("KeySerial", next)
	if from == to || !isHigher(from, to) {
		return "ends the previous key; the one in the secret stays, since KeySerial is not higher than " + from
	}
	return "ends the key in the secret, and the previous one"
}

// noRotation says that no key ends although PreviousKey stands at Delete, or nothing.
func noRotation(deployed, next map[string]any) string {
	serial := valueOf("KeySerial", deployed)
	if valueOf("PreviousKey", deployed) != spec.DeleteKey || valueOf("PreviousKey", next) != spec.DeleteKey || valueOf("KeySerial", next) != serial {
		return ""
	}
	return fmt.Sprintf("PreviousKey stays Delete, and KeySerial stays %s: a key that works is neither rotated nor ended", serial)
}

// shown is the value of a property as text, that of a default where it has none.
func shown(row spec.Property, properties map[string]any) string {
	switch value := properties[row.Name].(type) {
	case nil:
		return strings.Trim(row.Default, "`")
	case string:
		if value == "" {
			return strings.Trim(row.Default, "`")
		}
		return value
	default:
		text, err := json.Marshal(value)
		if err != nil {
			return fmt.Sprint(value)
		}
		return string(text)
	}
}

// toWrite is what keeps a property as it is, in a file of values.
func toWrite(row spec.Property, properties map[string]any) any {
	if value := properties[row.Name]; value != nil && value != "" {
		return value
	}
	text, isValue := strings.CutPrefix(row.Default, "`")
	var value any
	if err := yaml.Unmarshal([]byte(strings.TrimSuffix(text, "`")), &value); err != nil || !isValue {
		return nil
	}
	return value
}

// leaves reports whether objects under the prefix from are not under the prefix to.
func (c change) leaves() bool { return c.name == "Prefix" && !strings.HasPrefix(c.from, c.to) }

// asked are the changes that somebody has to agree to, without those whose names are accepted.
func asked(all []change, accepted []string) []change {
	var open []change
	for _, c := range all {
		if c.isAsked() && !slices.Contains(accepted, c.name) {
			open = append(open, c)
		}
	}
	return open
}

func namesOf(changes []change) string {
	var names []string
	for _, c := range changes {
		names = append(names, c.name)
	}
	return strings.Join(names, " ")
}
