// Command bench empties buckets of a model of S3 with the function and with others, and measures both.
//
//	bench -bench B2 -runs 5          one benchmark; without -bench all of them
//	bench -bench B4 -case utf8       of its cases those whose names contain the text
//	bench -bench B2 -peers ""        the function alone; else its name and those of others, with commas between
//	bench -write                     write the results into results.json, results.md and infra/README.md
//	bench -runs 0                    write the pages of results.json again
//
// The function is the real binary, which asks a Lambda runtime API for a Delete event with OnDelete Purge. The model is
// a process of its own for each measurement, and draws the rates by the number of the run: all programs of a run meet the
// same. Times are those from the event to its answer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"bucketuser/infra/local"
)

// options are what the command line says.
type options struct {
	bench, scene string
	peers        []string
	runs         int
	seed         uint64
	isWritten    bool
	isLoud       bool
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == serveCommand {
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "bench: model:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, parse(os.Args[1:])); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parse(args []string) options {
	var o options
	var peers string
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.StringVar(&o.bench, "bench", "", "name of a benchmark, such as B2; all of them if empty")
	flags.StringVar(&o.scene, "case", "", "part of the names of the cases")
	flags.StringVar(&peers, "peers", strings.Join(everybody, ","), "what is measured beside the function")
	flags.IntVar(&o.runs, "runs", 5, "number of runs; 0 writes what was measured before once more")
	flags.Uint64Var(&o.seed, "seed", 1, "of the first run; the next ones have the next seeds")
	flags.BoolVar(&o.isWritten, "write", false, "write results.json, results.md and infra/README.md")
	flags.BoolVar(&o.isLoud, "v", false, "print each measurement, and the function's log where it failed")
	_ = flags.Parse(args) // it exits itself
	o.peers = strings.Split(peers, ",")
	return o
}

func run(ctx context.Context, o options) error {
	root, err := local.Root()
	if err != nil {
		return err
	}
	if o.runs == 0 {
		return write(root, nil)
	}
	chosen := choose(o)
	if len(chosen) == 0 {
		return fmt.Errorf("no case of %q has %q in its name", o.bench, o.scene)
	}
	dir, err := os.MkdirTemp("", "bucketuser-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := prepare(ctx, root, dir, o)
	if err != nil {
		return err
	}
	var rows []row
	for _, c := range chosen {
		measured, err := b.measureAll(ctx, c)
		if err != nil {
			return fmt.Errorf("%s, %s: %w", c.bench, c.name, err)
		}
		rows = append(rows, measured...)
		fmt.Print(table(measured))
	}
	if o.isWritten {
		return write(root, rows)
	}
	return nil
}

// choose returns the cases that the command line means.
func choose(o options) []scene {
	return slices.DeleteFunc(scenes(), func(s scene) bool {
		return o.bench != "" && s.bench != o.bench || !strings.Contains(s.name, o.scene)
	})
}

// bench has what a measurement needs.
type bench struct {
	options
	self     string // this program
	function string // the built function
	patient  string // the same with more runs of an event than Lambda makes
	dir      string
	programs map[string]program
	missing  map[string]string // why a peer cannot run here
}

// prepare builds and installs everything.
func prepare(ctx context.Context, root, dir string, o options) (*bench, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, self: self, dir: dir, programs: map[string]program{}, missing: map[string]string{}}
	for folder, variables := range map[string][]string{"function": nil, "patient": {"main.mostRuns=" + manyRuns}} {
		if _, err := local.BuildFunction(ctx, root, filepath.Join(dir, folder), variables...); err != nil {
			return nil, err
		}
	}
	b.function, b.patient = filepath.Join(dir, "function", "bootstrap"), filepath.Join(dir, "patient", "bootstrap")
	if err := b.findPeers(ctx, root); err != nil {
		return nil, err
	}
	return b, nil
}

// measureAll measures a case with everybody, again and again, one after another in each run.
func (b *bench) measureAll(ctx context.Context, s scene) ([]row, error) {
	tools := append([]string{us}, slices.DeleteFunc(slices.Clone(s.peers), func(p string) bool { return !slices.Contains(b.peers, p) })...)
	all := map[string][]measurement{}
	runs := b.runs
	if s.runs > 0 {
		runs = min(runs, s.runs)
	}
	for i := range runs {
		for _, tool := range tools {
			if b.missing[tool] != "" {
				continue
			}
			m, err := b.measure(ctx, s, tool, b.seed+uint64(i))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", tool, err)
			}
			b.tell(s, tool, m)
			all[tool] = append(all[tool], m)
		}
	}
	var rows []row
	for _, tool := range tools {
		rows = append(rows, summarize(s, tool, all[tool], all[us], b.missing[tool]))
	}
	return rows, nil
}

func (b *bench) tell(s scene, tool string, m measurement) {
	if b.isLoud {
		fmt.Printf("%s %s, %s: %.2fs, floor %.2fs, CPU %.2fs, %.1f MB, %d left, %d runs, %s\n    %v %v rates %.0f\n", s.bench, s.name, tool, m.wall.Seconds(),
			m.stats.Floor().Seconds(), m.cpu.Seconds(), float64(m.peak)/1e6, m.stats.Left, m.runs, m.answer, m.stats.Requests, m.stats.Refusals, m.stats.Rates)
	}
}

// measure empties one bucket.
func (b *bench) measure(ctx context.Context, s scene, tool string, seed uint64) (measurement, error) {
	model, err := b.startModel(ctx, s, seed)
	if err != nil {
		return measurement{}, err
	}
	stop := model.write(ctx, s.writers)
	m, err := b.empty(ctx, s, tool, model)
	stop()
	last, ended := model.end()
	if err := errors.Join(err, ended); err != nil {
		return measurement{}, err
	}
	m.stats, m.left, m.server = last.Stats, last.Left, last.CPU
	return m, nil
}

func (b *bench) empty(ctx context.Context, s scene, tool string, model *model) (measurement, error) {
	if tool == us {
		return b.runFunction(ctx, s, model)
	}
	return b.runPeer(ctx, tool, model)
}
