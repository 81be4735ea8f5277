package rotate

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/spec"
)

var (
	pending = []string{"AWSPENDING"}
	current = []string{"AWSCURRENT", "AWSPENDING"}
)

// rotated calls Now for a time, and returns what it has reported as well.
func rotated(t *testing.T, a *account, limit time.Duration) (is Outcome, said string, err error) {
	t.Helper()
	t.Parallel()
	config, found := a.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var lines []string
	is, err = Now(ctx, config, found, func(p Progress) { lines = append(lines, p.What) })
	said = strings.Join(lines, "\n")
	if text := said; err != nil && strings.Contains(text+err.Error(), theSecret) || strings.Contains(text, theSecret) {
		t.Error("the secret access key was printed")
	}
	return is, said, err
}

func TestRotates(t *testing.T) {
	a := &account{ends: [][]string{pending, current}, tags: map[string]string{spec.TagPreviousKey: "AKIABEFORE"},
		lines: []string{line("INFO", "created an access key", "createSecret", `,"accessKeyId":"AKIANEW"`), line("INFO", "did the step", "createSecret", "")}}
	is, said, err := rotated(t, a, time.Minute)
	if err != nil || is.New != "AKIANEW" || is.Previous != "AKIAOLD" || is.Ended != "AKIABEFORE" || is.Took < time.Second {
		t.Errorf("%+v, %v", is, err)
	}
	if want := "Secrets Manager has begun to rotate the key\nthe new key is made, and is being proven"; !strings.HasPrefix(said, want) {
		t.Errorf("said %q", said)
	}
}

// Where AWSCURRENT was moved back by hand the previous key before is the very one that was in use: it has not ended.
func TestRotatesWhatWasMovedBack(t *testing.T) {
	a := &account{ends: [][]string{current}, tags: map[string]string{spec.TagPreviousKey: "AKIAOLD"}}
	if is, _, err := rotated(t, a, time.Minute); err != nil || is.Previous != "AKIAOLD" || is.Ended != "" {
		t.Errorf("%+v, %v", is, err)
	}
}

// Without the rights to look closer the key is rotated all the same.
func TestRotatesBlindly(t *testing.T) {
	a := &account{ends: [][]string{pending, current}, denied: []string{"GetSecretValue", "GetFunctionConfiguration", "FilterLogEvents"}}
	if is, _, err := rotated(t, a, time.Minute); err != nil || is.New != "" {
		t.Errorf("%+v, %v", is, err)
	}
}

func TestRotationFails(t *testing.T) {
	a := &account{ends: [][]string{pending}, lines: []string{line("ERROR", "failed", "testSecret", `,"reason":"testSecret: user u: denied\u001b[2J"`)}}
	_, _, err := rotated(t, a, time.Minute)
	var failed *FailedError
	if !errors.As(err, &failed) || failed.Step != "testSecret" || failed.Reason != "user u: denied [2J" || failed.Stream != "the-stream" ||
		!strings.HasPrefix(failed.Log, "aws logs tail the-group ") || !strings.Contains(err.Error(), "The key in use is as it was") {
		t.Errorf("%v", err)
	}
}

func TestRotationIsGivenUp(t *testing.T) {
	a := &account{ends: [][]string{pending, {}}}
	_, _, err := rotated(t, a, time.Minute)
	if failed := (*FailedError)(nil); !errors.As(err, &failed) || !strings.Contains(failed.Reason, "was given up") {
		t.Errorf("%v", err)
	}
}

// A rotation before is gone on with: what it failed for then is told, and is not taken for its end.
func TestRotationBeforeGoesOn(t *testing.T) {
	a := &account{refusal: [2]string{"InvalidRequestException", "A previous rotation isn't complete. That rotation will be reattempted."},
		token: earlier, ends: [][]string{pending, pending, pending, current}, old: []string{line("ERROR", "failed", "createSecret", `,"reason":"createSecret: no room"`)}}
	_, said, err := rotated(t, a, time.Minute)
	if err != nil || !strings.Contains(said, "a rotation before is not complete, and Secrets Manager goes on with it\nit had failed: no room") {
		t.Errorf("%v: %s", err, said)
	}
}

func TestRotationIsRefused(t *testing.T) {
	for name, test := range map[string]struct {
		account *account
		want    string
	}{
		"for a right": {&account{refusal: [2]string{"AccessDeniedException", "User: me is not authorized to perform: lambda:InvokeFunction"}},
			"lambda:InvokeFunction on the function " + function + ": policy rotate.json"},
		"as it is deleted":         {&account{refusal: [2]string{"InvalidRequestException", "marked for deletion"}}, "marked for deletion"},
		"and may not be looked at": {&account{denied: []string{"DescribeSecret"}}, "needs the right secretsmanager:DescribeSecret"},
		"and nobody knows why":     {&account{refusal: [2]string{"InvalidRequestException", "A previous rotation isn't complete."}, ends: [][]string{{}}}, "shows none; try again"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := rotated(t, test.account, time.Minute)
			if err == nil || !strings.Contains(err.Error(), test.want) || test.account.rotated {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// Without a schedule nothing is tried, and the next serial is that of the value.
func TestNothingIsRotatedWithoutASchedule(t *testing.T) {
	for name, test := range map[string]struct {
		account *account
		want    string
	}{
		"never":       {&account{isOff: true}, "set KeySerial of resource Disk to 1 "},
		"before":      {&account{isOff: true, serial: "3"}, "set KeySerial of resource Disk to 4 "},
		"unreadable":  {&account{isOff: true, denied: []string{"GetSecretValue"}}, "to one more than it is "},
		"by somebody": {&account{isOff: true, serial: "x"}, "to 1 "},
	} {
		t.Run(name, func(t *testing.T) {
			_, said, err := rotated(t, test.account, time.Minute)
			if off := (*OffError)(nil); !errors.As(err, &off) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "deleted at once where PreviousKey is Delete") || said != "" || test.account.rotated {
				t.Errorf("%v, want %q; said %q", err, test.want, said)
			}
		})
	}
}

// Whoever waits no longer is told that the rotation goes on.
func TestRotationThatIsNotDone(t *testing.T) {
	a := &account{ends: [][]string{pending}}
	_, _, err := rotated(t, a, 2500*time.Millisecond)
	var unfinished *UnfinishedError
	if !errors.As(err, &unfinished) || !unfinished.IsTimeout || !strings.Contains(err.Error(), "It goes on in AWS") || !a.rotated {
		t.Errorf("%v", err)
	}
}

func TestRotationThatIsInterrupted(t *testing.T) {
	t.Parallel()
	a := &account{ends: [][]string{pending}}
	config, found := a.open(t)
	ctx, interrupt := context.WithCancel(t.Context())
	_, err := Now(ctx, config, found, func(Progress) { interrupt() })
	var unfinished *UnfinishedError
	if !errors.As(err, &unfinished) || unfinished.IsTimeout || unfinished.What != "Secrets Manager has begun to rotate the key" {
		t.Errorf("%v", err)
	}
}
