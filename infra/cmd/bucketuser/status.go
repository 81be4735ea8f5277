package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/sourcegraph/conc"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"bucketuser/infra/internal/status"
	"bucketuser/infra/internal/target"
)

// status reports whether a resource works.
func (o *operator) status() *cobra.Command {
	var format string
	formats := []string{"table", "json"}
	command := &cobra.Command{
		Use:   "status [STACK]",
		Short: "Say whether a resource works, and what is wrong with it",
		Long: `Say whether a resource works: the key in its secret, and all that the key depends on. Nothing is changed.

Exit status: 0 all is well, 1 something is wrong, 2 that could not be determined.`,
		Example: `  bucketuser status
  bucketuser status Storage --resource Disk
  bucketuser status Storage --format json | jq -r .verdict`,
		Args: o.atMostOneStack,
		RunE: func(command *cobra.Command, _ []string) error {
			if format != "table" && format != "json" {
				return fmt.Errorf("format %q: must be one of %s", format, strings.Join(formats, ", "))
			}
			return o.report(command, format)
		},
	}
	command.Flags().StringVar(&format, "format", "table", "one of "+strings.Join(formats, ", "))
	_ = command.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
	return command
}

// report prints what was found. A resource without its secret is reported on as well.
func (o *operator) report(command *cobra.Command, format string) error {
	config, err := o.query.Connect(command.Context())
	if err != nil {
		return err
	}
	found, err := o.query.Find(command.Context(), config)
	if none := (*target.NoSecretError)(nil); err != nil && !errors.As(err, &none) {
		return err
	}
	o.say(found.String())
	answered := count(o.notes, isTerminal(o.notes), time.Second)
	r, err := status.Check(command.Context(), config, found, time.Now())
	answered()
	if err != nil {
		return err
	}
	if format == "json" {
		err = r.WriteJSON(o.out)
	} else {
		err = r.WriteTable(o.out, o.width(), isTerminal(o.out))
	}
	switch {
	case err != nil:
		return err
	case r.ExitCode == statusWrong:
		return wrongError{errors.New(r.Sum())}
	case r.ExitCode == statusUnknown:
		return errors.New(r.Sum())
	}
	o.say(r.Sum())
	return nil
}

// count counts the seconds on a terminal for as long as AWS does not answer, until the function is called that it returns.
func count(out io.Writer, isTerminal bool, interval time.Duration) (answered func()) {
	if !isTerminal {
		return func() {}
	}
	start, ended := time.Now(), make(chan struct{})
	var counting conc.WaitGroup
	counting.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				fmt.Fprint(out, "\r\x1b[K")
				return
			case <-tick.C:
				fmt.Fprintf(out, "\r\x1b[K%4d s  asking AWS, for a minute at most", int(time.Since(start).Seconds()))
			}
		}
	})
	return func() { close(ended); counting.Wait() }
}

// ownWidth is the width of what is printed where there is no terminal.
const ownWidth = 120

// width is that of the terminal.
func (o *operator) width() int {
	file, isFile := o.out.(*os.File)
	if !isFile {
		return ownWidth
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return ownWidth
	}
	return width
}
