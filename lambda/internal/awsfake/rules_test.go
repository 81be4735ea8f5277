package awsfake_test

import (
	"testing"
	"testing/synctest"
	"time"

	"bucketuser/lambda/awsrules"
	"bucketuser/lambda/internal/awsfake"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

const (
	account = "111122223333"
	other   = "444455556666"
)

// TestRules plays every rule of AWS on the fake, in a bubble where waiting takes no time.
func TestRules(t *testing.T) {
	for _, rule := range awsrules.All() {
		t.Run(rule.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				region := rule.Region
				if region == "" {
					region = "eu-west-1"
				}
				fake := awsfake.New(account, region)
				rule.Play(t, awsrules.Account{Config: fake.Session("provider").Config(), ID: account, Patience: 90 * time.Second,
					RotationFunction: fake.FunctionARN("rotation"),
					Attach: func(user string, what awsrules.Attachment) func() {
						fake.Attach(user, awsfake.Attachment(what))
						return func() { fake.Detach(user, awsfake.Attachment(what)) }
					}})
			})
		})
	}
}

// TestRulesOfTheFake plays the rules that only a fake can play: they need a lost answer, a delay, another account, or
// what the fake does not serve.
func TestRulesOfTheFake(t *testing.T) {
	names := map[string]bool{}
	for _, rule := range awsrules.All() {
		names[rule.Name] = true
	}
	for _, rules := range [][]fakeRule{delayRules(), lostRules(), othersRules(), placeRules(), storedRules(),
		newRules(), rightsRules(), staleRules(), elsewhereRules(), nameRules(), conflictRules(), kmsRules(), settingRules(), lockRules(), lifecycleRules(), lifecycleCheckRules(), lifecycleRunRules(), principalRules(), stackRules(), rotationRules()} {
		for _, r := range rules {
			if names[r.name] || r.source == "" {
				t.Errorf("rule %q: there twice, or without a source", r.name)
			}
			names[r.name] = true
			t.Run(r.name, func(t *testing.T) {
				inBubble(t, func(t *testing.T, fake *awsfake.AWS, s *awsfake.Session) {
					r.run(t, fake, clientsOf(s.Config()))
				})
			})
		}
	}
}

// fakeRule is one thing that AWS does, which the fake does as well.
type fakeRule struct {
	name   string
	source string // where it is written or was seen
	run    func(t *testing.T, fake *awsfake.AWS, c clients)
}

// clients are those of one session.
type clients struct {
	config  aws.Config
	iam     *iam.Client
	s3      *s3.Client
	secrets *secretsmanager.Client
	stacks  *cloudformation.Client
}

func clientsOf(config aws.Config) clients {
	return clients{config, iam.NewFromConfig(config), s3.NewFromConfig(config), secretsmanager.NewFromConfig(config),
		cloudformation.NewFromConfig(config)}
}

// as is an S3 client with other credentials.
func (c clients) as(id, secret string, options ...func(*s3.Options)) *s3.Client {
	return s3.NewFromConfig(c.config, append(options, func(o *s3.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(id, secret, "")
	})...)
}
