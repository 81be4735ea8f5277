package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"bucketuser/infra/local"
)

// program is how a peer is run.
type program struct {
	args []string
	env  []string
	// tells means that its last line of output is a told: else the process is what is measured.
	tells bool
}

// told is what a peer says of itself.
type told struct {
	Seconds float64
	Peak    int64  // kilobytes
	Error   string // empty for success
}

// findPeers builds and installs those that are asked for. One that cannot be had has a reason, and no measurements.
func (b *bench) findPeers(ctx context.Context, root string) error {
	var tools local.Tools
	if slices.Contains(b.peers, cdk) || slices.Contains(b.peers, awsCLI) {
		var err error
		if tools, err = local.Install(ctx, root, local.ForBench, os.Stderr); err != nil {
			b.missing[cdk] = "could not be installed: " + firstLine(err.Error())
			b.missing[awsCLI] = b.missing[cdk]
		}
	}
	b.programs[cdk] = program{args: []string{"node", tools.CDKHandler, bucketName}, tells: true}
	b.programs[awsCLI] = program{args: []string{filepath.Join(tools.Clients, "aws"), "s3", "rm", "--recursive", "--only-show-errors", "s3://" + bucketName}}
	b.programs[rclone] = program{args: []string{"rclone", "delete", "model:" + bucketName},
		env: []string{"RCLONE_CONFIG_MODEL_TYPE=s3", "RCLONE_CONFIG_MODEL_PROVIDER=Other", "RCLONE_CONFIG_MODEL_ENV_AUTH=true", "RCLONE_CONFIG=/dev/null"}}
	if _, err := exec.LookPath("rclone"); err != nil {
		b.missing[rclone] = "is not installed: Debian's package rclone"
	}
	built := filepath.Join(b.dir, "minio")
	b.programs[minio] = program{args: []string{built, bucketName}, tells: true}
	if !slices.Contains(b.peers, minio) {
		return ctx.Err()
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", built, ".")
	build.Dir = filepath.Join(root, "lambda", "internal", "bench", "peers", "minio")
	if output, err := build.CombinedOutput(); err != nil {
		b.missing[minio] = "could not be built: " + firstLine(string(output))
	}
	return ctx.Err()
}

func firstLine(text string) string {
	line, _, _ := bytes.Cut([]byte(text), []byte("\n"))
	return string(line)
}

// peerTime is how long a peer may take.
const peerTime = 3 * time.Minute

// runPeer has a peer empty a bucket.
func (b *bench) runPeer(ctx context.Context, tool string, model *model) (measurement, error) {
	ctx, cancel := context.WithTimeout(ctx, peerTime)
	defer cancel()
	p := b.programs[tool]
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + b.dir, "AWS_REGION=" + region, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_EC2_METADATA_DISABLED=true", "AWS_ENDPOINT_URL=" + model.address, "AWS_ENDPOINT_URL_S3=" + model.address, "NODE_NO_WARNINGS=1",
		"RCLONE_CONFIG_MODEL_ENDPOINT=" + model.address}, p.env...)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	begun := time.Now()
	err := cmd.Run()
	m := measurement{wall: time.Since(begun), runs: 1, answer: "SUCCESS"}
	if cmd.ProcessState == nil {
		return m, err
	}
	m.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	m.peak = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	if ctx.Err() != nil {
		m.answer = "gave up after " + peerTime.String()
		return m, nil
	}
	if err != nil {
		m.answer = "FAILED " + firstLine(log.String())
	}
	if p.tells {
		return m, m.take(out.Bytes())
	}
	return m, nil
}

// take takes what a peer says of itself in the last line.
func (m *measurement) take(output []byte) error {
	output = bytes.TrimSpace(output)
	var says told
	if err := json.Unmarshal(output[bytes.LastIndexByte(output, '\n')+1:], &says); err != nil {
		return fmt.Errorf("its last line is %q", tail(string(output)))
	}
	m.wall, m.peak = time.Duration(says.Seconds*float64(time.Second)), says.Peak<<10
	if says.Error != "" {
		m.answer = "FAILED " + firstLine(says.Error)
	}
	return nil
}
