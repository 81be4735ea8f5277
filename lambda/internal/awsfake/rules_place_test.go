package awsfake_test

import (
	"strings"
	"testing"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// placeRules are about conditions on where, when and how a call is made.
func placeRules() []fakeRule {
	const soon, before = "2000-01-02T00:00:00Z", "1999-12-31T00:00:00Z" // the bubble begins at the millennium
	cases := map[string]struct {
		condition string
		fake      func(*awsfake.AWS)
		isDenied  bool
	}{
		"a call from another address":                 {`{"NotIpAddress":{"aws:SourceIp":["198.51.100.0/24","192.0.2.1"]}}`, nil, true},
		"a call from an address of a list":            {`{"NotIpAddress":{"aws:SourceIp":["198.51.100.0/24","203.0.113.7"]}}`, nil, false},
		"a call from a range":                         {`{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, nil, true},
		"a call through no endpoint":                  {`{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}`, nil, true},
		"a call through no endpoint, if there is one": {`{"StringNotEqualsIfExists":{"aws:SourceVpce":"vpce-1"}}`, nil, true},
		"a call through the endpoint":                 {`{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}`, func(a *awsfake.AWS) { a.SourceVpce = "vpce-1" }, false},
		"a call through an endpoint has no address":   {`{"NotIpAddress":{"aws:SourceIp":"203.0.113.7"}}`, func(a *awsfake.AWS) { a.SourceVpce = "vpce-1" }, true},
		"a call before a date":                        {`{"DateLessThan":{"aws:CurrentTime":"` + soon + `"}}`, nil, true},
		"a call before a date that is over":           {`{"DateLessThan":{"aws:CurrentTime":"` + before + `"}}`, nil, false},
		"a call by another client":                    {`{"StringNotLike":{"aws:UserAgent":"ClickHouse*"}}`, nil, true},
		"a call under an old version of TLS":          {`{"NumericLessThan":{"s3:TlsVersion":"1.2"}}`, nil, false},
	}
	var rules []fakeRule
	for name, test := range cases {
		rules = append(rules, fakeRule{"a policy denies " + name, "IAM User Guide, AWS global condition context keys; Condition operators",
			func(t *testing.T, fake *awsfake.AWS, c clients) {
				if test.fake != nil {
					test.fake(fake)
				}
				fake.AddBucket("my-bucket", nil)
				if err := fake.SetBucketPolicy("my-bucket", `{"Version":"2012-10-17","Statement":[{"Sid":"Place","Effect":"Deny","Principal":"*",`+
					`"Action":"s3:ListBucket","Resource":"arn:aws:s3:::my-bucket","Condition":`+test.condition+`}]}`); err != nil {
					t.Fatal(err)
				}
				_, err := c.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("my-bucket")})
				if test.isDenied {
					awsrules.Want(t, err, 403, "AccessDenied")
					if !strings.HasSuffix(err.Error(), "with an explicit deny in a resource-based policy") {
						t.Errorf("the message does not say by which policy: %v", err)
					}
				} else {
					awsrules.Equal(t, "error", err, nil)
				}
			}})
	}
	return rules
}
