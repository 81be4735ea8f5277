package purge_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/purge"
	"bucketuser/lambda/internal/s3model"
)

var early int

func empty(t *testing.T, c s3model.Config, limit time.Duration) (s3model.Stats, time.Duration, error) {
	var stats s3model.Stats
	var took time.Duration
	var err error
	synctest.Test(t, func(t *testing.T) {
		c.Bucket, c.Owner, c.Region = "b", "123456789012", "eu-central-1"
		server := s3model.New(c)
		log := slog.New(slog.NewTextHandler(io.Discard, nil))
		if os.Getenv("LOG") != "" {
			log = slog.New(slog.NewTextHandler(os.Stderr, nil))
		}
		client := s3.New(s3.Options{Region: c.Region, HTTPClient: &http.Client{Transport: s3model.Transport{Server: server}},
			Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), Retryer: awscall.NewPatience(log).Retryer(awscall.LateRights), UsePathStyle: true})
		_ = aws.String
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		start := time.Now()
		time.AfterFunc(1500*time.Millisecond, func() {
			s := server.Stats()
			early = s.Refused
			if os.Getenv("LOG") != "" {
				fmt.Println("1.5s", s.Deleted, s.Refused)
			}
		})
		err = purge.Bucket{S3: client, Name: "b", Owner: c.Owner}.Empty(ctx, log)
		took = time.Since(start)
		stats = server.Stats()
	})
	return stats, took, err
}

func TestOne(t *testing.T) {
	s, took, err := empty(t, s3model.Config{Set: s3model.Set{Kind: s3model.UUIDs, Entries: 42000}, List: 100 * time.Millisecond, Delete: 30 * time.Millisecond,
		Partitions: s3model.Partitions{Count: 1, Rates: []float64{1000}}}, 100*time.Second)
	fmt.Printf("%v ratio %.2f refused %.1f%% left %d reqs %d err %v\n", took.Round(time.Millisecond), took.Seconds()/s.Floor().Seconds(), 100*float64(s.Refused)/42000, s.Left, s.Requests["DeleteObjects"], err)
}

func TestSim(t *testing.T) {
	for _, kind := range []s3model.Kind{s3model.Numbered, s3model.UUIDs} {
		for _, d := range []time.Duration{30, 300} {
			s, took, err := empty(t, s3model.Config{Set: s3model.Set{Kind: kind, Entries: 50000, HalfMarkers: true}, List: 100 * time.Millisecond, Delete: d * time.Millisecond}, time.Hour)
			fmt.Printf("B2 %v D=%d %v left %d listed %d peaks %d/%d reqs %v err %v\n", kind, d, took.Round(time.Millisecond), s.Left, s.Listed, s.PeakDeletes, s.PeakLists, s.Requests, err)
		}
	}
	for _, whole := range []bool{false, true} {
		for _, d := range []time.Duration{30, 300} {
			for _, r := range []float64{1000, 3500, 6000} {
				for _, burst := range []time.Duration{100 * time.Millisecond, time.Second} {
					s, took, err := empty(t, s3model.Config{Set: s3model.Set{Kind: s3model.UUIDs, Entries: 42000}, List: 100 * time.Millisecond, Delete: d * time.Millisecond,
						Partitions: s3model.Partitions{Count: 1, Rates: []float64{r}, Burst: burst, IsWhole: whole}}, time.Hour)
					fmt.Printf("B3 whole=%v D=%d R=%.0f B=%v %v ratio %.2f early %.1f%% refused %.1f%% left %d reqs %d err %v\n", whole, d, r, burst, took.Round(time.Millisecond), took.Seconds()/s.Floor().Seconds(), 100*float64(early)/42000, 100*float64(s.Refused)/42000, s.Left, s.Requests["DeleteObjects"], err)
				}
			}
		}
	}
	for _, kind := range []s3model.Kind{s3model.UUIDs} {
		for seed := range uint64(2) {
			s, took, err := empty(t, s3model.Config{Seed: seed, Set: s3model.Set{Kind: kind, Entries: 84000}, List: 100 * time.Millisecond, Delete: 300 * time.Millisecond,
				Partitions: s3model.Partitions{Count: 4}}, time.Hour)
			fmt.Printf("B4 %v %v ratio %.2f refused %.1f%% left %d rates %v reqs %v err %v\n", kind, took.Round(time.Millisecond), took.Seconds()/s.Floor().Seconds(), 100*float64(s.Refused)/84000, s.Left, s.Rates, s.Requests, err)
		}
	}
	var u *purge.Unfinished
	_ = errors.As(nil, &u)
}
