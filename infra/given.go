package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	valuesfile "bucketuser/infra/internal/values"
	"bucketuser/lambda/spec"
)

// given is what context and file of values say together. The context wins.
type given struct {
	context      map[string]any
	file, stack  string // where properties stand that the context has not
	properties   map[string]any
	architecture any // nil: the default
}

// contextKey returns the key of a property: bucketName for BucketName.
func contextKey(property string) string {
	if property == "" {
		return ""
	}
	return strings.ToLower(property[:1]) + property[1:]
}

// keysOfTheApp are the context keys that set no property.
var keysOfTheApp = []string{"architecture", "code", "provider", "stackName", valuesfile.ContextKey}

// keys are all context keys, in order.
func keys() []string {
	all := slices.Clone(keysOfTheApp)
	for property := range properties() {
		if !slices.Contains(lists, property) {
			all = append(all, contextKey(property))
		}
	}
	slices.Sort(all)
	return all
}

// A word is a key that somebody may have meant for us. CDK's own keys, and those of
// its feature flags and look-ups, hold a colon, a slash or a hyphen.
var word = regexp.MustCompile(`^[A-Za-z]+$`)

// readGiven reads the values of a stack.
func readGiven(context map[string]any, stack string, isProvider bool) (given, []error) {
	g := given{context: context, stack: stack, properties: map[string]any{}}
	faults := []error{g.readFile(isProvider)}
	if architecture, ok := context["architecture"]; ok {
		g.architecture = architecture
	}
	known := keys()
	for _, key := range slices.Sorted(maps.Keys(context)) {
		if !slices.Contains(known, key) && word.MatchString(key) {
			faults = append(faults, unknownKey(key, known))
		}
	}
	for property := range properties() {
		if value, ok := context[contextKey(property)]; ok && !slices.Contains(lists, property) {
			g.properties[property] = value
		}
	}
	return g, faults
}

// readFile reads the section of the stack in the file that the context names. Parameters of a provider are for the
// cdk CLI.
func (g *given) readFile(isProvider bool) error {
	file, ok := g.context[valuesfile.ContextKey].(string)
	if !ok {
		return nil
	}
	g.file = filepath.Base(file)
	section, err := valuesfile.Read(file, g.stack)
	if err != nil {
		return err
	}
	g.architecture = section[valuesfile.Architecture]
	for property, value := range section {
		if value != nil && property != valuesfile.Architecture && !isProvider {
			g.properties[property] = value
		}
	}
	return nil
}

// place says where a property or Architecture was given.
func (g given) place(property string) string {
	if _, ok := g.context[contextKey(property)]; ok || g.file == "" {
		return "-c " + contextKey(property)
	}
	return fmt.Sprintf("%s: %s: %s", g.file, g.stack, property)
}

// refuseResource names the properties of a resource that were given where there is none.
func (g given) refuseResource() error {
	var faults []error
	for _, property := range slices.Sorted(maps.Keys(g.properties)) {
		faults = append(faults, fmt.Errorf("%s: belongs to a resource, and with -c provider=true there is none", g.place(property)))
	}
	return errors.Join(faults...)
}

// unknownKey says of a key what it may have been meant for: one that the app has, or a property that a command line
// cannot hold.
func unknownKey(key string, known []string) error {
	nearest := spec.Nearest(key, append(slices.Clone(lists), known...))
	switch {
	case slices.Contains(lists, nearest):
		return fmt.Errorf("-c %s: is a list, which no command line holds; write %s into the section of the stack in %s (VALUES=… for another file), or use the construct in a stack of your own",
			key, nearest, valuesfile.DefaultFile)
	case nearest != "":
		return fmt.Errorf("-c %s: not a key of this app; did you mean %s?", key, nearest)
	}
	return fmt.Errorf("-c %s: not a key of this app; it has %s", key, strings.Join(known, ", "))
}
