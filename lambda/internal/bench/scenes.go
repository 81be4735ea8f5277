package main

import (
	"time"

	"bucketuser/lambda/internal/s3model"
)

// us is the function, as the tables name it.
const us = "bucketuser"

// singles is the benchmark of programs that delete singly.
const singles = "singles"

// The others.
const (
	cdk    = "CDK handler"
	minio  = "minio-go"
	rclone = "rclone"
	awsCLI = "aws s3 rm"
)

var everybody = []string{cdk, minio, rclone, awsCLI}

// manyRuns is how often the harness delivers an event where Lambda would not any more.
const manyRuns = "20"

// scene is a case of a benchmark.
type scene struct {
	bench, name string
	config      s3model.Config
	peers       []string
	runs        int           // at most; 0 is as many as asked for
	deadline    time.Duration // of one run of the function; 0 is Lambda's 15 minutes
	isPatient   bool          // the event is delivered as often as it takes
	writers     int           // objects a second that somebody writes meanwhile, for three seconds
	cause       string        // the function must fail, and its reason match this; else it must succeed
}

const (
	list  = 100 * time.Millisecond
	erase = 300 * time.Millisecond
)

// slow is a bucket of S3's latencies.
func slow(kind s3model.Kind, entries int) s3model.Config {
	return s3model.Config{Set: s3model.Set{Kind: kind, Entries: entries}, List: list, Delete: erase}
}

// limited is the same with partitions that have drawn rates.
func limited(kind s3model.Kind, entries, partitions int) s3model.Config {
	c := slow(kind, entries)
	c.Partitions = s3model.Partitions{Count: partitions}
	return c
}

// scenes are all cases, in the order of the benchmarks.
func scenes() []scene {
	both := []string{cdk, minio}
	whole := limited(s3model.UUIDs, 42_000, 1)
	whole.Partitions.IsWhole = true
	near := limited(s3model.UUIDs, 42_000, 1)
	near.Delete = erase / 10
	all := []scene{
		{bench: "B1", name: "100k, half of them delete markers, no latency", peers: both,
			config: s3model.Config{Set: s3model.Set{Kind: s3model.UUIDs, Entries: 100_000, HalfMarkers: true}}},
		{bench: "B2", name: "50k, listing 100 ms, deleting 300 ms", peers: both, config: slow(s3model.UUIDs, 50_000)},
		{bench: "B3", name: "42k, one partition", peers: both, config: limited(s3model.UUIDs, 42_000, 1)},
		{bench: "B3", name: "42k, one partition, whole calls refused", peers: both, config: whole},
		{bench: "B3", name: "42k, one partition, deleting 30 ms", peers: both, config: near},
		{bench: "B4", name: "84k, four partitions", peers: both, config: limited(s3model.UUIDs, 84_000, 4)},
	}
	for _, c := range []struct {
		name string
		kind s3model.Kind
	}{{"skewed: 90 % under one random prefix", s3model.Skewed}, {"UTF-8", s3model.UTF8}, {"dates", s3model.Dates}, {"numbered", s3model.Numbered},
		{"one key with 20k versions", s3model.OneKey}} {
		all = append(all, scene{bench: "B5", name: "84k, four partitions, " + c.name, config: limited(c.kind, 84_000, 4)})
	}
	all = append(all, troubled(both)...)
	return append(all, large(both)...)
}

// troubledTime is how long the function may take where something goes wrong.
const troubledTime = 2 * time.Minute

// troubled are the cases of B6.
func troubled(peers []string) []scene {
	const entries = 21_000
	var all []scene
	for _, c := range []struct {
		name    string
		kind    s3model.Kind
		trouble s3model.Trouble
		uploads int
		writers int
		cause   string
	}{
		{name: "SlowDown for 20 % of the keys", trouble: s3model.Trouble{KeySlowDown: 0.2}},
		{name: "InternalError for 5 % of the keys", trouble: s3model.Trouble{KeyInternalError: 0.05}},
		{name: "5 % of the connections reset", trouble: s3model.Trouble{Reset: 0.05}},
		{name: "5 % of the calls fail with 500", trouble: s3model.Trouble{InternalError: 0.05}},
		{name: "20 % of the calls refused with 503", trouble: s3model.Trouble{SlowDown: 0.2}},
		{name: "control characters in a tenth of the keys", kind: s3model.Control},
		{name: `versions "null"`, kind: s3model.Nulls},
		{name: "200 unfinished uploads", uploads: 200},
		{name: "somebody writes 20 objects a second, for 3 s", writers: 20},
		{name: "1 % under retention", trouble: s3model.Trouble{Retained: 0.01}, cause: `lock`},
		{name: "1 % under legal hold", trouble: s3model.Trouble{LegalHold: 0.01}, cause: `lock`},
	} {
		config := slow(s3model.UUIDs, entries)
		if c.kind != "" {
			config.Set.Kind = c.kind
		}
		config.Trouble, config.Uploads = c.trouble, c.uploads
		all = append(all, scene{bench: "B6", name: "21k, " + c.name, config: config, peers: peers, runs: 3, deadline: troubledTime, writers: c.writers, cause: c.cause})
	}
	return all
}

// large are B7 and B8, and what others delete singly.
func large(peers []string) []scene {
	cut := limited(s3model.UUIDs, 200_000, 4)
	cut.Partitions.Rates = []float64{6000, 6000, 6000, 6000}
	million := limited(s3model.UUIDs, 1_000_000, 4)
	million.Set.HalfMarkers = true
	million.Partitions.Rates = []float64{3500, 3500, 3500, 3500}
	quick := s3model.Config{Set: s3model.Set{Kind: s3model.UUIDs, Entries: 50_000}}
	many, long := quick, quick
	many.Set.Entries, long.Set.Kind = 1_000_000, s3model.Long
	single := slow(s3model.Numbered, 1000)
	single.IsUnversioned = true
	return []scene{
		{bench: "B7", name: "200k, the function has 5 s", config: cut, deadline: 5 * time.Second, isPatient: true},
		{bench: "B8", name: "50k, no latency", config: quick, peers: peers},
		{bench: "B8", name: "1M, no latency", config: many, runs: 3},
		{bench: "B8", name: "50k keys of 1,000 bytes, no latency", config: long},
		{bench: "B8", name: "1M versions and delete markers, four partitions of 3,500/s, the function has 30 s", config: million, runs: 1,
			deadline: 30 * time.Second, isPatient: true},
		{bench: singles, name: "1,000 objects without versions, as others delete singly", config: single, peers: []string{rclone, awsCLI}, runs: 3},
	}
}
