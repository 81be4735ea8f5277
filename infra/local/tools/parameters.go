package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"bucketuser/infra/internal/values"
	"bucketuser/lambda/spec"
)

// functionName is the parameter of a provider that names its function.
const functionName = "FunctionName"

// askedParameters are those whose changes may take the provider away from resources that exist.
var askedParameters = []string{functionName, spec.BucketNamePatternParameter, spec.SecretNamePatternParameter}

// defaults are the values that parameters have where none was ever given.
func (t template) defaults() map[string]string {
	all := map[string]string{}
	for name, parameter := range t.Parameters {
		if fields, ok := parameter.(map[string]any); ok && fields["Default"] != nil {
			all[name] = fmt.Sprint(fields["Default"])
		}
	}
	return all
}

// parametersOfFile are the parameters of a provider in the file that the words do not give. Null is the default of the
// template, which the cdk CLI has to be told: it sends the value that is deployed for what it is not given.
func (d deployment) parametersOfFile() []string {
	if !d.isProvider || d.command != "deploy" {
		return nil
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(d.kept)) {
		isGiven := slices.ContainsFunc(d.option("--parameters"), func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
		if name != values.Architecture && !isGiven {
			all = append(all, name+"="+d.parameterOfFile(name))
		}
	}
	return all
}

func (d deployment) parameterOfFile(name string) string {
	if value := d.kept[name]; value != nil {
		return fmt.Sprint(value)
	}
	return d.defaults[name]
}

// parameters are all that a provider is given.
func (d deployment) parameters() []string {
	return append(d.option("--parameters"), d.parametersOfFile()...)
}

// compareParameters returns the changes of a provider's parameters. CloudFormation keeps those that are not given.
func (d deployment) compareParameters(has map[string]string) []change {
	var changes []change
	for _, parameter := range d.parameters() {
		name, to, _ := strings.Cut(parameter, "=")
		from := has[name]
		if from == to {
			continue
		}
		c := change{name: name, from: shownParameter(name, from), to: shownParameter(name, to), strands: strandedBy(name, from, to)}
		if from != "" {
			c.deployed = from
		}
		changes = append(changes, c)
	}
	return changes
}

// shownParameter is a value of a parameter as text.
func shownParameter(name, value string) string {
	switch {
	case value != "":
		return value
	case name == functionName:
		return "generated"
	}
	return "none"
}

// strandedBy says what the change of a parameter leaves without a provider, or "".
func strandedBy(name, from, to string) string {
	switch {
	case name == functionName:
		return "it replaces the function, and each stack that uses the provider can then neither be updated nor deleted"
	case !slices.Contains(askedParameters, name) || from == "" || covers(to, from):
		return ""
	}
	return fmt.Sprintf("resources with names under %s that %s does not cover can then neither be updated nor deleted", from, to)
}

// covers reports whether each name that fits one pattern fits the wider one, too. What stands for a star of the one must
// be taken by a star of the other.
func covers(wider, pattern string) bool {
	expression := strings.ReplaceAll(regexp.QuoteMeta(wider), `\*`, ".*")
	return regexp.MustCompile("^" + expression + "$").MatchString(pattern)
}
