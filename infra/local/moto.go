package local

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/cenkalti/backoff/v5"
)

// StartMoto installs moto in the way of [Install] and starts its server. It is
// another emulator, without TLS and without IAM enforcement, that the tests ask for
// a second opinion on what AWS does. It runs until ctx ends, and its log is in dir.
// What it returns is for SDK clients that act as root.
//
// Whatever function it invokes, it POSTs the payload to the address, and takes an answer
// other than 200 for a failure of the function. Without an address nothing can be invoked.
func StartMoto(ctx context.Context, root, dir, address string, out io.Writer) (aws.Config, error) {
	tools, err := Install(ctx, root, forMotoTests, out)
	if err != nil {
		return aws.Config{}, err
	}
	port, err := freePort()
	if err != nil {
		return aws.Config{}, fmt.Errorf("moto: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, "moto.log"))
	if err != nil {
		return aws.Config{}, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, tools.Moto, tools.MotoServer, "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "FUNCTION_ADDRESS=" + address}
	if err := cmd.Start(); err != nil {
		return aws.Config{}, fmt.Errorf("moto: %w", err)
	}
	go func() { _ = cmd.Wait() }() // it ends with ctx
	endpoint := fmt.Sprintf("http://127.0.0.1:%d", port)
	if err := waitFor(ctx, endpoint); err != nil {
		return aws.Config{}, fmt.Errorf("moto: does not answer, see %s: %w", log.Name(), err)
	}
	return aws.Config{
		Region:       defaultRegion,
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(RootKey, RootKey, ""),
	}, nil
}

// waitFor asks an endpoint until it answers, for at most startTimeout.
func waitFor(ctx context.Context, endpoint string) error {
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
		if err != nil {
			return struct{}{}, backoff.Permanent(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, response.Body.Close()
	}, backoff.WithBackOff(backoff.NewConstantBackOff(100*time.Millisecond)), backoff.WithMaxElapsedTime(startTimeout))
	return err
}
