package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"bucketuser/infra/internal/rotate"
)

// rotate has the key of a resource rotated now.
func (o *operator) rotate() *cobra.Command {
	var limit time.Duration
	command := &cobra.Command{
		Use:   "rotate [STACK]",
		Short: "Rotate the key of a resource now, where RotateAfterDays is set",
		Long: `Rotate the key of a resource now, where RotateAfterDays is set, and wait for the end. The key before goes on
working until the next rotation begins. Without a schedule it says which KeySerial makes a new key.

Exit status: 0 rotated, 1 refused, failed or not done in time, 2 nothing was tried, or it was interrupted.`,
		Example: `  bucketuser rotate
  bucketuser rotate Storage --resource Disk --timeout 20m`,
		Args: o.atMostOneStack,
		RunE: func(command *cobra.Command, _ []string) error { return o.rotateNow(command, limit) },
	}
	command.Flags().DurationVar(&limit, "timeout", 10*time.Minute, "how long to wait; the rotation goes on all the same")
	return command
}

func (o *operator) rotateNow(command *cobra.Command, limit time.Duration) error {
	config, found, err := o.find(command)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(command.Context(), limit)
	defer cancel()
	p := &progress{out: o.notes, isTerminal: isTerminal(o.notes)}
	is, err := rotate.Now(ctx, config, found, p.show)
	p.end()
	var off *rotate.OffError
	var unfinished *rotate.UnfinishedError
	switch {
	case err == nil:
		return o.sayRotated(is, found.SecretName)
	case errors.As(err, &off), errors.As(err, &unfinished) && !unfinished.IsTimeout:
		return err
	}
	return wrongError{err}
}

// sayRotated says which key is which now, and what is to be done.
func (o *operator) sayRotated(is rotate.Outcome, secret string) error {
	known := func(id string) string {
		if id == "" {
			return "is not known, without the right to the function's log"
		}
		return id
	}
	_, err := fmt.Fprintf(o.out, "secret %s has a new key, after %d s\n  new key       %s\n  previous key  %s, works until the next rotation begins\n",
		secret, int(is.Took.Seconds()), known(is.New), known(is.Previous))
	if err == nil && is.Ended != "" {
		_, err = fmt.Fprintf(o.out, "  before that   %s, which does not work any more\n", is.Ended)
	}
	o.say("have every consumer take the new key. bucketuser status says when the previous one was used last; to end it early, " +
		"change PreviousKey from Keep to Delete in an update of its own, after one that sets Keep where Delete stands")
	return err
}

// A progress shows how far something is: a line for each news, and on a terminal one that counts the seconds.
type progress struct {
	out        io.Writer
	isTerminal bool
	what       string
	shown      time.Duration // when a line was written last
}

// quiet is how long nothing is written where there is no terminal.
const quiet = 30 * time.Second

func (p *progress) show(is rotate.Progress) {
	isNews := is.What != p.what
	if isNews && p.isTerminal && p.what != "" {
		fmt.Fprintln(p.out)
	}
	line := fmt.Sprintf("%4d s  %s", int(is.Took.Seconds()), is.What)
	switch {
	case p.isTerminal:
		fmt.Fprint(p.out, "\r\x1b[K"+line)
	case isNews || is.Took-p.shown >= quiet:
		fmt.Fprintln(p.out, line)
		p.shown = is.Took
	}
	p.what = is.What
}

// end leaves the line that counts.
func (p *progress) end() {
	if p.isTerminal && p.what != "" {
		fmt.Fprintln(p.out)
	}
}
