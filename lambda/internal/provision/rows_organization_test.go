package provision_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// Rules that an organization sets: it forbids calls to the role, by the numbers of the rows.

// What AWS says of such a denial ("Troubleshoot access denied error messages", IAM User Guide), and whether it is final. S3
// gives no reason to callers of another organization.
var denials = map[string]struct {
	text    string
	isFinal bool
}{
	"a Deny of an SCP":              {"with an explicit deny in a service control policy", true},
	"a Deny of an SCP with its ARN": {"with an explicit deny in a service control policy: arn:aws:organizations::111122223333:policy/o-x/service_control_policy/p-x", true},
	"a Deny of an RCP":              {"with an explicit deny in a resource control policy", true},
	"no SCP":                        {"because no service control policy allows the action", true},
	"no reason":                     {"", false},
}

const byScp = "a Deny of an SCP"

// forbids has an organization forbid operations to the role.
func forbids(denial string, operations ...string) hook {
	return func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if slices.Contains(operations, c.Operation) && strings.HasPrefix(c.Caller, "role/") {
			return awsfake.Refuse(forbidden(denial, c))
		}
		return awsfake.Decision{}
	}
}

func forbidden(denial string, c awsfake.Call) *awsfake.Error {
	message := "Access Denied"
	if text := denials[denial].text; text != "" {
		message = fmt.Sprintf("User: arn:aws:sts::123456789012:assumed-role/provider/x is not authorized to perform: %s on resource: %q %s", c.Name(), c.Target, text)
	}
	if c.Service == "secretsmanager" {
		return &awsfake.Error{Status: 400, Code: "AccessDeniedException", Message: message}
	}
	return &awsfake.Error{Status: 403, Code: "AccessDenied", Message: message}
}

// Row 17, law L12: a new bucket blocks all public access by itself, so it does no harm that an organization forbids to set it;
// in every region, in the first delivery and in one that comes after a crash, and in an Update.
func TestRow17PublicAccessBlock(t *testing.T) {
	for denial := range denials {
		for region, killed := range both(regions, []string{"", "CreateSecret", "CreateBucket", "CreateAccessKey"}) {
			t.Run(strings.Join([]string{denial, region, killed}, ", "), func(t *testing.T) {
				inRegion(t, region, func(w *bench) {
					if killed != "" {
						w.killedAfter(killed, create(named))
						<-time.After(2 * time.Minute)
					}
					w.AWS.Before = forbids(denial, "PutPublicAccessBlock")
					w.history(create(named), update(named, with("Access", "Full"), named))
					if b := w.AWS.Snapshot().Buckets["my-data"]; b.PublicAccessBlock != [4]bool{true, true, true, true} {
						t.Errorf("%+v", b)
					}
				})
			})
		}
	}
}

// Row 17: so it is where S3 does not know the new bucket, or its settings, at once.
func TestRow17PublicAccessBlockIsLate(t *testing.T) {
	for _, what := range []awsfake.NewBuckets{awsfake.AllUnknown, awsfake.SettingsUnknown} {
		for _, d := range []time.Duration{5 * time.Second, 90 * time.Second} {
			inWorld(t, func(w *bench) {
				w.AWS.BucketPropagation, w.AWS.NewBuckets = d, what
				w.AWS.Before = forbids(byScp, "PutPublicAccessBlock")
				w.history(create(named))
			})
		}
	}
	inWorld(t, func(w *bench) {
		asked := 0
		w.AWS.Before = oneByOne(func(ctx context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "GetPublicAccessBlock" {
				if asked++; asked < 5 {
					return awsfake.Refuse(&awsfake.Error{Status: 404, Code: "NoSuchPublicAccessBlockConfiguration", Message: "The public access block configuration was not found"})
				}
			}
			return forbids(byScp, "PutPublicAccessBlock")(ctx, c)
		})
		w.history(create(named))
	})
}

// Row 17: an Update that makes a bucket anew, which somebody has deleted, is no other.
func TestRow17BucketIsMadeAgain(t *testing.T) {
	for _, region := range regions {
		inRegion(t, region, func(w *bench) {
			w.history(create(named))
			<-time.After(time.Hour)
			w.AWS.DeleteBucket("my-data")
			w.AWS.BucketPropagation, w.AWS.NewBuckets = 5*time.Second, awsfake.SettingsUnknown
			w.AWS.Before = forbids(byScp, "PutPublicAccessBlock")
			start := time.Now()
			w.history(update(named, with("Access", "Full"), named))
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v", took)
			}
		})
	}
}

// A forbiddenSetting is a setting that an organization forbids to set.
type forbiddenSetting struct {
	operation string
	p         sim.Properties // that set it
	byHand    func(w *bench) // somebody has set it so
	remedy    string         // in the reason where it is not so
}

func forbiddenSettings() map[string]forbiddenSetting {
	const orElse = "others forbid it: have them allow it to the role of the provider"
	policy := ""
	return map[string]forbiddenSetting{
		"versioning": {"PutBucketVersioning", with("Versioning", "true", "Access", "Full"), func(w *bench) { w.AWS.SetVersioning("my-data", "Enabled") },
			orElse + ", set it as Versioning says, or leave that as it was"},
		"lifecycle": {"PutBucketLifecycleConfiguration", with("AbortIncompleteUploadsAfterDays", "3"), func(w *bench) {
			w.history(update(named, with("AbortIncompleteUploadsAfterDays", "3"), named))
		}, orElse + ", or leave AbortIncompleteUploadsAfterDays and ExpireNoncurrentAfterDays as they were"},
		"no lifecycle": {"DeleteBucketLifecycle", with("AbortIncompleteUploadsAfterDays", "0"), func(w *bench) { w.rules() }, orElse},
		"policy": {"PutBucketPolicy", with("Access", "ReadOnly"), func(w *bench) {
			w.history(update(named, with("Access", "ReadOnly"), named))
			policy = w.AWS.Snapshot().Buckets["my-data"].Policy
			w.history(update(named, named, with("Access", "ReadOnly")))
			must(w.t, w.AWS.SetBucketPolicy("my-data", policy))
		}, orElse},
		"tags": {"PutBucketTagging", teamTag("data"), func(w *bench) { w.AWS.TagBucket("my-data", map[string]string{"team": "data"}) }, orElse + ", or leave Tags as they are"},
		"KMS key": {"UpdateSecret", with("SecretKmsKeyId", "alias/mine"), func(w *bench) {
			w.history(update(named, with("SecretKmsKeyId", "alias/mine"), named))
		}, orElse + ", or leave SecretKmsKeyId as it was"},
	}
}

// Row 17: what an Update would set, and an organization forbids to set, counts if it is so already. Otherwise the Update is
// refused, says what helps, and leaves the account as it was; its rollback is not refused.
func TestRow17WhatIsSoAlreadyCounts(t *testing.T) {
	for name, setting := range forbiddenSettings() {
		for isSo, denial := range both(yesAndNo, []string{byScp, "no reason"}) {
			t.Run(fmt.Sprintf("%s, so already %v, %s", name, isSo, denial), func(t *testing.T) {
				inWorld(t, func(w *bench) { w.meetsRule(setting, isSo, denial) })
			})
		}
	}
}

// Row 17: a Create that is refused says what a Create can do without.
func TestRow17WhatACreateCanDoWithout(t *testing.T) {
	for operation, without := range map[string]struct {
		says string
		p    sim.Properties
	}{
		"PutBucketVersioning":             {"or leave that out", named},
		"PutBucketLifecycleConfiguration": {"or set AbortIncompleteUploadsAfterDays and ExpireNoncurrentAfterDays to 0", with("AbortIncompleteUploadsAfterDays", "0")},
	} {
		inWorld(t, func(w *bench) {
			w.AWS.Before = forbids(byScp, operation)
			w.refused(w.play(create(with("Versioning", "true")), nil).answer, without.says)
			w.history(create(without.p))
		})
	}
}

// meetsRule plays an Update that would set what an organization forbids to set.
func (w *bench) meetsRule(setting forbiddenSetting, isSo bool, denial string) {
	w.t.Helper()
	w.history(create(named))
	if isSo {
		setting.byHand(w)
	}
	<-time.After(time.Hour)
	w.AWS.Before = forbids(denial, setting.operation)
	if isSo {
		w.history(update(named, setting.p, named), update(named, setting.p, named)) // and its redelivery
		return
	}
	start := time.Now()
	w.refused(w.play(update(named, setting.p, named), nil).answer, setting.remedy)
	if took := time.Since(start); denials[denial].isFinal && took > 30*time.Second {
		w.t.Errorf("took %v", took)
	}
	w.rollsBack(update(named, named, setting.p))
}

// Row 17, law L4: a read from before another event has changed a setting does not stand for what an organization forbids to
// set.
func TestRow17OldReadDoesNotCount(t *testing.T) {
	on, off := with("Versioning", "true"), with("Versioning", "false")
	inWorld(t, func(w *bench) {
		w.history(create(on))
		<-time.After(time.Hour)
		w.AWS.BucketLag = time.Minute
		w.history(update(on, off, on))
		w.AWS.Before = forbids(byScp, "PutBucketVersioning")
		w.refused(w.play(update(off, on, off), nil).answer, "others forbid it")
	})
}

// Row 17: a new bucket whose settings an organization makes by itself, a moment after it was made.
func TestRow17OrganizationSetsIt(t *testing.T) {
	for _, region := range regions {
		inRegion(t, region, func(w *bench) {
			var made time.Time
			w.AWS.Before = oneByOne(func(ctx context.Context, c awsfake.Call) awsfake.Decision {
				if made.IsZero() && c.Operation == "CreateBucket" {
					made = time.Now()
				}
				if !made.IsZero() && time.Since(made) > 12*time.Second {
					w.AWS.SetVersioning("my-data", "Enabled")
				}
				return forbids(byScp, "PutBucketVersioning")(ctx, c)
			})
			w.history(create(with("Versioning", "true")))
		})
	}
}

// Row 17: the marker that an adopted bucket has counts where an organization forbids the role to write it; without it a Create
// is refused in words, and leaves the bucket as it was.
func TestRow17Marker(t *testing.T) {
	for _, isThere := range yesAndNo {
		inWorld(t, func(w *bench) {
			w.offer()
			if isThere {
				w.AWS.PutObject("my-data", "data/", "")
			}
			w.AWS.Before = forbids(byScp, "PutObject") // of the role: the key proves itself
			if a := w.play(create(retain), nil).answer; !isThere {
				w.refused(a, "or set FolderMarker to false")
				w.history(create(plus(retain, "FolderMarker", "false")))
			} else {
				w.succeeded(a)
			}
		})
	}
}

// Row 17: a folder marker that was deleted from a versioned bucket is none.
func TestRow17DeletedMarker(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.offer()
		w.AWS.SetVersioning("my-data", "Enabled")
		w.AWS.PutObject("my-data", "data/", "")
		w.AWS.DeleteObject("my-data", "data/")
		w.AWS.Before = forbids(byScp, "PutObject")
		w.refused(w.play(create(retain), nil).answer, "or set FolderMarker to false")
	})
}

// Row 17: a Create that an organization forbids a call is refused at once where AWS says by which policy, and leaves nothing.
// Where AWS gives no reason, the right may be late.
func TestRow17FinalDenialIsNotWaitedFor(t *testing.T) {
	for denial, is := range denials {
		for _, operation := range []string{"DescribeSecret", "GetUser", "CreateSecret", "CreateUser", "CreateBucket", "PutBucketPolicy", "PutBucketLifecycleConfiguration",
			"CreateAccessKey", "PutSecretValue"} {
			t.Run(denial+", "+operation, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.AWS.Before = forbids(denial, operation)
					start := time.Now()
					a := w.refused(w.play(create(named), nil).answer, "AccessDenied")
					took := time.Since(start)
					if limit := 45 * time.Second; is.isFinal && took > limit-25*time.Second || !is.isFinal && took < limit {
						t.Errorf("took %v", took)
					}
					w.saysAll(a, is.text)
					w.AWS.Before = nil
					w.history(remove(named))
					w.empty()
				})
			})
		}
	}
}

// Row 17: a Deny of the role's own policies is a right that it lacks, and is not waited for either; one in the policy of a bucket
// may be from before that was changed (L4).
func TestRow17DenialOfOtherPolicies(t *testing.T) {
	for text, isFinal := range map[string]bool{
		"with an explicit deny in an identity-based policy": true, "with an explicit deny in a permissions boundary": true, "with an explicit deny in a session policy": true,
		"with an explicit deny in a VPC endpoint policy": true, "because no VPC endpoint policy allows the s3:CreateBucket action": true,
		"with an explicit deny in a resource-based policy": false, "because no identity-based policy allows the s3:CreateBucket action": false,
		"because no permissions boundary allows the s3:CreateBucket action": false,
	} {
		t.Run(text, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				start, refused := time.Now(), false
				w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
					if refused = refused || c.Operation == "CreateBucket"; c.Operation == "CreateBucket" && time.Since(start) < 30*time.Second {
						return awsfake.Refuse(&awsfake.Error{Status: 403, Code: "AccessDenied", Message: "User: x is not authorized to perform: s3:CreateBucket " + text})
					}
					return awsfake.Decision{}
				})
				if a := w.play(create(named), nil).answer; isFinal {
					w.refused(a, text)
				} else {
					w.succeeded(a)
				}
			})
		})
	}
}

// Row 17: a Delete that an organization forbids a call ends at once, too, and the next one finishes it.
func TestRow17Delete(t *testing.T) {
	for _, operation := range []string{"DeleteSecret", "DeleteAccessKey", "DeleteUser"} {
		inWorld(t, func(w *bench) {
			w.history(create(named))
			<-time.After(time.Hour)
			w.AWS.Before = forbids(byScp, operation)
			start := time.Now()
			w.refused(w.play(remove(named), nil).answer, "explicit deny in a service control policy")
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("%s: took %v", operation, took)
			}
			w.AWS.Before = nil
			w.history(remove(named))
			w.empty()
		})
	}
}

// demandsOwnership is AWS's own example of a policy: no bucket is made without the header.
func demandsOwnership(_ context.Context, c awsfake.Call) awsfake.Decision {
	if in, ok := c.Input.(*s3.CreateBucketInput); ok && in.ObjectOwnership != types.ObjectOwnershipBucketOwnerEnforced {
		return awsfake.Refuse(forbidden(byScp, c))
	}
	return awsfake.Decision{}
}

// Row 18, law L12: an organization demands x-amz-object-ownership; or forbids to set it, which is S3's default anyway.
func TestRow18(t *testing.T) {
	forbidsOwnership := func(denial string) hook {
		return func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if in, ok := c.Input.(*s3.CreateBucketInput); ok && in.ObjectOwnership != "" {
				return awsfake.Refuse(forbidden(denial, c))
			}
			return awsfake.Decision{}
		}
	}
	for name, rule := range map[string]hook{"demanded": demandsOwnership, "forbidden": forbidsOwnership(byScp), "forbidden without a reason": forbidsOwnership("no reason")} {
		for _, region := range regions {
			t.Run(name+", "+region, func(t *testing.T) {
				inRegion(t, region, func(w *bench) {
					w.AWS.Before = rule
					w.history(create(named), update(named, other(named), named), remove(named))
					if b := w.AWS.Snapshot().Buckets["my-data-2"]; b.Ownership != "" {
						t.Errorf("ownership %q", b.Ownership)
					}
				})
			})
		}
	}
}

// Row 18: the right to the header may be late, and without it a Create fails and names it.
func TestRow18Right(t *testing.T) {
	for _, d := range []time.Duration{8 * time.Second, time.Hour} {
		inWorld(t, func(w *bench) {
			w.AWS.DelayRights("provider", d, "s3:PutBucketOwnershipControls")
			if a := w.play(create(named), nil).answer; d < time.Minute {
				w.succeeded(a)
			} else {
				w.refused(a, "s3:PutBucketOwnershipControls")
				w.empty()
			}
		})
	}
}

// Row 18: what else the example policies of organizations demand of the calls that make something: tags, a boundary, no ACL.
func TestRow18WhatTheCallsCarry(t *testing.T) {
	inWorld(t, func(w *bench) {
		var seen []string
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			switch in := c.Input.(type) {
			case *s3.CreateBucketInput:
				seen = append(seen, fmt.Sprint("bucket ", in.ACL == "" && in.GrantFullControl == nil && in.GrantWrite == nil && isTagged(in.CreateBucketConfiguration.Tags, "team")))
			case *s3.PutObjectInput:
				seen = append(seen, fmt.Sprint("object ", in.ACL == ""))
			case *iam.CreateUserInput:
				seen = append(seen, fmt.Sprint("user ", in.PermissionsBoundary != nil && isTagged(in.Tags, "team")))
			case *secretsmanager.CreateSecretInput:
				seen = append(seen, fmt.Sprint("secret ", isTagged(in.Tags, "team")))
			}
			return awsfake.Decision{}
		})
		w.history(create(teamTag("data")))
		slices.Sort(seen)
		if got := strings.Join(slices.Compact(seen), ", "); got != "bucket true, object true, secret true, user true" {
			t.Error(got)
		}
	})
}

// isTagged reports whether tags of any service have a key.
func isTagged[T any](tags []T, key string) bool {
	return slices.ContainsFunc(tags, func(tag T) bool {
		return aws.ToString(reflect.ValueOf(tag).FieldByName("Key").Interface().(*string)) == key
	})
}
