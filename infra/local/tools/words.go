package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/infra/internal/caller"
	"bucketuser/infra/internal/values"
)

// arguments are those of the cdk CLI, which knows the app's output already.
func (d deployment) arguments() []string {
	args := []string{d.command, d.stack}
	switch {
	case d.approval == "never" && d.command == "destroy":
		args = append(args, "--force")
	case d.approval != "" && d.command == "deploy":
		args = append(args, "--require-approval", d.approval)
	}
	for _, parameter := range d.parametersOfFile() {
		args = append(args, "--parameters", parameter)
	}
	return append(args, without(d.words, "--app", "-a")...)
}

// synthesis are the arguments with which the cdk CLI has the app write its output.
func (d deployment) synthesis() []string {
	args := []string{"synth", d.stack, "-c", "stackName=" + d.stack}
	if d.isProvider {
		args = append(args, "-c", "provider=true")
	}
	if d.values != "" {
		args = append(args, "-c", values.ContextKey+"="+d.values)
	}
	return append(args, without(d.words, slices.Concat(notOfSynth, pairOptions)...)...)
}

// notOfSynth are options of a deployment alone that take a value.
var notOfSynth = []string{"--require-approval", "--app", "-a"}

// without returns words without options and their values.
func without(words []string, options ...string) []string {
	var rest []string
	for i := 0; i < len(words); i++ {
		name, _, hasValue := strings.Cut(words[i], "=")
		switch {
		case !slices.Contains(options, name):
			rest = append(rest, words[i])
		case !hasValue:
			i++ // its value
		}
	}
	return rest
}

// option returns the values that the words give to an option of the cdk CLI.
func (d deployment) option(names ...string) []string {
	var all []string
	for i, word := range d.words {
		name, value, hasValue := strings.Cut(word, "=")
		switch {
		case !slices.Contains(names, name):
		case hasValue:
			all = append(all, value)
		case i+1 < len(d.words):
			all = append(all, d.words[i+1])
		}
	}
	return all
}

// caller is who deploys, with the profile that the words name if they name one. It says where that is not the demo.
func (d deployment) caller(ctx context.Context, root string) (aws.Config, caller.Caller, error) {
	demo := demoOf(ctx, root)
	if err := checkShell(ctx, demo); err != nil {
		return aws.Config{}, caller.Caller{}, fmt.Errorf("make %s: %w", d.target(), err)
	}
	noteOfDemo(demo, os.Stderr)
	for _, profile := range d.option("--profile") {
		if err := os.Setenv("AWS_PROFILE", profile); err != nil {
			return aws.Config{}, caller.Caller{}, err
		}
	}
	config, who, err := caller.Find(ctx)
	if err != nil {
		return config, who, fmt.Errorf("make %s: %w", d.target(), err)
	}
	return config, who, nil
}

// readValues reads what is given: the section of the file, and the keys of the command line.
func (d *deployment) readValues(root string, out io.Writer) error {
	pairs := map[string]string{}
	for _, pair := range d.option("-c", "--context") {
		key, value, _ := strings.Cut(pair, "=")
		pairs[key] = value
	}
	standard := filepath.Join(root, values.DefaultFile)
	if file, ok := pairs[values.ContextKey]; ok {
		d.values = file
	} else if _, err := os.Stat(standard); d.values == "" && err == nil {
		d.values = standard
	}
	if d.values != "" {
		absolute, err := filepath.Abs(d.values)
		if err != nil {
			return err
		}
		d.values = absolute
		if d.kept, err = values.Read(absolute, d.stack); err != nil {
			return err
		}
	}
	if d.values != "" && d.kept == nil {
		fmt.Fprintf(out, "%s has no section %s: what it does not get by CONTEXT has its default\n", d.values, d.stack)
	}
	d.given = slices.Collect(maps.Keys(d.kept))
	for key := range pairs {
		if property := propertyOf(key); property != "" {
			d.given = append(d.given, property)
		}
	}
	return nil
}
