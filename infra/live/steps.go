package main

import (
	"context"
	"fmt"
	"time"
)

// A step of the acceptance.
type step struct {
	name string
	do   func(*live, context.Context) error
}

// Names of the steps that change what the table of properties lists under elsewhere.
const (
	repairs          = "brings a bucket policy back by a change of Trigger"
	rotatesBySerial  = "rotates the key by KeySerial, and the key before goes on working"
	rotatesUnproven  = "rotates the key with VerifyCredentials off"
	deletesPrevious  = "answers a leak: KeySerial with PreviousKey Delete"
	turnsScheduleOn  = "turns the schedule on by RotateAfterDays"
	replacesWithData = "gives other names to the set: refused while it holds data, which stays by Retain"
	preparesPurge    = "sets OnDelete Purge and SecretRecoveryDays, and fills the bucket"
)

// steps are the whole acceptance, in order.
func steps() []step {
	all := []step{
		{"builds the CDK app and the operator's program", (*live).build},
		{"deploys the provider with cdk deploy", (*live).deployProvider},
		{"deploys the construct with cdk deploy, and ClickHouse uses it", (*live).useConstruct},
		{"destroys it with cdk destroy", (*live).destroyConstruct},
		{"creates a set by CloudFormation", (*live).createSet},
		{"has the rotation of another set fail", (*live).breakRotation},
	}
	for _, c := range changes() {
		all = append(all, step{"changes " + c.property, func(l *live, ctx context.Context) error {
			if err := l.change(ctx, c.values); err != nil {
				return err
			}
			return c.seen(ctx, l)
		}})
	}
	return append(all,
		step{repairs, (*live).repair},
		step{rotatesBySerial, (*live).rotateBySerial},
		step{rotatesUnproven, (*live).rotateUnproven},
		step{deletesPrevious, (*live).deletePrevious},
		step{turnsScheduleOn, (*live).turnScheduleOn},
		step{"rotates the key as the schedule does", (*live).rotateBySchedule},
		step{"turns the schedule off", (*live).turnScheduleOff},
		step{replacesWithData, (*live).replaceWithData},
		step{"gives other names to an empty set: nothing of it stays", (*live).replaceWithoutData},
		step{"takes the bucket over that was let go of, and keeps it by Retain", (*live).adopt},
		step{"has a creation fail, which leaves nothing", (*live).rollBack},
		step{"asks what only AWS can tell", (*live).ask},
		step{preparesPurge, (*live).fill},
		step{"deletes the set and its data", (*live).purge},
		step{"looks at the rotation that failed, and deletes its set", (*live).mendRotation},
		step{"destroys the provider with cdk destroy", (*live).destroyProvider},
		step{"wants every property to have been changed", (*live).checkAllWereChanged},
		step{"wants nothing to be left", (*live).wantNothing},
	)
}

// runSteps runs one step after the other until one fails or ctx ends.
func (l *live) runSteps(ctx context.Context) error {
	all := steps()
	for i, s := range all {
		if context.Cause(ctx) != nil {
			return context.Cause(ctx)
		}
		l.say("step %d of %d: %s", i+1, len(all), s.name)
		stop := l.tick()
		err := s.do(l, ctx)
		stop()
		if context.Cause(ctx) != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return fmt.Errorf("step %d, which %s: %w", i+1, s.name, err)
		}
	}
	return nil
}

// tick says every five seconds on a terminal that a step goes on.
func (l *live) tick() (stop func()) {
	if !l.isTerminal {
		return func() {}
	}
	begun, end, ended := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticks := time.NewTicker(5 * time.Second)
		defer ticks.Stop()
		for {
			select {
			case <-end:
				return
			case <-ticks.C:
				fmt.Fprintf(l.out, "       … for %.0f s\r", time.Since(begun).Seconds())
			}
		}
	}()
	return func() {
		close(end)
		<-ended
		fmt.Fprint(l.out, "\r\033[K") // takes the line off
	}
}
