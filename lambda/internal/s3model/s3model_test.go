package s3model

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/internal/awscall"
)

const (
	bucketName = "my-data"
	account    = "123456789012"
)

// newServer makes a server and a client of it that repeats nothing.
func newServer(config Config) (*Server, *s3.Client) {
	config.Bucket, config.Owner, config.Region = bucketName, account, "eu-west-1"
	s := New(config)
	return s, clientOf("http://127.0.0.1", &http.Client{Transport: Transport{s}})
}

func clientOf(address string, client *http.Client) *s3.Client {
	return s3.New(s3.Options{Region: "eu-west-1", BaseEndpoint: &address, UsePathStyle: true, HTTPClient: client,
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), RetryMaxAttempts: 1})
}

// wantCode fails the test unless an error has a code.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if !awscall.IsCode(err, code) {
		t.Errorf("%v, want %s", err, code)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// idsOf are all entries as a DeleteObjects names them.
func (s *Server) idsOf() []types.ObjectIdentifier {
	var ids []types.ObjectIdentifier
	for e := range s.entries.from(place{}) {
		ids = append(ids, types.ObjectIdentifier{Key: aws.String(e.key), VersionId: aws.String(e.version())})
	}
	return ids
}

func deleteAll(t *testing.T, client *s3.Client, ids []types.ObjectIdentifier, quiet bool) (*s3.DeleteObjectsOutput, error) {
	t.Helper()
	return client.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String(bucketName),
		Delete: &types.Delete{Objects: ids, Quiet: &quiet}})
}

func TestTheSameSeedMakesTheSameServer(t *testing.T) {
	for _, kind := range Kinds() {
		config := Config{Seed: 7, Set: Set{Kind: kind, Entries: 500}, Partitions: Partitions{Count: 3}, Trouble: Trouble{Retained: 0.1}}
		a, b := New(config), New(config)
		config.Seed++
		other := New(config)
		if !sameEntries(a, b) || a.Stats().Rates[0] != b.Stats().Rates[0] {
			t.Errorf("%s: two servers of a seed differ", kind)
		}
		if sameEntries(a, other) && a.Stats().Rates[0] == other.Stats().Rates[0] {
			t.Errorf("%s: servers of two seeds are the same", kind)
		}
	}
}

func sameEntries(a, b *Server) bool {
	if a.entries.count != b.entries.count {
		return false
	}
	for i, block := range a.entries.blocks {
		for k, e := range block {
			if b.entries.blocks[i][k] != e {
				return false
			}
		}
	}
	return true
}

func TestFloors(t *testing.T) {
	s := New(Config{List: 100 * time.Millisecond, Set: Set{Kind: OneKey, Entries: 10_000},
		Partitions: Partitions{Borders: []string{"8"}, Rates: []float64{1000, 2000}}})
	var below int
	for e := range s.entries.from(place{}) {
		if e.key < "8" {
			below++
		}
	}
	stats := s.Stats()
	want := max(time.Duration(below)*time.Millisecond, time.Duration(10_000-below)*time.Millisecond/2)
	if stats.RateFloor != want {
		t.Errorf("rate floor %s, want %s: %d of 10,000 are in the first partition", stats.RateFloor, want, below)
	}
	if stats.ListFloor != 500*time.Millisecond { // 5,000 versions of one key
		t.Errorf("list floor %s", stats.ListFloor)
	}
	if stats.Floor() != max(stats.RateFloor, stats.ListFloor) {
		t.Errorf("floor %s", stats.Floor())
	}
}

func TestDrawnRates(t *testing.T) {
	for seed := range uint64(50) {
		for _, rate := range New(Config{Seed: seed, Partitions: Partitions{Count: 4}, Set: Set{Kind: UUIDs, Entries: 100}}).Stats().Rates {
			if rate < leastRate || rate > mostRate {
				t.Errorf("seed %d: %v", seed, rate)
			}
		}
	}
}
