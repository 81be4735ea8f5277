package local

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Config is for SDK clients that act as the root of [Account]. Nothing of it
// comes from the environment or from files.
func (a *AWS) Config() (aws.Config, error) {
	return a.ConfigAs(aws.Credentials{AccessKeyID: RootKey, SecretAccessKey: RootKey}, nil)
}

// ConfigAs is Config with other credentials. Each request gets header after it
// was signed, for example X-Forwarded-Proto: http to stand for plain http.
func (a *AWS) ConfigAs(who aws.Credentials, header http.Header) (aws.Config, error) {
	client, err := a.httpClient(header)
	if err != nil {
		return aws.Config{}, err
	}
	return aws.Config{
		Region:       a.Region,
		BaseEndpoint: aws.String(a.Endpoint),
		Credentials:  aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return who, nil }),
		HTTPClient:   client,
	}, nil
}

// httpClient trusts the embedded AWS's certificate only, uses no proxy, and
// adds header to every request after it was signed.
func (a *AWS) httpClient(header http.Header) (*http.Client, error) {
	if err := Loopback(a.Endpoint); err != nil {
		return nil, err
	}
	roots, err := certPool(a.CertFile)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 32,
		IdleConnTimeout:     30 * time.Second,
	}
	return &http.Client{
		Transport: clientTransport{transport, header},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}, nil
}

// clientTransport adds header to each request.
type clientTransport struct {
	*http.Transport
	header http.Header
}

func (t clientTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range t.header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	if r.Body != nil && r.Body != http.NoBody {
		// Without the WriteTo of the SDK's body. The emulator may answer before net/http has seen
		// the body's end; the SDK then closes the body, its WriteTo fails with io.EOF, net/http
		// drops the connection with the answer, and the SDK repeats a call that had succeeded.
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return t.Transport.RoundTrip(r)
}
