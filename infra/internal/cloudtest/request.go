package cloudtest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// A Request is one HTTP request to the embedded AWS: less than an SDK client for each
// of a dozen services.
type Request struct {
	Service string // in the signature, for example iam
	Method  string // POST if empty
	Path    string // with its query; / if empty
	Target  string // X-Amz-Target of a service with the JSON protocol
	Body    string
}

// An Answer is what the embedded AWS says to a [Request], a refusal too.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Send signs a request with the clients' credentials and sends it, once.
func (c *Clients) Send(ctx context.Context, r Request) (Answer, error) {
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	if r.Path == "" {
		r.Path = "/"
	}
	who, err := c.config.Credentials.Retrieve(ctx)
	if err != nil {
		return Answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, aws.ToString(c.config.BaseEndpoint)+r.Path, strings.NewReader(r.Body))
	if err != nil {
		return Answer{}, err
	}
	sum := sha256.Sum256([]byte(r.Body))
	hash := hex.EncodeToString(sum[:])
	request.Header.Set("X-Amz-Content-Sha256", hash)
	switch {
	case r.Target != "":
		request.Header.Set("X-Amz-Target", r.Target)
		request.Header.Set("Content-Type", "application/x-amz-json-1.1")
	case r.Path == "/": // the query protocol
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = r.Service == "s3" }) // S3 takes the path as it was sent
	if err := signer.SignHTTP(ctx, who, request, hash, r.Service, c.config.Region, time.Now()); err != nil {
		return Answer{}, err
	}
	response, err := c.config.HTTPClient.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return Answer{response.StatusCode, response.Header, body}, err
}
