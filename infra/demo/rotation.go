package main

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"

	"bucketuser/infra/internal/clickhouse"
	"bucketuser/infra/internal/stack"
	"bucketuser/infra/local"
	"bucketuser/lambda/spec"
)

// across is the ClickHouse that works while the key is rotated.
//
//go:embed rotation.py
var across string

// A rotator is ClickHouse at work, as rotation.py says.
type rotator struct {
	process *exec.Cmd
	input   io.WriteCloser
	answers *bufio.Scanner
	stderr  bytes.Buffer
	checks  []clickhouse.Check
}

// rotate has ClickHouse work while a higher keySerial replaces the key of the secret, and while the key before is
// retired by an update of its own. It returns the checks of that, and the fields that the secret holds in the end.
func (d *demo) rotate(ctx context.Context, cloud *local.AWS, before map[string]string) ([]clickhouse.Check, map[string]string, error) {
	r, err := d.startRotator(ctx, cloud, before)
	if err != nil {
		return nil, nil, err
	}
	after, err := d.rotateUnder(ctx, cloud, r, before)
	if err := errors.Join(err, r.finish()); err != nil {
		return nil, nil, fmt.Errorf("%w\n%s", err, r.stderr.String())
	}
	return r.checks, after, nil
}

func (d *demo) rotateUnder(ctx context.Context, cloud *local.AWS, r *rotator, before map[string]string) (map[string]string, error) {
	serial, err := nextSerial(before)
	if err != nil {
		return nil, err
	}
	d.step("rotating the key: cdk deploy with -c keySerial=%s", serial)
	if err := d.deploy(ctx, cloud, "-c", "keySerial="+serial); err != nil {
		return nil, err
	}
	config, err := cloud.Config()
	if err != nil {
		return nil, err
	}
	after, err := stack.Credentials(ctx, config, stackName)
	if err != nil {
		return nil, err
	}
	err = errors.Join(
		r.ask("use", "rotation: the key before works beside the new one", before),
		r.ask("follow", "rotation: ClickHouse takes the new key over while it runs", after))
	if err != nil {
		return nil, err
	}
	d.step("retiring the key before: cdk deploy … -c previousKey=Delete")
	if err := d.deploy(ctx, cloud, "-c", "keySerial="+serial, "-c", "previousKey=Delete"); err != nil {
		return nil, err
	}
	return after, r.ask("refused", "rotation: the key before is refused once it is retired", before)
}

// keySerial is the field of the secret that has the serial of its key, in decimal.
const keySerial = "BUCKETUSER_KEY_SERIAL"

// nextSerial is one more than the serial of the key in the secret. Until the first rotation the secret has no serial.
func nextSerial(fields map[string]string) (string, error) {
	recorded, ok := fields[keySerial]
	if !ok {
		return "1", nil
	}
	serial, err := strconv.Atoi(recorded)
	return strconv.Itoa(serial + 1), err
}

// startRotator returns once ClickHouse works with the key.
func (d *demo) startRotator(ctx context.Context, cloud *local.AWS, fields map[string]string) (*rotator, error) {
	r := &rotator{process: exec.CommandContext(ctx, d.tools.ClickHouse, "-c", across)}
	r.process.Env, r.process.Stderr = d.scratchEnv(cloud), &r.stderr
	output, err := r.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.answers = bufio.NewScanner(output)
	if r.input, err = r.process.StdinPipe(); err != nil {
		return nil, err
	}
	if err := r.process.Start(); err != nil {
		return nil, err
	}
	first := asked(fields)
	first["url"] = cloud.Endpoint + "/" + fields["S3_BUCKET"] + "/" + fields["S3_PREFIX"]
	if err := r.send(first); err != nil {
		return nil, errors.Join(err, r.finish())
	}
	return r, nil
}

// asked are the credentials of a secret's fields. They go in by standard input: other processes can see arguments and
// environment.
func asked(fields map[string]string) map[string]string {
	return map[string]string{"id": fields[spec.FieldAccessKeyID], "secret": fields[spec.FieldSecretAccessKey]}
}

// ask has ClickHouse do something with the key of a secret's fields, and adds the check that it answers.
func (r *rotator) ask(do, name string, fields map[string]string) error {
	question := asked(fields)
	question["do"], question["check"] = do, name
	return r.send(question)
}

func (r *rotator) send(question map[string]string) error {
	if err := json.NewEncoder(r.input).Encode(question); err != nil {
		return err
	}
	return r.answer()
}

// answer adds the check that stands on the next line.
func (r *rotator) answer() error {
	if !r.answers.Scan() {
		return errors.Join(errors.New("clickhouse: no answer"), r.answers.Err())
	}
	var c clickhouse.Check
	if err := json.Unmarshal(r.answers.Bytes(), &c); err != nil {
		return fmt.Errorf("clickhouse: unexpected output %q", r.answers.Text())
	}
	r.checks = append(r.checks, c)
	return nil
}

// finish ends the work, and adds the check of it.
func (r *rotator) finish() error {
	err := errors.Join(r.input.Close(), r.answer(), r.process.Wait())
	if err != nil {
		return fmt.Errorf("clickhouse: %w", err)
	}
	return nil
}
