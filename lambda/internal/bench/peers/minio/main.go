// Command minio empties a bucket with minio-go, as its documentation says: what is listed goes into RemoveObjects.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

func main() {
	begun := time.Now()
	err := empty(context.Background(), os.Args[1])
	says := map[string]any{"Seconds": time.Since(begun).Seconds(), "Peak": peak(), "Error": ""}
	if err != nil {
		says["Error"] = err.Error()
	}
	_ = json.NewEncoder(os.Stdout).Encode(says) // nobody hears of a failure
}

func empty(ctx context.Context, bucket string) error {
	endpoint, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL_S3"))
	if err != nil {
		return err
	}
	client, err := minio.New(endpoint.Host, &minio.Options{Creds: credentials.NewEnvAWS(), Region: os.Getenv("AWS_REGION")})
	if err != nil {
		return err
	}
	var listing error
	objects := make(chan minio.ObjectInfo)
	go func() {
		defer close(objects)
		for object := range client.ListObjects(ctx, bucket, minio.ListObjectsOptions{WithVersions: true, Recursive: true}) {
			if object.Err != nil {
				listing = object.Err
				return
			}
			objects <- object
		}
	}()
	failed := 0
	var first error
	for e := range client.RemoveObjects(ctx, bucket, objects, minio.RemoveObjectsOptions{}) {
		if failed++; first == nil {
			first = e.Err
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d keys: %w", failed, first)
	}
	return listing
}

var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// peak is how many kilobytes this process has had in memory, at most.
func peak() int64 {
	text, _ := os.ReadFile("/proc/self/status") // it has no such line then
	found := highWater.FindSubmatch(text)
	if found == nil {
		return 0
	}
	kilobytes, _ := strconv.ParseInt(string(found[1]), 10, 64) // digits
	return kilobytes
}
