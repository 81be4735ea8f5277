package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
)

// Checks are the programs of the folder checks, with which tests read policies and
// templates. They are for tests alone, as the license of one is the AGPL, and so
// they are no part of [Tools], which the demo installs too.
type Checks struct {
	dir string // <root>/.local/checks
}

// InstallChecks makes <root>/.local/checks/node_modules in the way of [Install].
func InstallChecks(ctx context.Context, root string, out io.Writer) (Checks, error) {
	dir, err := filepath.Abs(filepath.Join(root, ".local"))
	if err != nil {
		return Checks{}, err
	}
	unlock, err := lock(ctx, filepath.Join(dir, "install.lock"))
	if err != nil {
		return Checks{}, fmt.Errorf("checks: %w", err)
	}
	defer unlock()
	if err := unpack(dir); err != nil {
		return Checks{}, fmt.Errorf("checks: %w", err)
	}
	set := toolset{
		name: "checks of policies and templates", made: "checks/node_modules",
		pins:  []string{"checks/package.json", "checks/package-lock.json"},
		needs: "npm", hint: "install Node.js 20 or newer, which comes with npm",
		steps: [][]string{
			{"npm", "--prefix", "checks", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"},
		},
	}
	if err := set.ensure(ctx, dir, out); err != nil {
		return Checks{}, fmt.Errorf("checks: %w", err)
	}
	return Checks{filepath.Join(dir, "checks")}, nil
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
