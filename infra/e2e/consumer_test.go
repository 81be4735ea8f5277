//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bucketuser/infra/internal/cloudtest"
)

// patience is how long a consumer may take for some hundred requests, beside all other tests.
const patience = time.Minute

// A consumer is ClickHouse at work through a recorder, as testdata/consumer.py says. It goes on working with the
// configuration that it was given last.
type consumer struct {
	t        *testing.T
	recorder *recorder
	form     form
	url      string // of its objects
	folder   string // of the engine

	process *exec.Cmd // nil while it does not run
	input   io.WriteCloser
	output  *bufio.Reader
	errors  strings.Builder // what it printed to standard error
	Rounds  int
	Errors  []string
	Lost    int
}

// The form of a consumer's configuration, which also names the folder of its objects.
type form string

const (
	literal     form = "literal"     // reloaded while the engine runs
	environment form = "environment" // read when it starts
)

func newConsumer(t *testing.T, r *recorder, f form, bucketURL string) *consumer {
	t.Helper()
	c := &consumer{t: t, recorder: r, form: f, url: bucketURL + string(f) + "/", folder: filepath.Join(t.TempDir(), "engine")}
	t.Cleanup(c.kill)
	return c
}

// configure gives the consumer the credentials of the secret's fields in the way of its form: by a reload, or by a
// restart. It returns once they are in force.
func (c *consumer) configure(fields map[string]string) {
	c.t.Helper()
	if c.form == literal && c.process != nil {
		c.tell(fields)
	} else {
		c.finish()
		c.start(fields)
	}
	if line, err := c.output.ReadString('\n'); err != nil || line != "configured\n" {
		c.kill()
		c.t.Fatalf("%s: %q %v\n%s", c.form, line, err, c.errors.String())
	}
}

// start starts the engine. In the environment there are the fields of the secret, with the recorder's address.
func (c *consumer) start(fields map[string]string) {
	c.t.Helper()
	place := c.url
	env := append(cloud.Env(), "SSL_CERT_FILE="+c.recorder.certFile)
	if c.form == environment {
		place = filepath.Join(root, "infra", "examples", "clickhouse-server", "storage.xml")
		for name, value := range fields {
			env = append(env, name+"="+value)
		}
		env = append(env, "S3_URL="+c.url)
	}
	c.process = exec.CommandContext(c.t.Context(), cloud.Tools.ClickHouse, filepath.Join("testdata", "consumer.py"), string(c.form), c.folder, place)
	c.process.Env, c.process.Stderr = env, &c.errors
	c.input = cloudtest.Must(c.process.StdinPipe())(c.t)
	c.output = bufio.NewReader(cloudtest.Must(c.process.StdoutPipe())(c.t))
	if err := c.process.Start(); err != nil {
		c.t.Fatal(err)
	}
	if c.form == literal {
		c.tell(fields)
	}
}

// tell writes a literal configuration.
func (c *consumer) tell(fields map[string]string) {
	c.t.Helper()
	pair := map[string]string{"id": fields["AWS_ACCESS_KEY_ID"], "secret": fields["AWS_SECRET_ACCESS_KEY"]}
	if err := json.NewEncoder(c.input).Encode(pair); err != nil {
		c.t.Fatal(err)
	}
}

// work waits until the consumer has made some more requests, which were served.
func (c *consumer) work(requests int) {
	c.t.Helper()
	want := c.requests() + requests
	c.await(fmt.Sprintf("%d requests", want), func() bool { return c.requests() >= want })
}

// await waits until something is so of what the recorder has counted.
func (c *consumer) await(what string, isSo func() bool) {
	c.t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	for {
		changed := c.recorder.changed()
		if isSo() {
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			c.finish()
			c.t.Fatalf("%s: not %s within %s; errors %q\n%s\n%s", c.form, what, patience, c.Errors, c.recorder.account(), c.errors.String())
		}
	}
}

func (c *consumer) requests() int { return c.recorder.sum(string(c.form), "", served) }

// finish ends the consumer's work and adds what it says of it.
func (c *consumer) finish() {
	c.t.Helper()
	if c.process == nil {
		return
	}
	_ = c.input.Close()
	text := cloudtest.Must(io.ReadAll(c.output))(c.t)
	if err := c.process.Wait(); err != nil {
		c.t.Fatalf("%s: %v\n%s", c.form, err, c.errors.String())
	}
	c.process = nil
	var end struct {
		Rounds int
		Errors []string
		Lost   int
	}
	if err := json.Unmarshal(text, &end); err != nil {
		c.t.Fatalf("%s: %v: %q", c.form, err, text)
	}
	c.Rounds, c.Errors, c.Lost = c.Rounds+end.Rounds, append(c.Errors, end.Errors...), end.Lost
}

// kill ends a consumer that still runs.
func (c *consumer) kill() {
	if c.process != nil {
		_ = c.process.Process.Kill()
		_ = c.process.Wait()
		c.process = nil
	}
}
