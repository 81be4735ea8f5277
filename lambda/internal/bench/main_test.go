package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/s3model"
)

// TestMain has the test be a model, or a function, where the harness starts it as one.
func TestMain(m *testing.M) {
	switch {
	case len(os.Args) == 2 && os.Args[1] == serveCommand:
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case os.Getenv("AWS_LAMBDA_RUNTIME_API") != "":
		actAsFunction("http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/")
	default:
		os.Exit(m.Run())
	}
}

// actAsFunction fails in the first delivery, hangs in the second, and answers the third.
func actAsFunction(runtime string) {
	bucket := os.Getenv("AWS_ENDPOINT_URL") + "/" + bucketName
	for {
		payload := call(http.MethodGet, runtime+"next", "")
		call(http.MethodHead, bucket, "")
		switch stats := call(http.MethodGet, os.Getenv("AWS_ENDPOINT_URL")+statsPath, ""); {
		case strings.Contains(stats, `"HeadBucket":1`):
			call(http.MethodGet, bucket+"?versions&max-keys=7", "")
			call(http.MethodPost, runtime+"1/error", `{"errorMessage":"out of time"}`)
		case strings.Contains(stats, `"HeadBucket":2`):
			time.Sleep(time.Hour)
		default:
			_, address, _ := strings.Cut(payload, `"ResponseURL":"`)
			address, _, _ = strings.Cut(address, `"`)
			call(http.MethodPut, strings.ReplaceAll(address, `\u0026`, "&"), `{"Status":"FAILED","Reason":"10 are left"}`)
			call(http.MethodPost, runtime+"1/response", "null")
		}
	}
}

func call(method, address, body string) string {
	request, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return err.Error()
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body) // what came
	return string(text)
}

// newBench measures with a program in the place of the function.
func newBench(t *testing.T, program string) *bench {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if program == "" {
		program = self
	}
	return &bench{self: self, function: program, patient: program, dir: t.TempDir()}
}

func TestAnEventIsDeliveredAgainUntilItIsAnswered(t *testing.T) {
	s := scene{deadline: 3 * time.Second, config: s3model.Config{Set: s3model.Set{Kind: s3model.UUIDs, Entries: 10}}}
	m, err := newBench(t, "").measure(t.Context(), s, us, 1)
	if err != nil {
		t.Fatal(err)
	}
	if m.runs != 3 || m.answers != 1 || m.answer != "FAILED 10 are left" || m.stats.Left != 10 {
		t.Errorf("%d runs, %d answers, %q, %d left", m.runs, m.answers, m.answer, m.stats.Left)
	}
	if m.cut != 7 { // listed by the first, and not deleted
		t.Errorf("%d entries were listed in vain", m.cut)
	}
	if m.wall < 3*time.Second || m.wall > 30*time.Second || m.cpu <= 0 || m.peak < 1<<20 || m.server <= 0 {
		t.Errorf("%s, CPU %s, %d bytes, CPU of the model %s", m.wall, m.cpu, m.peak, m.server)
	}
	s.deadline = 100 * time.Millisecond
	if _, err := newBench(t, "/bin/true").measure(t.Context(), s, us, 1); err == nil || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("a function that ends at once: %v", err)
	}
}

func TestTheRealFunctionEmptiesABucket(t *testing.T) {
	if testing.Short() && os.Getenv("CI") == "" {
		t.Skip("builds the function")
	}
	b := newBench(t, buildFunction(t))
	s := scene{config: s3model.Config{Set: s3model.Set{Kind: s3model.UTF8, Entries: 2500, HalfMarkers: true}, Uploads: 3}}
	m, err := b.measure(t.Context(), s, us, 1)
	if err != nil {
		t.Fatal(err)
	}
	if verdict := m.verdict(s, us); verdict != "" || !m.stats.IsGone || m.stats.Deleted != 2500 || m.runs != 1 {
		t.Errorf("%s: %q; %+v", verdict, m.answer, m.stats)
	}
}

func TestWritersWrite(t *testing.T) {
	b := newBench(t, "")
	model, err := b.startModel(t.Context(), scene{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	stop := model.write(t.Context(), 50)
	<-time.After(200 * time.Millisecond)
	stop()
	last, err := model.end()
	if err != nil || last.Stats.Written < 1 || last.Stats.Written > 20 || last.Stats.Left != last.Stats.Written {
		t.Errorf("%d were written in 200 ms, of 50 a second, and %d are left: %v", last.Stats.Written, last.Stats.Left, err)
	}
}
