package provision_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// A final error says what did not come, and how long it was waited for.
func TestErrorSaysWhatDidNotCome(t *testing.T) {
	for _, test := range []struct {
		lag  hook
		want string
	}{
		{deny("CreateUser"), "waited 45s in vain until the role has its rights"},
		{notYet(time.Hour, noBucket, isCall("PutBucketPolicy")), "in vain until S3 knows the bucket"},
		{notYet(time.Hour, noEntity, isCall("CreateAccessKey")), "in vain until IAM knows the user"},
		{notYet(time.Hour, &awsfake.Error{Status: 400, Code: "MalformedPolicy", Message: "Invalid principal in policy"}, isCall("PutBucketPolicy")),
			"in vain until S3 knows the user"},
		{func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if strings.HasPrefix(c.Caller, "user/") {
				return awsfake.Refuse(awsfake.AccessDenied)
			}
			return awsfake.Decision{}
		}, "in vain until S3 knows the key and its policy"},
	} {
		t.Run(test.want, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.AWS.Before = test.lag
				w.refused(w.create(named), test.want)
				w.AWS.Before = nil
				w.empty()
			})
		})
	}
}

// The log says once of each thing that it is waited for, however many calls wait for it.
func TestLogSaysOnceWhatIsWaitedFor(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.UserPath = "" // or a user who is not known looks like a missing right
		w.AWS.UserLag, w.AWS.BucketPropagation = 20*time.Second, 10*time.Second
		w.AWS.DelayRights("provider", 8*time.Second, "*")
		w.created(named)
		waits := map[string]int{}
		for line := range strings.Lines(w.Log.String()) {
			if strings.Contains(line, `"began to wait"`) {
				_, until, _ := strings.Cut(line, `"until":`)
				waits[until[:strings.Index(until, `"atMost"`)]]++
			}
		}
		for _, until := range []string{"the role has its rights", "S3 knows the bucket", "IAM knows the user", "S3 knows the user"} {
			if waits[`"`+until+`",`] != 1 {
				t.Errorf("%q is said %d times: %v", until, waits[`"`+until+`",`], waits)
			}
		}
	})
}

// All calls of an event share one deadline: rights that never come fail it within about a minute, however many
// of its calls need one. A refusal of a call on the user may also mean that IAM does not know the user (L3), which
// is waited for two minutes after it was made, or after its removal has begun.
func TestDeadlineIsShared(t *testing.T) {
	const rights, user, removal = 75 * time.Second, 135 * time.Second, 255 * time.Second
	for _, test := range []struct {
		name   string
		denied func(awsfake.Call) bool
		limit  time.Duration
	}{
		{"all calls", func(c awsfake.Call) bool { return c.Service != "cloudformation" }, rights},
		{"all but the looks", func(c awsfake.Call) bool { return !isLook(c) }, rights},
		{"calls after another", isCall("PutPublicAccessBlock", "PutBucketPolicy", "PutObject", "PutBucketLifecycleConfiguration"), rights},
		{"all of S3 but CreateBucket", func(c awsfake.Call) bool { return c.Service == "s3" && c.Operation != "CreateBucket" && !isLook(c) }, rights},
		{"all that makes", isCall("CreateUser", "CreateBucket", "CreateSecret"), rights},
		{"two that make", isCall("CreateUser", "CreateBucket"), rights},
		{"policy and removal of the secret", isCall("PutBucketPolicy", "DeleteSecret"), rights},
		{"policy and removal of the bucket", isCall("PutBucketPolicy", "DeleteBucket"), rights},
		{"policy and the look into the bucket", isCall("PutBucketPolicy", "ListObjectVersions"), rights},
		{"policy and the tombstone", isCall("PutBucketPolicy", "PutSecretValue", "GetSecretValue"), rights},
		{"key", isCall("CreateAccessKey", "PutPublicAccessBlock"), user},
		{"policy and removal of the user", isCall("PutBucketPolicy", "DeleteUser"), removal},
		{"key and removal of the user", isCall("CreateAccessKey", "ListAccessKeys", "DeleteUser"), removal},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *bench) { w.isDeniedWithin(test.denied, test.limit) })
		})
	}
}

func (w *bench) isDeniedWithin(denied func(awsfake.Call) bool, limit time.Duration) {
	w.t.Helper()
	w.AWS.Before = first(takesTime, notYet(time.Hour, awsfake.AccessDenied, denied))
	start := time.Now()
	w.refused(w.create(named), "in vain until the role has its rights")
	if took := time.Since(start); took < 44*time.Second || took > limit {
		w.t.Errorf("took %s", took)
	}
}

// An error says how long was waited, however many calls have waited beside each other.
func TestErrorSaysHowLongWasWaited(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.Before = deny("CreateUser", "CreateBucket")
		w.refused(w.create(named), "waited 45s in vain until the role has its rights")
	})
}

// An Update whose commit is refused says so.
func TestErrorOfACommitThatIsRefused(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.created(named)
		w.AWS.Before = deny("PutSecretValue")
		w.refused(w.update(w.idOf(named), with("Prefix", "logs"), named), "secretsmanager:PutSecretValue")
	})
}

// An event that is refused answers at once, as it has made nothing.
func TestRefusedEventAnswersAtOnce(t *testing.T) {
	for _, p := range []sim.Properties{named, other(named)} {
		for name, taken := range map[string]func(*awsfake.AWS){
			"secret":              func(a *awsfake.AWS) { a.AddSecret(p["SecretName"].(string), "theirs", foreignTags) },
			"user":                func(a *awsfake.AWS) { a.AddUser(p["UserName"].(string), "/", foreignTags) },
			"bucket":              func(a *awsfake.AWS) { a.AddBucket(p["BucketName"].(string), foreignTags) },
			"bucket without tags": func(a *awsfake.AWS) { a.AddBucket(p["BucketName"].(string), nil) },
			"bucket elsewhere":    func(a *awsfake.AWS) { a.AddForeignBucket(p["BucketName"].(string), "999999999999") },
		} {
			t.Run(p["UserName"].(string)+" "+name, func(t *testing.T) {
				inWorld(t, func(w *bench) { w.isRefusedAtOnce(p, taken) })
			})
		}
	}
}

// isRefusedAtOnce plays a Create of the properties, or a replacement of the named ones by them.
func (w *bench) isRefusedAtOnce(p sim.Properties, taken func(*awsfake.AWS)) {
	w.t.Helper()
	e := create(p)
	if p["UserName"] != named["UserName"] {
		w.history(create(named))
		e = update(named, p, named)
	}
	taken(w.AWS)
	<-time.After(time.Hour)
	w.AWS.Before = takesTime
	start := time.Now()
	w.refused(w.play(e, nil).answer, "")
	if took := time.Since(start); took > 15*time.Second {
		w.t.Errorf("took %s", took)
	}
}

// A Delete that lets go of a bucket does not wait for a lifecycle rule that was never asked for, nor for a value that
// another delivery has just put into its recovery window.
func TestDeleteWaitsForNothingThatCannotCome(t *testing.T) {
	for name, p := range map[string]sim.Properties{
		"no rule":   with("OnDelete", "Retain", "AbortIncompleteUploadsAfterDays", "0"),
		"no window": with("OnDelete", "Retain"),
		"window":    with("OnDelete", "Retain", "SecretRecoveryDays", "7"),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(p)
				w.fill()
				w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
					if c.Operation == "GetSecretValue" { // as another delivery was faster
						return awsfake.Refuse(&awsfake.Error{Status: 400, Code: "InvalidRequestException",
							Message: "You can't perform this operation on the secret because it was marked for deletion."})
					}
					return awsfake.Decision{}
				})
				start := time.Now()
				w.succeeded(w.delete(w.idOf(p), p))
				if took := time.Since(start); took > 5*time.Second {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// What another delivery has removed may be somebody else's by name before this one tries again.
func TestRemovalLeavesWhatSomebodyMakesUnderTheName(t *testing.T) {
	p := with("OnDelete", "Purge")
	for operation, make := range map[string]func(*awsfake.AWS){
		"DeleteUser": func(a *awsfake.AWS) {
			a.DeleteUser("clickhouse")
			a.AddUser("clickhouse", "/bucketuser/", foreignTags)
			a.AddKey("clickhouse")
		},
		"DeleteBucket": func(a *awsfake.AWS) {
			a.DeleteBucket("my-data")
			a.AddBucket("my-data", foreignTags)
			a.PutObject("my-data", "theirs", "1")
		},
	} {
		t.Run(operation, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(p)
				isMade := false
				w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
					if c.Operation != operation || isMade {
						return awsfake.Decision{}
					}
					isMade = true
					make(w.AWS)
					code := map[string]string{"DeleteUser": "NoSuchEntity", "DeleteBucket": "NoSuchBucket"}[operation]
					return awsfake.Refuse(&awsfake.Error{Status: 404, Code: code, Message: "another delivery was faster"})
				})
				w.succeeded(w.delete(w.idOf(p), p))
				now := w.AWS.Snapshot()
				if len(now.Users["clickhouse"].Keys)+len(now.Buckets["my-data"].Objects) != 1 || len(now.Users)+len(now.Buckets) != 1 {
					t.Errorf("left: %+v", now)
				}
			})
		})
	}
}
