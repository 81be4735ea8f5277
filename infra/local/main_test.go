//go:build e2e

package local_test

import (
	"context"
	"os"
	"testing"
	"time"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
)

// The embedded AWS, corrected and as published, each started once.
var corrected, stock *emulator

func TestMain(m *testing.M) {
	o := cloudtest.Options{Name: "local", Needs: local.ForLocalTests,
		Rotation: local.Rotation{Day: 2 * time.Second, Retry: 100 * time.Millisecond}}
	os.Exit(cloudtest.Main(context.Background(), o, func(ctx context.Context, c *cloudtest.Cloud) (int, error) {
		corrected = &emulator{Cloud: c}
		o := cloudtest.Options{Name: "local-stock", Needs: local.ForLocalTests, Stock: true}
		return cloudtest.Main(ctx, o, func(_ context.Context, c *cloudtest.Cloud) (int, error) {
			stock = &emulator{Cloud: c}
			return m.Run(), nil
		}), nil
	}))
}
