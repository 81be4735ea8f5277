//go:build e2e

package local_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/infra/internal/cloudtest"
)

func serverCorrections() []correction {
	return []correction{
		{"a connection takes more than 1,000 requests", manyRequests},
	}
}

// TestRow46FunctionMakesManyRequests makes those of several events beside each other, as a warm function does.
func TestRow46FunctionMakesManyRequests(t *testing.T) {
	bucket := newBucket(t, corrected.Clients, "row-46")
	client := sdkClient(t, corrected)
	for worker := range 4 {
		t.Run(fmt.Sprint(worker), func(t *testing.T) {
			t.Parallel()
			for n := range 600 {
				if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader("content")}); err != nil {
					t.Fatalf("request %d: %v", n+1, err)
				}
			}
		})
	}
}

// sdkClient has the SDK's own HTTP client, with which functions and tools call AWS. It speaks HTTP/2 where a server does.
func sdkClient(t *testing.T, e *emulator) *s3.Client {
	t.Helper()
	config := cloudtest.Must(e.Config())(t)
	config.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(transport *http.Transport) {
		transport.TLSClientConfig.RootCAs = roots(t, e)
	})
	return s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle, o.RetryMaxAttempts = true, 1 })
}

func roots(t *testing.T, e *emulator) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(cloudtest.Must(os.ReadFile(e.CertFile))(t))
	return pool
}

// One request follows the other, so that all take the same connection. None is repeated.
func manyRequests(t *testing.T, e *emulator) error {
	bucket := newBucket(t, e.Clients, "many-requests")
	client := sdkClient(t, e)
	for n := range 1100 {
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second) // no answer takes more than milliseconds
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("k"), Body: strings.NewReader("content")})
		cancel()
		if err != nil {
			return fmt.Errorf("request %d: %w", n+1, err)
		}
	}
	return nil
}
