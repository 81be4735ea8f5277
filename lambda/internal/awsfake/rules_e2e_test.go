//go:build e2e

package awsfake_test

import (
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestRulesElsewhere runs the rules that need no fake against the account that the environment names: the embedded AWS,
// or a real one. It makes users, buckets and secrets with names of their own, and removes them.
func TestRulesElsewhere(t *testing.T) {
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	me, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	pathStyle := func(o *s3.Options) { o.UsePathStyle = os.Getenv("AWS_ENDPOINT_URL") != "" }
	for _, r := range allRules() {
		if r.fake || r.region != "" && r.region != cfg.Region {
			continue
		}
		t.Run(r.name, func(t *testing.T) { r.run(t, newEnv(cfg, *me.Account, pathStyle)) })
	}
}
