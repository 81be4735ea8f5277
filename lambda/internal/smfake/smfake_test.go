package smfake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/smfake"
)

const name = "clickhouse/s3"

// function is a rotation function as AWS's template has it: https://github.com/aws-samples/aws-secrets-manager-rotation-lambdas.
type function struct {
	secrets *secretsmanager.Client
	events  []event
	fails   map[int]bool // invocations, counted from 1
	testing []string     // what testSecret found: a value, or "nothing"
}

type event struct{ Step, SecretId, ClientRequestToken, RotationToken string }

func (f *function) invoke(ctx context.Context, payload []byte) error {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return err
	}
	f.events = append(f.events, e)
	if f.fails[len(f.events)] {
		return errors.New("failed")
	}
	switch strings.ToLower(strings.ReplaceAll(e.Step, "_", "")) {
	case "createsecret":
		return f.create(ctx, e)
	case "testsecret":
		value, err := f.value(ctx, e)
		f.testing = append(f.testing, value)
		return err
	case "finishsecret":
		return f.finish(ctx, e)
	}
	return nil
}

// value is that of the version of the token, or "nothing".
func (f *function) value(ctx context.Context, e event) (string, error) {
	out, err := f.secrets.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &e.SecretId, VersionId: &e.ClientRequestToken,
		VersionStage: aws.String("AWSPENDING")})
	var missing *types.ResourceNotFoundException
	if errors.As(err, &missing) {
		return "nothing", nil
	}
	if err != nil {
		return "", err
	}
	return *out.SecretString, nil
}

func (f *function) create(ctx context.Context, e event) error {
	value, err := f.value(ctx, e)
	if err != nil || value != "nothing" {
		return err
	}
	in := &secretsmanager.PutSecretValueInput{SecretId: &e.SecretId, ClientRequestToken: &e.ClientRequestToken,
		SecretString: aws.String(fmt.Sprintf("value %d", len(f.events))), VersionStages: []string{"AWSPENDING"}}
	if e.RotationToken != "" {
		in.RotationToken = &e.RotationToken
	}
	_, err = f.secrets.PutSecretValue(ctx, in)
	return err
}

func (f *function) finish(ctx context.Context, e event) error {
	d, err := f.secrets.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &e.SecretId})
	if err != nil {
		return err
	}
	for id, stages := range d.VersionIdsToStages {
		if slices.Contains(stages, "AWSCURRENT") && id != e.ClientRequestToken {
			_, err = f.secrets.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: &e.SecretId,
				VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: &e.ClientRequestToken, RemoveFromVersionId: &id})
		}
	}
	return err
}

// steps are the events so far, each with a letter for its token.
func (f *function) steps() string {
	var tokens, out []string
	for _, e := range f.events {
		if !slices.Contains(tokens, e.ClientRequestToken) {
			tokens = append(tokens, e.ClientRequestToken)
		}
		out = append(out, fmt.Sprintf("%s %c", e.Step, 'a'+slices.Index(tokens, e.ClientRequestToken)))
	}
	return strings.Join(out, ", ")
}

// inAccount runs a test on an account with a secret that is rotated.
func inAccount(t *testing.T, test func(t *testing.T, fake *awsfake.AWS, f *function, s smfake.Service)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := awsfake.New("123456789012", "eu-west-1")
		fake.AddSecret(name, "first", nil)
		fake.SetRotation(name, fake.FunctionARN("rotation"), 30)
		f := &function{secrets: secretsmanager.NewFromConfig(fake.Session("rotation").Config()), fails: map[int]bool{}}
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
	for name, test := range map[string]struct {
		how      smfake.How
		fails    []int // invocations
		steps    string
		versions []string
		err      string
	}{
		"as documented": {steps: all, versions: []string{"first AWSPREVIOUS", "value 1 AWSCURRENT"}},
		"label stays": {how: smfake.How{KeepsPending: true}, steps: all,
			versions: []string{"first AWSPREVIOUS", "value 1 AWSCURRENT,AWSPENDING"}},
		"each step twice": {how: smfake.How{Twice: true}, versions: []string{"first AWSPREVIOUS", "value 1 AWSCURRENT"},
			steps: "createSecret a, createSecret a, setSecret a, setSecret a, testSecret a, testSecret a, finishSecret a, finishSecret a"},
		"newer names": {how: smfake.How{SnakeCase: true}, steps: "create_secret a, set_secret a, test_secret a, finish_secret a",
			versions: []string{"first AWSPREVIOUS", "value 1 AWSCURRENT"}},
		"a failure": {fails: []int{1}, steps: "createSecret a", versions: []string{"first AWSCURRENT", "empty AWSPENDING"}, err: "createSecret: failed"},
		"a failure that is tried again": {how: smfake.How{Attempts: 2}, fails: []int{3},
			steps:    "createSecret a, setSecret a, testSecret a, " + all,
			versions: []string{"first AWSPREVIOUS", "value 1 AWSCURRENT"}},
		"a failure that is tried anew": {how: smfake.How{Attempts: 3, Anew: true}, fails: []int{3},
			steps:    "createSecret a, setSecret a, testSecret a, " + strings.ReplaceAll(all, " a", " b"),
			versions: []string{"first AWSPREVIOUS", "value 1", "value 4 AWSCURRENT"}},
		"failures that are enough": {how: smfake.How{Attempts: 2}, fails: []int{1, 2}, steps: "createSecret a, createSecret a",
			versions: []string{"first AWSCURRENT", "empty AWSPENDING"}, err: "createSecret: failed"},
	} {
		t.Run(name, func(t *testing.T) {
			inAccount(t, func(t *testing.T, fake *awsfake.AWS, f *function, s smfake.Service) {
				for _, n := range test.fails {
					f.fails[n] = true
				}
				s.How = test.how
				if err := s.Rotate(t.Context(), "clickhouse/s3"); fmt.Sprint(err) != test.err && (err != nil || test.err != "") {
					t.Errorf("got %v, want %q", err, test.err)
				}
				if f.steps() != test.steps {
					t.Errorf("steps: got %s, want %s", f.steps(), test.steps)
				}
				if diff := cmp.Diff(test.versions, versions(fake)); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

func TestEventsNameTheSecret(t *testing.T) {
	inAccount(t, func(t *testing.T, fake *awsfake.AWS, f *function, s smfake.Service) {
		s.KeepsPending = true
		for _, how := range []func(){func() {}, func() { s.ByName = true }, func() { s.WithoutToken = true }} {
			how()
			if err := s.Rotate(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		arn := fake.Snapshot().Secrets[name].ARN
		for i, want := range []string{arn, name, name} {
			e := f.events[4*i]
			if e.SecretId != want || (e.RotationToken == "") != (i == 2) {
				t.Errorf("rotation %d: got %+v", i, e)
			}
			if i < 2 && !slices.Contains(fake.IssuedSecrets(), e.RotationToken) {
				t.Errorf("rotation %d: nobody would see the token leak", i)
			}
		}
	})
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
	for _, goesOn := range []bool{false, true} {
		inAccount(t, func(t *testing.T, fake *awsfake.AWS, f *function, s smfake.Service) {
			s.GoesOn = goesOn
			s.How.Before = func(step smfake.Step) {
				if step == smfake.TestSecret {
					_, err := f.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(name),
						SecretString: aws.String("by hand")})
					if err != nil {
						t.Error(err)
					}
				}
			}
			err := s.Rotate(t.Context(), name)
			if want := 2; !goesOn && (!errors.Is(err, smfake.ErrAbandoned) || len(f.events) != want) {
				t.Errorf("got %v after %s", err, f.steps())
			}
			if goesOn && len(f.events) < 3 {
				t.Errorf("got %v after %s", err, f.steps())
			}
			want := []string{"first AWSPREVIOUS", "value 1", "by hand AWSCURRENT"}
			if diff := cmp.Diff(want, versions(fake)); !goesOn && diff != "" {
				t.Error(diff)
			}
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
		day := 24 * time.Hour
		dates := func() (last, next time.Time) {
			d, err := f.secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: aws.String(name)})
			if err != nil {
				t.Fatal(err)
			}
			return aws.ToTime(d.LastRotatedDate), *d.NextRotationDate
		}
		began := time.Now()
		if last, next := dates(); !last.IsZero() || !next.Equal(began.Add(30*day)) {
			t.Errorf("before: %v %v", last, next)
		}
		time.Sleep(day)
		if err := s.Rotate(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if last, next := dates(); !last.Equal(began.Add(day)) || !next.Equal(began.Add(31*day)) {
			t.Errorf("rotated: %v %v", last, next)
		}
		time.Sleep(day)
		if _, err := f.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String(name),
			SecretString: aws.String("by hand")}); err != nil {
			t.Fatal(err)
		}
		if _, next := dates(); !next.Equal(began.Add(32 * day)) {
			t.Errorf("by hand: %v", next)
		}
	})
}
