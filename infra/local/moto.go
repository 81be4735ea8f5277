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

// StartMoto installs moto into <root>/.local/moto/venv and starts its server. It is
// another emulator, without TLS and without IAM enforcement, that the tests ask for
// a second opinion on what AWS does. It runs until ctx ends, and its log is in dir.
// What it returns is for SDK clients that act as root.
func StartMoto(ctx context.Context, root, dir string, out io.Writer) (aws.Config, error) {
	home, err := filepath.Abs(filepath.Join(root, ".local"))
	if err != nil {
		return aws.Config{}, err
	}
	unlock, err := lock(ctx, filepath.Join(home, "install.lock"))
	if err != nil {
		return aws.Config{}, fmt.Errorf("moto: %w", err)
	}
	defer unlock()
	if err := unpack(home); err != nil {
		return aws.Config{}, fmt.Errorf("moto: %w", err)
	}
	python := filepath.Join(home, "moto", "venv", "bin", "python3")
	set := toolset{
		name: "emulator moto", made: "moto/venv", pins: []string{"moto/requirements.txt"},
		needs: "python3", hint: "install Python 3.10 or newer with its venv module",
		steps: [][]string{
			{"python3", "-m", "venv", "--clear", "moto/venv"},
			{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", "moto/requirements.txt"},
		},
	}
	if err := set.ensure(ctx, home, out); err != nil {
		return aws.Config{}, fmt.Errorf("moto: %w", err)
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
	cmd := exec.CommandContext(ctx, python, "-m", "moto.server", "-H", "127.0.0.1", "-p", fmt.Sprint(port))
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir}
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
