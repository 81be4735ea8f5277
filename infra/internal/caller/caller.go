// Package caller says whose account and which region a command is about to use.
package caller

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"bucketuser/infra/internal/target"
)

// patience bounds the search for credentials and the call of STS together.
const patience = 10 * time.Second

// A Caller is who calls AWS, and where.
type Caller struct {
	Account  string // 12 digits
	Region   string
	ARN      string
	Endpoint string // of every service, if that is not AWS's own
}

// String names account and region, and before them the endpoint if it is not AWS's.
func (c Caller) String() string {
	account := fmt.Sprintf("account %s, region %s (as %s)", c.Account, c.Region, c.ARN)
	switch {
	case c.Endpoint == "":
		return account
	case isLoopback(c.Endpoint):
		return fmt.Sprintf("the embedded AWS at %s, %s", c.Endpoint, account)
	default:
		return fmt.Sprintf("%s, which is not AWS, %s", c.Endpoint, account)
	}
}

func isLoopback(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return ip != nil && ip.IsLoopback()
}

// Find asks STS who has the credentials of the environment. Its error is one sentence, with what to do.
func Find(ctx context.Context) (aws.Config, Caller, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := target.Query{}.Connect(ctx)
	if err != nil {
		return c, Caller{}, err
	}
	out, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return c, Caller{}, fmt.Errorf("AWS did not answer in %v; look at the network, AWS_REGION and AWS_ENDPOINT_URL", patience)
	case err != nil:
		return c, Caller{}, target.Explain(err)
	}
	return c, Caller{Account: aws.ToString(out.Account), Region: c.Region, ARN: aws.ToString(out.Arn), Endpoint: aws.ToString(c.BaseEndpoint)}, nil
}
