package provision_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// Versions that expire, by row 42.

// expiring are properties with days after which versions expire, and others.
func expiring(days string, more ...any) sim.Properties {
	return with(append([]any{"ExpireNoncurrentAfterDays", days}, more...)...)
}

const neverVersioned = "ExpireNoncurrentAfterDays: bucket my-data was never versioned, so that nothing in it would expire; set Versioning to true"

// ruleTexts are the rules of ours in the bucket, whole.
func (w *bench) ruleTexts() string {
	var texts []string
	for _, r := range w.AWS.Snapshot().Buckets["my-data"].Lifecycle {
		if strings.HasPrefix(r.ID, "bucketuser-") {
			texts = append(texts, r.JSON)
		}
	}
	return strings.Join(texts, "\n")
}

// has fails the test unless a text holds others, and not those that start with "!".
func has(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if absent, isAbsent := strings.CutPrefix(part, "!"); isAbsent == strings.Contains(text, absent) {
			t.Errorf("%s\nhas, or lacks, %s", text, part)
		}
	}
}

// Row 42: a Create sets the rules, an Update changes them and takes them away; none of it touches the rule for uploads.
func TestRow42(t *testing.T) {
	for _, region := range regions {
		inRegion(t, region, func(w *bench) {
			p, q, off := expiring("30", "Versioning", "true"), expiring("1", "Versioning", "true"), with("Versioning", "true")
			w.history(create(p), create(p))
			rules := []string{`"ID":"bucketuser-abort-incomplete-uploads"`, `"ID":"bucketuser-expire-noncurrent-versions"`, `"ID":"bucketuser-expire-delete-markers"`,
				`"ExpiredObjectDeleteMarker":true`, `"DaysAfterInitiation":7`, `"Prefix":""`}
			has(t, w.ruleTexts(), append(rules, `"NoncurrentDays":30`)...)
			w.history(update(p, q, p))
			has(t, w.ruleTexts(), append(rules, `"NoncurrentDays":1`)...)
			w.history(update(q, off, q))
			has(t, w.ruleTexts(), "!expire", `"DaysAfterInitiation":7`)
			w.history(update(off, plus(p, "AbortIncompleteUploadsAfterDays", "0"), off))
			has(t, w.ruleTexts(), "!abort", `"NoncurrentDays":30`)
			w.AWS.PutObject("my-data", "data/x", "1")
			w.AWS.DeleteObject("my-data", "data/x")
			w.history(update(p, plus(p, "OnDelete", "Purge"), p), remove(plus(p, "OnDelete", "Purge")))
			w.empty()
		})
	}
}

// Row 42: refused where the bucket was never versioned, before anything is made or changed. Suspended is fine, as is Versioning
// in the same event, and what is in force already is not refused.
func TestRow42NeverVersioned(t *testing.T) {
	for _, region := range regions {
		for name, p := range map[string]sim.Properties{"absent": expiring("30"), "false": expiring("30", "Versioning", "false"), "hidden": expiring("30")} {
			t.Run(name+", "+region, func(t *testing.T) {
				inRegion(t, region, func(w *bench) {
					w.AWS.HiddenBuckets = name == "hidden"
					count := len(w.AWS.Calls())
					w.refused(w.play(create(p), nil).answer, neverVersioned)
					for _, c := range w.AWS.Calls()[count:] {
						if isWrite(c) {
							t.Errorf("%s", c)
						}
					}
					w.history(remove(p))
					w.empty()
					w.history(create(named))
					<-time.After(time.Hour)
					was := w.AWS.Snapshot()
					w.refused(w.play(update(named, p, named), nil).answer, neverVersioned)
					w.unchanged(was)
					w.history(update(named, named, p)) // its rollback
					w.refused(w.play(update(named, other(p), named), nil).answer, "my-data-2 was never versioned")
					w.history(update(named, named, other(p)))
					w.AWS.SetVersioning("my-data", "Suspended")
					<-time.After(time.Hour)
					w.history(update(named, p, named), update(p, plus(p, "ExpireNoncurrentAfterDays", "9"), p))
					w.AWS.SetVersioning("my-data", "") // another bucket, say
					<-time.After(time.Hour)
					w.history(update(p, plus(p, "Access", "Full"), p), update(p, plus(p, "ExpireNoncurrentAfterDays", "9"), p))
				})
			})
		}
	}
}

// Row 42: a rollback is never refused for it.
func TestRow42Rollback(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := expiring("30", "Versioning", "true")
		w.history(create(p), update(p, named, p))
		w.AWS.DeleteBucket("my-data") // by hand
		<-time.After(time.Hour)
		w.rollsBack(update(p, p, named))
		has(t, w.ruleTexts(), `"NoncurrentDays":30`)
	})
	inWorld(t, func(w *bench) {
		p, off := expiring("30"), with()
		w.history(create(named))
		w.AWS.SetVersioning("my-data", "Enabled")
		<-time.After(time.Hour)
		w.history(update(named, p, named), update(p, off, p))
		w.AWS.SetVersioning("my-data", "")
		<-time.After(time.Hour)
		w.rollsBack(update(p, p, off))
	})
}

// Row 42, law L4: versioning was turned on, by an Update or by hand, and does not show yet.
func TestRow42VersioningIsLate(t *testing.T) {
	on := with("Versioning", "true")
	for _, d := range []time.Duration{5 * time.Second, time.Minute} {
		inWorld(t, func(w *bench) {
			w.history(create(named))
			<-time.After(time.Hour)
			w.AWS.BucketLag = d
			w.history(update(named, on, named), update(on, named, on), update(named, expiring("30"), named))
		})
	}
	inWorld(t, func(w *bench) { // of a bucket that is about to be adopted, in the same template
		w.offer()
		<-time.After(time.Hour)
		w.AWS.BucketLag = 5 * time.Second
		w.AWS.SetVersioning("my-data", "Enabled")
		w.history(create(plus(retain, "ExpireNoncurrentAfterDays", "30")))
	})
}

// Row 42, law L1: the bucket that is to be adopted was made a moment ago, in the same template, and S3 does not know it yet.
func TestRow42AdoptedBucketIsNew(t *testing.T) {
	for _, what := range []awsfake.NewBuckets{awsfake.AllUnknown, awsfake.TagsUnknown, awsfake.SettingsUnknown} {
		for _, d := range []time.Duration{5 * time.Second, time.Minute} {
			inWorld(t, func(w *bench) {
				w.AWS.BucketPropagation, w.AWS.NewBuckets = d, what
				w.offer()
				w.AWS.SetVersioning("my-data", "Enabled")
				w.history(create(plus(retain, "ExpireNoncurrentAfterDays", "30")))
			})
		}
	}
}

// Row 42: where others forbid to read the versioning, nothing is refused.
func TestRow42MayNotBeRead(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(named))
		<-time.After(time.Hour)
		w.AWS.Before = forbids(byScp, "GetBucketVersioning")
		w.history(update(named, expiring("30"), named))
	})
}

// Row 42, A24 and law L11: in an adopted bucket the rules reach the prefix only, in the form of those that are there, in one
// where S3 may take no two of one prefix. They go along with it and go when it is let go of; those of its owner stay.
func TestRow42Adopted(t *testing.T) {
	for isOld, isStrict := range both(yesAndNo, yesAndNo) {
		inWorld(t, func(w *bench) {
			w.AWS.OneRulePerPrefix = isStrict
			w.offer()
			w.AWS.SetVersioning("my-data", "Enabled")
			w.rules(rule("theirs", "logs/", isOld))
			was := w.AWS.Snapshot().Buckets["my-data"].Lifecycle
			p := plus(retain, "ExpireNoncurrentAfterDays", "30", "AbortIncompleteUploadsAfterDays", "3")
			q := plus(p, "Prefix", "more/")
			w.history(create(p), create(p))
			has(t, w.ruleTexts(), `"Prefix":"data/"`, `"NoncurrentDays":30`, `"ExpiredObjectDeleteMarker":true`, `"DaysAfterInitiation":3`, `!"Prefix":""`)
			count := len(w.AWS.Calls())
			w.history(update(p, plus(p, "Trigger", "1"), p))
			for _, c := range w.AWS.Calls()[count:] {
				if c.Operation == "PutBucketLifecycleConfiguration" {
					t.Errorf("written again: %s", w.ruleTexts())
				}
			}
			w.history(update(p, q, p))
			has(t, w.ruleTexts(), `"Prefix":"more/"`, `!"Prefix":"data/"`)
			w.history(remove(q))
			now := w.AWS.Snapshot().Buckets["my-data"].Lifecycle
			if len(now) != 1 || now[0] != was[0] {
				t.Errorf("rules %+v, were %+v", now, was)
			}
		})
	}
}

// Row 42: an adoption is refused in words where the bucket was never versioned, and where a rule of the old form does the same.
func TestRow42AdoptionIsRefused(t *testing.T) {
	p := plus(retain, "ExpireNoncurrentAfterDays", "30")
	inWorld(t, func(w *bench) {
		w.offer()
		<-time.After(time.Hour)
		was := w.AWS.Snapshot()
		w.refused(w.play(create(p), nil).answer, neverVersioned)
		w.unchanged(was)
		w.history(create(plus(p, "Versioning", "true")))
	})
	for name, act := range map[string]func(*types.LifecycleRule){
		"objects": func(r *types.LifecycleRule) { r.Expiration = &types.LifecycleExpiration{Days: aws.Int32(30)} },
		"versions": func(r *types.LifecycleRule) {
			r.Expiration, r.NoncurrentVersionExpiration = nil, &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(3)}
		},
	} {
		for prefix, isOld := range both([]string{"", "data/", "data/x", "logs/"}, yesAndNo) {
			t.Run(name+" "+prefix, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.offer()
					w.AWS.SetVersioning("my-data", "Enabled")
					theirs := rule("theirs", prefix, isOld)
					act(&theirs)
					w.rules(theirs)
					a := w.play(create(p), nil).answer
					if !isOld || prefix == "logs/" {
						w.succeeded(a)
						return
					}
					w.refused(a, `its lifecycle rule "theirs" expires objects or versions under "`+prefix+`" already, and S3 takes no other beside it; leave ExpireNoncurrentAfterDays out`)
				})
			})
		}
	}
}

// Row 42: with Retain the rules of a bucket that we have made go as well.
func TestRow42Retain(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := expiring("30", "Versioning", "true", "OnDelete", "Retain")
		w.history(create(p))
		w.fill()
		w.history(remove(p))
		has(t, w.ruleTexts(), "!bucketuser")
	})
}

// doubted are the tags of a bucket replaced by a tool, and those of its owner put back by hand: it has lost the word that it was
// adopted, and the secret that it was made.
func (w *bench) doubted(p sim.Properties, things ...string) {
	<-time.After(time.Hour)
	w.loses(p, losses[0], things...)
	w.putsBack(p, things...)
	<-time.After(time.Hour)
}

// Row 42 and A24: the rules go along with the prefix also in a bucket that has lost the word that it was adopted. They would go on
// expiring its owner's versions under the prefix before.
func TestRow42PrefixOfADoubtedBucket(t *testing.T) {
	for _, isOld := range yesAndNo {
		inWorld(t, func(w *bench) {
			w.offer()
			w.AWS.SetVersioning("my-data", "Enabled")
			w.rules(rule("theirs", "logs/", isOld))
			p := plus(retain, "ExpireNoncurrentAfterDays", "30", "AbortIncompleteUploadsAfterDays", "3")
			q := plus(p, "Prefix", "more/")
			w.history(create(p))
			w.doubted(p, "bucket")
			w.history(update(p, q, p), update(p, q, p))
			has(t, w.ruleTexts(), `!"Prefix":"data/"`, `"Prefix":"more/"`, `"NoncurrentDays":30`, `"DaysAfterInitiation":3`)
			w.rollsBack(update(q, p, q))
			has(t, w.ruleTexts(), `"Prefix":"data/"`, `!"Prefix":"more/"`)
		})
	}
}

// Row 42 and law L11: in a bucket of which it is doubted that it was made, what stands in one rule of the old form with another of ours
// is taken out of that.
func TestRow42JoinedInADoubtedBucket(t *testing.T) {
	for _, isOld := range yesAndNo {
		inWorld(t, func(w *bench) {
			w.AWS.OneRulePerPrefix = true
			on := with("Versioning", "true")
			p := expiring("30", "Versioning", "true")
			w.history(create(on))
			theirs := rule("theirs", "logs/", isOld)
			theirs.Expiration, theirs.Transitions = nil, []types.Transition{{Days: aws.Int32(30), StorageClass: types.TransitionStorageClassGlacier}}
			w.rules(theirs)
			w.history(update(on, p, on))
			has(t, w.ruleTexts(), `"NoncurrentDays":30`)
			w.doubted(p, "bucket", "secret")
			w.history(update(p, on, p))
			has(t, w.ruleTexts(), "!NoncurrentDays", `!"ExpiredObjectDeleteMarker":true`, `"DaysAfterInitiation":7`)
		})
	}
}

// Row 42: rules that others forbid to take away go on expiring what is let go of: the log says to remove them.
func TestRow42RulesThatStay(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.offer()
		w.AWS.SetVersioning("my-data", "Enabled")
		p := plus(retain, "ExpireNoncurrentAfterDays", "30")
		w.history(create(p))
		<-time.After(time.Hour)
		w.AWS.Before = forbids(byScp, "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle")
		w.history(remove(p))
		has(t, w.Log.String(), "lifecycle rules: remove those that start with bucketuser-, which go on")
	})
}
