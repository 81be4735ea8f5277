package smfake_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/smfake"
)

const name = "clickhouse/s3"

// inAccount runs a test on an account with a secret that is rotated.
func inAccount(t *testing.T, test func(t *testing.T, fake *awsfake.AWS, f *function, s smfake.Service)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := awsfake.New("123456789012", "eu-west-1")
		fake.AddSecret(name, "first", nil)
		fake.SetRotation(name, fake.FunctionARN("rotation"), 30)
		f := &function{secrets: secretsmanager.NewFromConfig(fake.Session("rotation").Config())}
		test(t, fake, f, smfake.Service{AWS: fake, Invoke: f.invoke})
	})
}

// versions are those of the secret, oldest first: "first AWSPREVIOUS", "value 1 AWSCURRENT".
func versions(fake *awsfake.AWS) (out []string) {
	for _, v := range fake.Snapshot().Secrets[name].Versions {
		value := v.Value
		if v.Empty {
			value = "empty"
		}
		out = append(out, strings.TrimSpace(value+" "+strings.Join(v.Stages, ",")))
	}
	return out
}

const all = "createSecret a, setSecret a, testSecret a, finishSecret a"

// TestRotate plays whole rotations, each in another way.
func TestRotate(t *testing.T) {
	for what, test := range map[string]struct {
		how      smfake.How
		fails    []int // invocations, counted from 1
		steps    string
		versions string
		err      string
	}{
		"as documented": {steps: all, versions: "first AWSPREVIOUS; value 1 AWSCURRENT"},
		"label stays": {how: smfake.How{KeepsPending: true}, steps: all,
			versions: "first AWSPREVIOUS; value 1 AWSCURRENT,AWSPENDING"},
		"each step twice": {how: smfake.How{Twice: true}, versions: "first AWSPREVIOUS; value 1 AWSCURRENT",
			steps: "createSecret a, createSecret a, setSecret a, setSecret a, testSecret a, testSecret a, finishSecret a, finishSecret a"},
		"newer names": {how: smfake.How{SnakeCase: true}, steps: "create_secret a, set_secret a, test_secret a, finish_secret a",
			versions: "first AWSPREVIOUS; value 1 AWSCURRENT"},
		"a failure": {fails: []int{1}, steps: "createSecret a", versions: "first AWSCURRENT; empty AWSPENDING", err: "createSecret: failed"},
		"a failure that is tried again": {how: smfake.How{Attempts: 2}, fails: []int{3},
			steps:    "createSecret a, setSecret a, testSecret a, " + all,
			versions: "first AWSPREVIOUS; value 1 AWSCURRENT"},
		"a failure that is tried anew": {how: smfake.How{Attempts: 3, Anew: true}, fails: []int{3},
			steps:    "createSecret a, setSecret a, testSecret a, " + strings.ReplaceAll(all, " a", " b"),
			versions: "first AWSPREVIOUS; value 1; value 4 AWSCURRENT"},
		"failures that are enough": {how: smfake.How{Attempts: 2}, fails: []int{1, 2}, steps: "createSecret a, createSecret a",
			versions: "first AWSCURRENT; empty AWSPENDING", err: "createSecret: failed"},
	} {
		t.Run(what, func(t *testing.T) {
			inAccount(t, func(t *testing.T, fake *awsfake.AWS, f *function, s smfake.Service) {
				f.fails, s.How = test.fails, test.how
				equal(t, "ending", ending(s.Rotate(t.Context(), name)), test.err)
				equal(t, "steps", f.steps(), test.steps)
				equal(t, "versions", strings.Join(versions(fake), "; "), test.versions)
			})
		})
	}
}

func TestEventsNameTheSecret(t *testing.T) {
	for _, how := range []smfake.How{{}, {ByName: true}, {WithoutToken: true}} {
		inAccount(t, func(t *testing.T, fake *awsfake.AWS, f *function, s smfake.Service) {
			s.How = how
			equal(t, "ending", s.Rotate(t.Context(), name), nil)
			arn := fake.Snapshot().Secrets[name].ARN
			equal(t, "id", f.events[0].SecretId, map[bool]string{true: name, false: arn}[how.ByName])
			equal(t, "a token that a search for leaks finds", slices.Contains(fake.IssuedSecrets(), f.events[0].RotationToken), !how.WithoutToken)
		})
	}
}

// A rotation that RotateSecret has begun runs under its token.
func TestRotateSecretBeginsARotation(t *testing.T) {
	inAccount(t, func(t *testing.T, _ *awsfake.AWS, f *function, s smfake.Service) {
		in := &secretsmanager.RotateSecretInput{SecretId: aws.String(name), ClientRequestToken: aws.String(strings.Repeat("t", 36))}
		for range 2 { // the second does nothing
			if _, err := f.secrets.RotateSecret(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Rotate(t.Context(), name); err != nil || f.events[0].ClientRequestToken != *in.ClientRequestToken {
			t.Errorf("got %v, %+v", err, f.events)
		}
	})
}

func TestARotationIsAbandoned(t *testing.T) {
	for goesOn, want := range map[bool]struct{ err, steps string }{
		false: {"testSecret: the rotation was abandoned", "createSecret a, setSecret a"},
		true: {"testSecret: operation error Secrets Manager: GetSecretValue", // whose version has the label no more
			"createSecret a, setSecret a, testSecret a"},
	} {
		inAccount(t, func(t *testing.T, fake *awsfake.AWS, f *function, s smfake.Service) {
			s.GoesOn = goesOn
			s.Before = func(step smfake.Step) {
				if step == smfake.TestSecret {
					f.put(t, "by hand")
				}
			}
			if err := s.Rotate(t.Context(), name); err == nil || !strings.HasPrefix(err.Error(), want.err) {
				t.Errorf("got %v, want %s", err, want.err)
			}
			equal(t, "steps", f.steps(), want.steps)
			equal(t, "versions", strings.Join(versions(fake), "; "), "first AWSPREVIOUS; value 1; by hand AWSCURRENT")
		})
	}
}

func TestATestRunsBeside(t *testing.T) {
	for hasValue, want := range map[bool]string{false: "nothing", true: "first"} {
		inAccount(t, func(t *testing.T, fake *awsfake.AWS, f *function, s smfake.Service) {
			s.TestsValue = hasValue
			before := fake.Snapshot()
			if err := s.Test(t.Context(), name); err != nil {
				t.Error(err)
			}
			if f.steps() != "testSecret a" || !slices.Equal(f.testing, []string{want}) {
				t.Errorf("got %s, %v", f.steps(), f.testing)
			}
			if diff := cmp.Diff(before, fake.Snapshot()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsNotRotated(t *testing.T) {
	for what, hand := range map[string]func(*awsfake.AWS){
		"gone":    func(fake *awsfake.AWS) { fake.DeleteSecret(name, 0) },
		"deleted": func(fake *awsfake.AWS) { fake.DeleteSecret(name, 7) },
		"off":     func(fake *awsfake.AWS) { fake.SetRotation(name, "", 0) },
	} {
		inAccount(t, func(t *testing.T, fake *awsfake.AWS, f *function, s smfake.Service) {
			hand(fake)
			if err := s.Rotate(t.Context(), name); !errors.Is(err, smfake.ErrNotRotated) || len(f.events) > 0 {
				t.Errorf("%s: got %v", what, err)
			}
			if err := s.Test(t.Context(), name); !errors.Is(err, smfake.ErrNotRotated) || len(f.events) > 0 {
				t.Errorf("%s: got %v", what, err)
			}
		})
	}
}

// The dates follow a rotation, and a value that is put by hand.
func TestDates(t *testing.T) {
	inAccount(t, func(t *testing.T, _ *awsfake.AWS, f *function, s smfake.Service) {
		const day = 24 * time.Hour
		began := time.Now()
		last, next := f.dates(t)
		equal(t, "never rotated", last, time.Time{})
		equal(t, "first", next.Sub(began), 30*day)
		time.Sleep(day)
		equal(t, "ending", s.Rotate(t.Context(), name), nil)
		last, next = f.dates(t)
		equal(t, "rotated", last.Sub(began), day)
		equal(t, "second", next.Sub(began), 31*day)
		time.Sleep(day)
		f.put(t, "by hand")
		_, next = f.dates(t)
		equal(t, "third", next.Sub(began), 32*day)
	})
}

// ending is an error as text, or nothing.
func ending(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func equal[V comparable](t *testing.T, what string, got, want V) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
