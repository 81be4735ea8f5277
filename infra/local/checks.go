package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
)

// Checks are programs with which tests read policies and templates. They are for
// tests alone, as the license of one is the AGPL.
type Checks struct {
	dir string // of the toolset
}

// Run gives a program, simulate or nag, its input as JSON, and decodes its output.
func (c Checks) Run(ctx context.Context, program string, input, output any) error {
	text, err := json.Marshal(input)
	if err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "node", program+".mjs")
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.dir, bytes.NewReader(text), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, bytes.TrimSpace(stderr.Bytes()))
	}
	if err := json.Unmarshal(stdout.Bytes(), output); err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	return nil
}
