package awsenv

import (
	"context"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// endpointURL is the variable for all services. Its name, an underscore and the name of a
// service is that of one.
const endpointURL = "AWS_ENDPOINT_URL"

// endpoints answers what each client asks of [aws.Config.ConfigSources] about where its service
// is. The SDK finds the methods by their names.
type endpoints struct {
	isFIPS, isDualStack bool
	isIgnored           bool // no variable with an endpoint counts
}

// GetServiceBaseEndpoint returns the endpoint of one service, such as "Secrets Manager".
func (endpoints) GetServiceBaseEndpoint(_ context.Context, service string) (url string, isSet bool, err error) {
	url = os.Getenv(endpointURL + "_" + strings.ReplaceAll(strings.ToUpper(service), " ", "_"))
	return url, url != "", nil
}

// GetIgnoreConfiguredEndpoints reports whether AWS_ENDPOINT_URL_… count for nothing.
func (e endpoints) GetIgnoreConfiguredEndpoints(context.Context) (isIgnored, isSet bool, err error) {
	return e.isIgnored, true, nil
}

// GetUseFIPSEndpoint has the client call a FIPS endpoint.
func (e endpoints) GetUseFIPSEndpoint(context.Context) (state aws.FIPSEndpointState, isSet bool, err error) {
	if e.isFIPS {
		state = aws.FIPSEndpointStateEnabled
	}
	return state, e.isFIPS, nil
}

// GetUseDualStackEndpoint has the client call an endpoint that also has an IPv6 address.
func (e endpoints) GetUseDualStackEndpoint(context.Context) (state aws.DualStackEndpointState, isSet bool, err error) {
	if e.isDualStack {
		state = aws.DualStackEndpointStateEnabled
	}
	return state, e.isDualStack, nil
}
