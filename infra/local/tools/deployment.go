package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"bucketuser/infra/internal/values"
	"bucketuser/lambda/spec"
)

// A deployment is what make deploy, destroy, synth and their like were told.
type deployment struct {
	command    string // deploy, destroy or synth
	stack      string
	approval   string
	isProvider bool
	words      []string // of CONTEXT and PARAMETERS
	accepted   []string // what is agreed to: changes of properties or parameters, or the loss of a provider

	values string         // file of values, "" for none
	kept   values.Section // that of the stack in the file
	given  []string       // properties that the file or the command line says something about, null too

	defaults map[string]string // of the parameters of a provider
}

// parseDeployment reads the arguments after deploy, destroy or synth. The words stand behind --.
func parseDeployment(args []string) (deployment, error) {
	d := deployment{command: args[0]}
	flags := flag.NewFlagSet("tools "+d.command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.StringVar(&d.stack, "stack", "", "name of the stack")
	flags.StringVar(&d.approval, "approval", "", "as --require-approval of the cdk CLI")
	flags.BoolVar(&d.isProvider, "provider", false, "the stack is one of a provider")
	flags.StringVar(&d.values, "values", "", "file that keeps values of stacks")
	accepted := flags.String("accept", "", "properties whose changes are agreed to")
	if err := flags.Parse(args[1:]); err != nil {
		return deployment{}, err
	}
	d.words, d.accepted = flags.Args(), strings.FieldsFunc(*accepted, func(r rune) bool { return r == ' ' || r == ',' })
	return d, errors.Join(d.checkStack(), d.checkApproval(), d.checkAccepted(), d.checkWords())
}

var stackName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,127}$`)

func (d deployment) checkStack() error {
	if stackName.MatchString(d.stack) {
		return nil
	}
	return fmt.Errorf("%s=%q: must be 1 to 128 letters, digits and hyphens, a letter first", d.variable(), d.stack)
}

// variable is that of make which names the stack.
func (d deployment) variable() string {
	if d.isProvider {
		return "PROVIDER"
	}
	return "STACK"
}

// target is that of make.
func (d deployment) target() string {
	if d.isProvider {
		return d.command + "-provider"
	}
	return d.command
}

// acceptable is what can be agreed to.
func (d deployment) acceptable() (names []string, hint string) {
	switch {
	case d.isProvider && d.command == "destroy":
		return []string{acceptUsers}, "is not what this asks about; write ACCEPT=" + acceptUsers
	case d.isProvider:
		return askedParameters, "is no parameter that this asks about; such are " + strings.Join(askedParameters, ", ")
	}
	for _, row := range spec.Table {
		names = append(names, row.Name)
	}
	return names, "is no property; names properties, such as ACCEPT=Prefix"
}

// checkAccepted refuses what this does not ask about.
func (d deployment) checkAccepted() error {
	names, otherwise := d.acceptable()
	var faults []error
	for _, name := range d.accepted {
		if slices.Contains(names, name) {
			continue
		}
		hint := otherwise
		if nearest := spec.Nearest(name, names); nearest != "" {
			what, _, _ := strings.Cut(otherwise, ";")
			hint = what + "; did you mean " + nearest + "?"
		}
		faults = append(faults, fmt.Errorf("ACCEPT: %s: %s", name, hint))
	}
	return errors.Join(faults...)
}

// approvals are the values of --require-approval; without one the cdk CLI asks about changes that broaden rights.
var approvals = []string{"", "never", "any-change", "broadening"}

func (d deployment) checkApproval() error {
	if slices.Contains(approvals, d.approval) {
		return nil
	}
	return fmt.Errorf("APPROVAL=%q: must be one of %s", d.approval, strings.Join(approvals[1:], ", "))
}

// checkWords refuses words that the cdk CLI would take for more stacks, and properties for a destruction.
func (d deployment) checkWords() error {
	var faults []error
	last := "" // the option before a word, if that may be its value
	for _, word := range d.words {
		isContext := last == "-c" || last == "--context"
		name, value, hasValue := strings.Cut(word, "=")
		switch {
		case isContext && !hasValue:
			faults = append(faults, fmt.Errorf("CONTEXT: %s %s: must be key=value", last, word))
		case isContext:
			faults = append(faults, d.checkKey(word, name))
		case strings.HasPrefix(word, "--context=") || strings.HasPrefix(word, "-c="):
			key, _, _ := strings.Cut(value, "=")
			faults = append(faults, d.checkKey(value, key))
		case strings.HasPrefix(word, "-"):
			if !hasValue {
				last = word
				continue
			}
		case last == "" || hasValue && propertyKey.MatchString(name) && !slices.Contains(pairOptions, last):
			faults = append(faults, d.strayWord(word, name))
		}
		last = ""
	}
	return errors.Join(faults...)
}

// pairOptions are the options of the cdk CLI beside -c that take key=value.
var pairOptions = []string{"--parameters", "--tags", "-t"}

// strayWord says where a word belongs. A parameter of the provider begins with a capital letter.
func (d deployment) strayWord(word, name string) error {
	if d.isProvider && d.command == "deploy" && name != "" && unicode.IsUpper(rune(name[0])) {
		return fmt.Errorf("CONTEXT: %s: is no context; write PARAMETERS=%q", word, word)
	}
	return fmt.Errorf("CONTEXT: %s: has no -c before it; write CONTEXT=\"-c %s\"", word, word)
}

var propertyKey = regexp.MustCompile(`^[a-z][A-Za-z]*$`)

// keysOfTheApp are the context keys that say how the app is synthesized. All others of one word set a property.
var keysOfTheApp = []string{"architecture", "code"}

// checkKey refuses a property for a destruction: CloudFormation deletes a resource with those that it has.
func (d deployment) checkKey(word, key string) error {
	if d.command != "destroy" || slices.Contains(keysOfTheApp, key) || !propertyKey.MatchString(key) {
		return nil
	}
	return fmt.Errorf("CONTEXT: -c %s: says nothing to a destruction, for which the values of the last deployment count, OnDelete among them; deploy it first", word)
}

// isForced reports whether the words have the cdk CLI destroy unasked.
func (d deployment) isForced() bool {
	return d.command == "destroy" && (slices.Contains(d.words, "--force") || slices.Contains(d.words, "-f"))
}

// needsTerminal reports whether the cdk CLI may ask something.
func (d deployment) needsTerminal() bool {
	never := []string{"--require-approval=never", "--yes", "-y"}
	isNever := d.isForced() || slices.ContainsFunc(d.words, func(word string) bool { return slices.Contains(never, word) })
	at := slices.Index(d.words, "--require-approval")
	isNever = isNever || at >= 0 && at+1 < len(d.words) && d.words[at+1] == "never"
	return d.command != "synth" && d.approval != "never" && !isNever
}

// checkTerminal says what to pass where nobody can answer the cdk CLI, before that has built anything.
func (d deployment) checkTerminal(isTerminal bool) error {
	if isTerminal || !d.needsTerminal() {
		return nil
	}
	target, asks := d.target(), "a change of rights"
	if d.command == "destroy" {
		asks = "the destruction"
	}
	return fmt.Errorf("make %s: asks for approval of %s, and there is no terminal to answer on: make %s APPROVAL=never goes on unasked", target, asks, target)
}
