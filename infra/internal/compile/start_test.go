package compile_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bucketuser/infra/internal/compile"
)

// BenchmarkStart measures from the start of the process to its first question for an event, as
// medians. What the bare function needs is Go's and Lambda's; over-ms is ours, and should be at
// most 2 ms.
//
//	go test -run '^$' -bench '^BenchmarkStart$' -benchtime 100x ./infra/internal/compile
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	bare := build(b, filepath.Join(dir, "bare"), "./infra/internal/compile/testdata/bare")
	ours := build(b, filepath.Join(dir, "ours"), "./lambda")
	polls := make(chan time.Time, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		polls <- time.Now()
		<-r.Context().Done() // there is no event
	}))
	defer server.Close()
	defer server.CloseClientConnections()
	var bareTimes, ourTimes []time.Duration
	for b.Loop() {
		bareTimes = append(bareTimes, start(b, bare, server.Listener.Addr(), polls))
		ourTimes = append(ourTimes, start(b, ours, server.Listener.Addr(), polls))
	}
	b.ReportMetric(0, "ns/op") // of both together, which says nothing
	b.ReportMetric(median(bareTimes), "bare-ms")
	b.ReportMetric(median(ourTimes), "ours-ms")
	b.ReportMetric(median(ourTimes)-median(bareTimes), "over-ms")
}

// build compiles a program for this machine as the function is compiled.
func build(b *testing.B, target, path string) string {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), "go", append(compile.Arguments(target), path)...)
	cmd.Dir = filepath.Join("..", "..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", path, err, output)
	}
	return target
}

// start returns how long after its start a program asks for an event, and ends it.
func start(b *testing.B, program string, runtime net.Addr, polls <-chan time.Time) time.Duration {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), program)
	cmd.Env = []string{"AWS_LAMBDA_RUNTIME_API=" + runtime.String(), "AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=none", "AWS_SECRET_ACCESS_KEY=none", "AWS_SESSION_TOKEN=none"}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill() // it waits for an event
		_ = cmd.Wait()         // killed, as was intended
	}()
	select {
	case polled := <-polls:
		return polled.Sub(began)
	case <-time.After(10 * time.Second):
		b.Fatalf("%s asks for no event", program)
		return 0
	}
}

func median(times []time.Duration) (milliseconds float64) {
	slices.Sort(times)
	return float64(times[len(times)/2].Microseconds()) / 1000
}
