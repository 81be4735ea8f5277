package awsfake

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// signature is what a request says about who signed it, and a way to check that.
type signature struct {
	key    string // access key id; empty for a request that nobody signed
	secure bool   // sent over TLS

	given   string
	headers []string
	region  string
	service string
	request *http.Request
}

// readSignature takes the Authorization header apart:
// AWS4-HMAC-SHA256 Credential=ID/DATE/REGION/SERVICE/aws4_request, SignedHeaders=a;b, Signature=HEX.
func readSignature(req *smithyhttp.Request) signature {
	s := signature{secure: req.URL.Scheme == "https", given: req.Header.Get("Authorization"), request: req.Request}
	_, rest, _ := strings.Cut(s.given, "Credential=")
	credential, rest, _ := strings.Cut(rest, ", SignedHeaders=")
	headers, _, signed := strings.Cut(rest, ", Signature=")
	if scope := strings.Split(credential, "/"); signed && len(scope) == 5 {
		s.key, s.region, s.service, s.headers = scope[0], scope[2], scope[3], strings.Split(headers, ";")
	}
	return s
}

// madeWith signs the request again with a secret and compares. Only S3 puts the hash of the payload into the request,
// so only its requests can be checked; for the other services every secret passes.
func (s signature) madeWith(secret string) bool {
	if s.service != "s3" {
		return true
	}
	again := s.request.Clone(s.request.Context())
	for name := range again.Header {
		if !slices.Contains(s.headers, strings.ToLower(name)) {
			again.Header.Del(name)
		}
	}
	if !slices.Contains(s.headers, "content-length") {
		again.ContentLength = 0
	}
	at, err := time.Parse("20060102T150405Z", s.request.Header.Get("X-Amz-Date"))
	if err != nil {
		return false
	}
	hash := s.request.Header.Get("X-Amz-Content-Sha256")
	plain := func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }
	err = v4.NewSigner(plain).SignHTTP(context.WithoutCancel(again.Context()),
		aws.Credentials{AccessKeyID: s.key, SecretAccessKey: secret}, again, hash, s.service, s.region, at)
	return err == nil && again.Header.Get("Authorization") == s.given
}
