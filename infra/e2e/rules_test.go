//go:build e2e

package e2e

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"bucketuser/infra/local"
	"bucketuser/lambda/awsrules"
)

// The emulators that are held to the rules of AWS. Each is named as the differences
// name it.
const (
	embedded emulator = "the embedded AWS"
	moto     emulator = "moto"
)

type emulator string

// The rules that the fake AWS follows hold on the embedded AWS and on moto too, but
// for the differences. So the fake cannot drift away from what others take AWS to be.
func TestRulesOnTheEmbeddedAWS(t *testing.T) {
	t.Parallel()
	config, err := cloud.Config()
	if err != nil {
		t.Fatal(err)
	}
	playRules(t, embedded, config)
}

func TestRulesOnMoto(t *testing.T) {
	t.Parallel()
	config, err := local.StartMoto(t.Context(), root, t.TempDir(), "", os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	playRules(t, moto, config)
}

// playRules plays each rule in a region that has it.
func playRules(t *testing.T, where emulator, config aws.Config) {
	t.Helper()
	me, err := sts.NewFromConfig(config).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	holds, differs := 0, 0
	for _, rule := range awsrules.All() {
		account := awsrules.Account{Config: config.Copy(), ID: *me.Account, PathStyle: true, Patience: time.Second}
		if rule.Function && account.RotationFunction == "" {
			continue // the tests of package local have one
		}
		if account.Config.Region = "eu-west-1"; rule.Region != "" {
			account.Config.Region = rule.Region
		}
		t.Run(rule.Name, func(t *testing.T) {
			number := numberOf(where, rule.Name)
			found := rule.Check(t.Context(), account)
			switch {
			case found != nil && number == 0:
				differs++
				t.Errorf("not as on AWS: %v", found)
			case found != nil:
				differs++
				t.Logf("D%d: %v", number, found)
			case number != 0:
				t.Errorf("holds on %s: take it off D%d", where, number)
			default:
				holds++
			}
		})
	}
	figure("rules of AWS on %s: %d hold, %d known not to", where, holds, differs)
}

// numberOf is the number of the difference that names a rule, or 0.
func numberOf(where emulator, rule string) int {
	for _, d := range differences {
		if slices.Contains(d.on, where) && slices.Contains(d.rules, rule) {
			return d.number
		}
	}
	return 0
}

func TestDifferencesAreNumberedAndAboutRules(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, rule := range awsrules.All() {
		known[rule.Name] = true
	}
	for i, d := range differences {
		if d.number != i+1 || d.what == "" || len(d.on) == 0 || len(d.rules) == 0 {
			t.Errorf("D%d lacks something, or is the %dth", d.number, i+1)
		}
		for _, rule := range d.rules {
			first := slices.IndexFunc(d.on, func(where emulator) bool { return numberOf(where, rule) != d.number })
			if !known[rule] || first >= 0 {
				t.Errorf("D%d: there is no rule %q, or another difference has it", d.number, rule)
			}
		}
	}
}
