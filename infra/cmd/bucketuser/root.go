package main

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/spf13/cobra"

	"bucketuser/infra/internal/target"
)

// version is set by a release, with -ldflags "-X main.version=1.2.3".
var version = ""

// An operator is the program with the options that all commands have.
type operator struct {
	query      target.Query
	out, notes io.Writer
}

// root is the program. A command is added here.
func root(out, notes io.Writer) *cobra.Command {
	o := &operator{out: out, notes: notes}
	command := &cobra.Command{
		Use:           "bucketuser",
		Short:         "Operate resources Custom::BucketUser",
		Version:       versionOf(),
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	command.SetOut(out)
	command.SetErr(notes)
	flags := command.PersistentFlags()
	flags.StringVar(&o.query.Stack, "stack", "", "name or ARN of the stack (default "+target.DefaultStack+")")
	flags.StringVar(&o.query.Resource, "resource", "", "logical id of the resource, where the stack has several")
	flags.StringVar(&o.query.Secret, "secret", "", "name or ARN of the secret, instead of a stack")
	command.AddCommand(o.credentials(), o.status(), o.rotate())
	return command
}

// versionOf is the version of a release, or what the go command knows of the sources.
func versionOf() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return info.Main.Version + " of " + setting.Value
		}
	}
	return info.Main.Version
}

// atMostOneStack refuses what the query cannot mean, before anything is asked.
func (o *operator) atMostOneStack(_ *cobra.Command, args []string) error {
	q := &o.query
	switch {
	case len(args) > 1:
		return fmt.Errorf("%q: one stack at a time", args)
	case len(args) == 1 && q.Stack != "":
		return errors.New("the stack is named twice, by --stack and without it")
	case len(args) == 1:
		q.Stack = args[0]
	}
	switch {
	case q.Secret != "" && (q.Stack != "" || q.Resource != ""):
		return errors.New("--secret names the resource already; leave the stack and --resource out")
	case q.Secret == "" && q.Stack == "":
		q.Stack = target.DefaultStack
	}
	return nil
}

// find connects to AWS, finds what the query means, and says where it is.
func (o *operator) find(command *cobra.Command) (aws.Config, target.Target, error) {
	config, err := o.query.Connect(command.Context())
	if err != nil {
		return config, target.Target{}, err
	}
	found, err := o.query.Find(command.Context(), config)
	if none := (*target.NoSecretError)(nil); errors.As(err, &none) {
		err = wrongError{err}
	}
	if err == nil {
		o.say(found.String())
	}
	return config, found, err
}

// say says something to whoever runs the program, and nothing if there is nothing to say. Standard output is for what was asked for.
func (o *operator) say(sentence string) {
	if sentence != "" {
		fmt.Fprintln(o.notes, "bucketuser:", sentence)
	}
}
