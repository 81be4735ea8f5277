package purge

import (
	"io"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// readers is how many answers to listings are read at the same time. A page takes a megabyte or more while it is read,
// and no longer where fewer others are read beside it.
const readers = 2

// inTurns is a bucket whose listings are asked for beside each other, and read a few at a time. What waits for its turn
// takes the room that the network has for it.
func (b Bucket) inTurns() Bucket {
	turns := make(chan struct{}, readers)
	b.S3 = Derived(b.S3, func(o *s3.Options) { o.HTTPClient = &takesTurns{o.HTTPClient, turns} })
	return b
}

type takesTurns struct {
	s3.HTTPClient
	turns chan struct{}
}

func (c *takesTurns) Do(r *http.Request) (*http.Response, error) {
	response, err := c.HTTPClient.Do(r)
	if err != nil {
		return response, err
	}
	select {
	case c.turns <- struct{}{}:
		response.Body = &turn{ReadCloser: response.Body, end: sync.OnceFunc(func() { <-c.turns })}
		return response, nil
	case <-r.Context().Done():
		_ = response.Body.Close() // nobody reads it
		return nil, r.Context().Err()
	}
}

// A turn is a body that is read, until it is closed. The SDK closes each.
type turn struct {
	io.ReadCloser
	end func()
}

func (t *turn) Close() error {
	defer t.end()
	return t.ReadCloser.Close()
}

// Derived is a client with other options. It has credentials for directory buckets of its own: those of the SDK are
// written to by whoever makes a client of the options, while calls of the other one read them.
func Derived(client *s3.Client, change func(*s3.Options)) *s3.Client {
	return s3.New(client.Options(), change, func(o *s3.Options) { o.ExpressCredentials = nil })
}
