package purge_test

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awscall"
	"bucketuser/lambda/internal/purge"
	"bucketuser/lambda/internal/s3model"
)

// A scene is how a bucket is emptied in a bubble, where time costs nothing.
type scene struct {
	s3model.Config
	limit   time.Duration                                        // of the emptying; an hour where it is zero
	isAhead bool                                                 // the first page was listed before all that follows
	before  func(client *s3.Client)                              // the emptying begins
	beside  func(ctx context.Context, client *s3.Client)         // it, until it ends
	meets   func(call *http.Request) (*http.Response, error)     // a call, instead of the model; nil: the model does
	hears   func(call *http.Request, answer []byte) (now []byte) // an answer of the model, and changes it
}

// An outcome is what came of an emptying.
type outcome struct {
	s3model.Stats
	left []string // keys, the first hundred
	took time.Duration
	err  error
	log  string

	panicked any
}

// ratio is how much longer it took than it must.
func (o outcome) ratio() float64 { return o.took.Seconds() / o.Floor().Seconds() }

const account = "123456789012"

// play empties the bucket of a scene. The bubble fails the test if anything of it goes on afterwards, or waits for ever.
func play(t *testing.T, s scene) (o outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.Bucket, s.Owner, s.Region = "my-data", account, "eu-central-1"
		server := s3model.New(s.Config)
		var text bytes.Buffer
		log := slog.New(slog.NewTextHandler(&text, nil))
		client := clientOf(tripper{s, s3model.Transport{Server: server}}, log)
		bucket := purge.Bucket{S3: client, Name: s.Bucket, Owner: s.Owner}
		if s.isAhead {
			bucket.First = firstOf(t.Context(), bucket)
		}
		if s.before != nil {
			s.before(clientOf(s3model.Transport{Server: server}, log))
		}
		ctx, cancel := context.WithTimeout(t.Context(), cmp.Or(s.limit, time.Hour))
		defer cancel()
		if s.beside != nil {
			beside, end := context.WithCancel(ctx)
			var others sync.WaitGroup
			defer others.Wait()
			defer end()
			others.Go(func() { s.beside(beside, clientOf(s3model.Transport{Server: server}, log)) })
		}
		begun := time.Now()
		func() {
			defer func() { o.panicked = recover() }()
			o.err = bucket.Empty(ctx, log)
		}()
		o.took = time.Since(begun)
		o.Stats, o.left = server.Stats(), server.Left(100)
		cancel()
		synctest.Wait()
		o.log = text.String()
	})
	return o
}

// firstOf is the first page of a bucket, or nil where S3 does not answer.
func firstOf(ctx context.Context, bucket purge.Bucket) *purge.Page {
	for page, err := range bucket.Pages(ctx, "") {
		if err != nil {
			break
		}
		return &page
	}
	return nil
}

func clientOf(transport http.RoundTripper, log *slog.Logger) *s3.Client {
	return s3.New(s3.Options{Region: "eu-central-1", HTTPClient: &http.Client{Transport: transport}, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""), Retryer: awscall.NewPatience(log).Retryer(awscall.LateRights)})
}

// tripper carries calls to the model, unless the scene answers them.
type tripper struct {
	scene
	model http.RoundTripper
}

func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.meets != nil {
		if response, err := t.meets(r); response != nil || err != nil {
			if r.Body != nil {
				_ = r.Body.Close()
			}
			return response, err
		}
	}
	response, err := t.model.RoundTrip(r)
	if err != nil || t.hears == nil {
		return response, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	return answered(r, response.StatusCode, string(t.hears(r, body))), nil
}

// answered is an answer to a call.
func answered(r *http.Request, status int, body string) *http.Response {
	header := http.Header{"X-Amz-Request-Id": {"4442587FB7D0A2F9"}, "Content-Type": {"application/xml"}}
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}
}

// refusal is an answer that says no.
func refusal(r *http.Request, status int, code, message string) *http.Response {
	return answered(r, status, "<Error><Code>"+code+"</Code><Message>"+message+"</Message></Error>")
}

// What calls are, by their requests.
func isList(r *http.Request) bool  { return r.Method == http.MethodGet && r.URL.Query().Has("versions") }
func isBatch(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Query().Has("delete") }
func isSingle(r *http.Request) bool {
	return r.Method == http.MethodDelete && r.URL.Query().Has("versionId")
}
