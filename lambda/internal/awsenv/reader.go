package awsenv

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A reader reads variables that can be wrong, and keeps what is wrong with them.
type reader struct{ err error }

func (r *reader) refuse(variable, format string, args ...any) {
	r.err = errors.Join(r.err, fmt.Errorf("%s: %w", variable, fmt.Errorf(format, args...)))
}

// flag reads true or false, in any case. It is false if it is not set.
func (r *reader) flag(variable string) bool {
	value := strings.ToLower(os.Getenv(variable))
	if value != "" && value != "true" && value != "false" {
		r.refuse(variable, "is %q; must be true or false", value)
	}
	return value == "true"
}

// isOnlyRequired reads whether S3 is sent, or checks, a checksum only where it must have one.
func (r *reader) isOnlyRequired(variable string) bool {
	value := strings.ToLower(os.Getenv(variable))
	if value != "" && value != "when_supported" && value != "when_required" {
		r.refuse(variable, "is %q; must be when_supported or when_required", value)
	}
	return value == "when_required"
}

func (r *reader) requestChecksum(variable string) aws.RequestChecksumCalculation {
	if r.isOnlyRequired(variable) {
		return aws.RequestChecksumCalculationWhenRequired
	}
	return aws.RequestChecksumCalculationWhenSupported
}

func (r *reader) responseChecksum(variable string) aws.ResponseChecksumValidation {
	if r.isOnlyRequired(variable) {
		return aws.ResponseChecksumValidationWhenRequired
	}
	return aws.ResponseChecksumValidationWhenSupported
}

// trust returns what has a transport trust the certificates in a PEM file, and no others.
func (r *reader) trust(bundle string) func(*http.Transport) {
	pool := x509.NewCertPool()
	text, err := os.ReadFile(bundle)
	switch {
	case err != nil:
		r.refuse("AWS_CA_BUNDLE", "%w", err)
	case !pool.AppendCertsFromPEM(text):
		r.refuse("AWS_CA_BUNDLE", "%s: holds no certificate in PEM", bundle)
	}
	return func(t *http.Transport) { t.TLSClientConfig.RootCAs = pool }
}
