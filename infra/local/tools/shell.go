package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"bucketuser/infra/local"
)

// endpointVariable is set in a shell that has sourced env.sh, to where the demo of then answered.
const endpointVariable = "AWS_ENDPOINT_URL"

// sourcing is what leads a shell in the folder of the repository to the demo.
const sourcing = ". .local/env.sh"

// demoOf is the endpoint of the demo that is up in the repository, or "".
func demoOf(ctx context.Context, root string) string {
	cloud, err := local.Attach(ctx, local.Tools{}, filepath.Join(root, ".local"))
	if err != nil {
		return ""
	}
	return cloud.Endpoint
}

// checkShell fails in a shell whose demo has ended, whether another is up or not.
func checkShell(ctx context.Context, demo string) error {
	endpoint := os.Getenv(endpointVariable)
	if local.Loopback(endpoint) != nil || answers(ctx, endpoint) {
		return nil
	}
	if demo != "" {
		return errors.New("the embedded AWS of this shell is no longer up, and another one is: " + sourcing + " leads to that; a new shell leads to your own account")
	}
	return errors.New("the embedded AWS of this shell is no longer up: open a new shell for your own account, or start it again with make demo")
}

// answers reports whether anybody is there.
func answers(ctx context.Context, endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	dialer := net.Dialer{Timeout: 2 * time.Second}
	connection, err := dialer.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}

// noteOfDemo tells whoever deploys to AWS that the demo is another place.
func noteOfDemo(demo string, out io.Writer) {
	if demo != "" && os.Getenv(endpointVariable) == "" {
		fmt.Fprintf(out, "the demo is up, and this goes to AWS: after %s it goes to the demo\n", sourcing)
	}
}

// noteOfCommands tells whoever has asked the demo from another shell where the commands belong that are printed. Env is
// what the demo is asked with.
func noteOfCommands(command string, env []string, out io.Writer) {
	if command != "credentials" && !slices.Contains(env, endpointVariable+"="+os.Getenv(endpointVariable)) {
		fmt.Fprintf(out, "commands that are printed here are for the demo: before them run %s\n", sourcing)
	}
}
