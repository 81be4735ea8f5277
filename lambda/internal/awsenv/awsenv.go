// Package awsenv turns the environment of a Lambda function into the configuration of AWS
// clients: the credentials of its role, region, endpoints, certificates and checksums. It knows
// no service.
//
// The SDK's own package config does the same for every program. It brings the clients of four
// more services for credentials that a function never has: of a file, of single sign-on, of a
// container, of an instance. They would be a tenth of the zip file and of the time of a start.
//
// Lambda sets the credentials of the role as variables, and begins another process before they
// end. With SnapStart it sets AWS_CONTAINER_CREDENTIALS_FULL_URI in their place. The runtimes
// provided.* have no SnapStart, so that variable is not read: without credentials every call
// fails for that, and CloudFormation is told so.
//
// What else the SDK's package reads does nothing here: profiles and files; AWS_RETRY_MODE and
// AWS_MAX_ATTEMPTS, since each event brings retryers of its own; AWS_DEFAULTS_MODE, which is
// about retries and timeouts. Warnings of the SDK are dropped, since the log is one JSON object a
// line and says what an event meets.
package awsenv

import (
	"cmp"
	"net/http"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// An Environment is what the process was told about AWS when it started.
type Environment struct {
	config aws.Config
	client *awshttp.BuildableClient
}

// Read reads the variables of the process, and the file that AWS_CA_BUNDLE names. Its error
// names the variable that cannot be understood. The clients themselves read the proxies, as
// net/http does.
func Read() (Environment, error) {
	var r reader
	client := awshttp.NewBuildableClient().WithTransportOptions(keepConnections)
	if bundle := os.Getenv("AWS_CA_BUNDLE"); bundle != "" {
		client = client.WithTransportOptions(r.trust(bundle))
	}
	config := aws.Config{
		Region: cmp.Or(os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION")),
		Credentials: credentials.NewStaticCredentialsProvider(
			os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
		AppID:                      os.Getenv("AWS_SDK_UA_APP_ID"),
		RequestChecksumCalculation: r.requestChecksum("AWS_REQUEST_CHECKSUM_CALCULATION"),
		ResponseChecksumValidation: r.responseChecksum("AWS_RESPONSE_CHECKSUM_VALIDATION"),
	}
	places := endpoints{
		isFIPS:      r.flag("AWS_USE_FIPS_ENDPOINT"),
		isDualStack: r.flag("AWS_USE_DUALSTACK_ENDPOINT"),
		isIgnored:   r.flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"),
	}
	if all := os.Getenv(endpointURL); all != "" && !places.isIgnored {
		config.BaseEndpoint = &all
	}
	config.ConfigSources = []any{places}
	return Environment{config, client}, r.err
}

// keepConnections keeps as many connections to one host as to all of them. Emptying a bucket
// has dozens of requests to S3 in flight. The SDK would keep ten of them, and begin a TLS
// handshake for most of the others.
func keepConnections(t *http.Transport) { t.MaxIdleConnsPerHost = t.MaxIdleConns }

// Config returns the configuration for the clients of one event. They share connections with
// each other, and with no other event: Lambda freezes the process between events, so that a
// connection from before may be dead, and a call that dies with it may have been carried out.
func (e Environment) Config() aws.Config {
	config := e.config
	config.HTTPClient = e.client.WithTransportOptions() // a copy has connections of its own
	return config
}
