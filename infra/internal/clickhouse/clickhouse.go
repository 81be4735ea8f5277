// Package clickhouse has a ClickHouse engine use the credentials of a secret, as a server would: s3(), a table on an S3
// disk, a backup, and what must be refused. It knows neither stacks nor the CDK.
package clickhouse

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"os/exec"
)

// use is what the engine does.
//
//go:embed use.py
var use string

// A Check is one thing that was tried.
type Check struct {
	Name   string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"` // what happened instead
}

// A User works with the credentials of a secret.
type User struct {
	Python   string            // one that has chDB
	Env      []string          // of that process
	Endpoint string            // of the embedded AWS, where the bucket is part of the path; empty for AWS
	Secret   map[string]string // the fields of the secret
	Stranger map[string]string // id and secret of a key of the same account that the bucket policy does not name; or nil
}

// Use runs every check. The credentials go in by standard input: other processes can see arguments and environment.
func (u User) Use(ctx context.Context) ([]Check, error) {
	input := map[string]any{"endpoint": u.Endpoint, "stranger": u.Stranger}
	for name, value := range maps.All(u.Secret) {
		input[name] = value
	}
	text, err := json.Marshal(input)
	if err != nil {
		return nil, err
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, u.Python, "-c", use)
	cmd.Env = u.Env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(text), &stdout, &stderr
	runErr := cmd.Run()

	var checks []Check
	for lines := bufio.NewScanner(&stdout); lines.Scan(); {
		var c Check
		if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
			return nil, fmt.Errorf("clickhouse: unexpected output %q", lines.Text())
		}
		checks = append(checks, c)
	}
	if runErr != nil {
		return nil, fmt.Errorf("clickhouse: %w\n%s", runErr, stderr.String())
	}
	return checks, nil
}
