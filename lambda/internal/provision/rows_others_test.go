package provision_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// Stories of adoption and of hands of others that an attack on the code has found.

// An Update that comes once more is not forgiven what its rollback, which is under way by now, would be.
func TestRollbackIsAnotherEvent(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.offer("team", "web")
		w.history(create(retain))
		<-time.After(time.Hour)
		was := w.AWS.Snapshot()
		w.refused(w.play(update(retain, teamTag("data"), retain), nil).answer, "has the tag team=web")
		w.AWS.SetStackStatus(w.stackID, "UPDATE_ROLLBACK_IN_PROGRESS")
		w.becomes("UPDATE_IN_PROGRESS")
		w.refused(w.deliverLate("Update", w.idOf(retain), teamTag("data"), retain), "")
		w.unchanged(was)
	})
}

// teamTag are properties with one tag.
func teamTag(value string) sim.Properties {
	return plus(retain, "Tags", []any{map[string]any{"Key": "team", "Value": value}})
}

// A forward Update whose stack still shows the end of an earlier rollback (L5) is none.
func TestRollbackIsOverByNow(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(named))
		<-time.After(time.Hour)
		w.loses(named, losses[0], "bucket")
		w.AWS.SetStackStatus(w.stackID, "UPDATE_ROLLBACK_COMPLETE") // from an earlier update
		w.AWS.Before = w.later("UPDATE_IN_PROGRESS", 2)
		w.refused(w.play(update(named, with("Access", "ReadOnly"), named), nil).answer, "it lacks the tags")
	})
}

// Row 12: Versioning from absent to false does not suspend a bucket that was never versioned.
func TestRow12NeverVersioned(t *testing.T) {
	for _, isAdopted := range yesAndNo {
		inWorld(t, func(w *bench) {
			if isAdopted {
				w.offer()
			}
			off := plus(retain, "Versioning", "false")
			w.history(create(retain), update(retain, off, retain))
			if now := w.AWS.Snapshot().Buckets["my-data"].Versioning; now != "" {
				t.Errorf("adopted %v: versioning %q of a bucket that never had any", isAdopted, now)
			}
		})
	}
}

// Row 12: what is deleted in such a bucket leaves no delete marker that would keep it from being empty.
func TestRow12NeverVersionedStaysSimple(t *testing.T) {
	inWorld(t, func(w *bench) {
		off := with("Versioning", "false")
		w.history(create(named), update(named, off, named))
		w.AWS.PutObject("my-data", "data/x", "1")
		w.AWS.DeleteObject("my-data", "data/x")
		w.history(remove(off))
	})
}

// A24: another Prefix does not write the rules of an adopted bucket in which none of ours is asked for.
func TestA24PrefixWritesNoRules(t *testing.T) {
	for name, do := range map[string]func(w *bench){
		"a Deny":     func(w *bench) { w.addStatements(denying("s3:PutLifecycleConfiguration", "arn:aws:s3:::my-data")) },
		"calls only": func(w *bench) { w.rules(rule("theirs", "logs/", false)) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.offer()
				w.history(create(retain))
				do(w)
				<-time.After(time.Hour)
				count := len(w.AWS.Calls())
				a := w.play(update(retain, plus(retain, "Prefix", "logs/"), retain), nil).answer
				for _, c := range w.AWS.Calls()[count:] {
					if strings.Contains(c.Operation, "Lifecycle") && !strings.HasPrefix(c.Operation, "Get") {
						t.Errorf("%s", c.Operation)
					}
				}
				w.succeeded(a)
			})
		})
	}
}

// Row 12: a tag that the owner had with the value of Tags is not changed by a later Update.
func TestRow12FoundTagIsNotChanged(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.offer("team", "web")
		w.history(create(teamTag("web")))
		<-time.After(time.Hour)
		w.refused(w.play(update(teamTag("web"), teamTag("data"), teamTag("web")), nil).answer, "has the tag team=web")
		w.keepsTags(w.AWS.Snapshot().Buckets["my-data"].Tags, "team", "web")
	})
}

// Row 12: a tag that an Update names newly is the owner's if it was there with this value, and ours if it was
// not; a second delivery of the Update knows which.
func TestRow12NewTagIsThere(t *testing.T) {
	for name, isOwners := range map[string]bool{"of the owner": true, "ours": false} {
		for deliveries := 1; deliveries <= 3; deliveries++ {
			t.Run(fmt.Sprintf("%s, delivered %d times", name, deliveries), func(t *testing.T) {
				inWorld(t, func(w *bench) { w.namesNewTag(isOwners, deliveries) })
			})
		}
	}
}

// namesNewTag has an Update name a tag newly, whosever it is, and looks what the release of the bucket leaves.
func (w *bench) namesNewTag(isOwners bool, deliveries int) {
	w.t.Helper()
	w.offer()
	w.history(create(retain))
	if isOwners {
		w.AWS.TagBucket("my-data", map[string]string{"team": "data"})
	}
	<-time.After(time.Hour)
	id := w.idOf(retain)
	url := w.begin("Update", id, teamTag("data"), retain)
	for range deliveries {
		w.succeeded(w.answered(w.AWS.Session("provider"), url, "Update", id, teamTag("data"), retain))
	}
	<-time.After(time.Hour)
	moved := plus(teamTag("data"), "Prefix", "logs/")
	w.history(update(teamTag("data"), moved, teamTag("data")), remove(moved))
	if got := w.AWS.Snapshot().Buckets["my-data"].Tags["team"]; (got == "data") != isOwners {
		w.t.Errorf("left team=%q", got)
	}
}

// Row 12: a tag that an Update takes out of Tags, and the next one names again, is ours, also where a read shows it
// as of before.
func TestRow12NewTagIsThereNoMore(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.AWS.History = staleness
		w.offer()
		w.history(create(teamTag("data")), update(teamTag("data"), retain, teamTag("data")))
		isStale := false
		w.AWS.Before = oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if behind := w.Writes(c); c.Operation == "GetBucketTagging" && len(behind) > 0 && !isStale {
				isStale = true
				return awsfake.Stale(behind[0])
			}
			return awsfake.Decision{}
		})
		w.history(update(retain, teamTag("data"), retain))
		if !isStale {
			t.Error("no read was stale")
		}
		<-time.After(time.Hour)
		w.history(remove(teamTag("data")))
		if got := w.AWS.Snapshot().Buckets["my-data"].Tags["team"]; got != "" {
			t.Errorf("left team=%q", got)
		}
	})
}

// Row 11: a Deny of listing does not keep a Delete with Retain from ending.
func TestRow11MayNotBeListed(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(retain))
		w.AWS.PutObject("my-data", "data/x", "1")
		w.addStatements(denying("s3:ListBucketVersions", "arn:aws:s3:::my-data"))
		<-time.After(time.Hour)
		w.history(remove(retain), remove(retain))
		w.isGone(retain, "secret", "user")
	})
}

// Row 16: a policy of the secret that denies its value does not keep a Delete from ending.
func TestRow16ValueIsDeniedByOthers(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := with("SecretRecoveryDays", "7")
		w.history(create(p))
		<-time.After(time.Hour)
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "GetSecretValue" {
				return awsfake.Refuse(&awsfake.Error{Status: 400, Code: "AccessDeniedException", Message: "User: arn:aws:sts::123456789012:assumed-role/provider/x is not authorized to perform: " +
					"secretsmanager:GetSecretValue on resource: clickhouse/s3 with an explicit deny in a resource-based policy"})
			}
			return awsfake.Decision{}
		}
		w.succeeded(w.play(remove(p), nil).answer)
	})
}

// Row 45: an Update back that writes the marker of its own set takes no object of that key out of the other bucket.
func TestRow45MarkerOfAnotherBucket(t *testing.T) {
	inWorld(t, func(w *bench) {
		old := other(retain)
		w.offer()
		w.AWS.PutObject("my-data", "data/", "of its owner")
		w.history(create(old))
		<-time.After(time.Hour)
		w.killedAfter("CreateAccessKey", update(old, retain, old))
		w.AWS.DeleteObject("my-data-2", "data/") // by hand, or by a tool that cleans up
		<-time.After(20 * time.Minute)
		w.history(update(retain, old, retain))
		if w.AWS.Snapshot().Buckets["my-data"].Objects["data/"] == nil {
			t.Error("the owner's object is gone")
		}
	})
}

// Row 31: a property that says what is so already does not hide that a lost bucket would be changed.
func TestRow31SaysWhatIsSo(t *testing.T) {
	for name, more := range map[string][]any{"versioning": {"Versioning", "false"}, "uploads": {"AbortIncompleteUploadsAfterDays", "7"}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.history(create(named))
				<-time.After(time.Hour)
				w.loses(named, losses[0], "bucket")
				w.refused(w.play(update(named, plus(with("Access", "ReadOnly"), more...), named), nil).answer, "it lacks the tags")
			})
		})
	}
}

// Row 12: an Update takes over a released bucket of somebody with the checks of an adoption.
func TestRow12UpdateAdoptsNothingUnchecked(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(teamTag("data")))
		w.AWS.DeleteBucket("my-data") // by hand; somebody makes another, and offers it
		<-time.After(time.Hour)
		w.offer("team", "web")
		w.AWS.SetPublicAccessBlock("my-data", false)
		<-time.After(time.Hour)
		w.refused(w.play(update(teamTag("data"), plus(teamTag("data"), "Trigger", "1"), teamTag("data")), nil).answer, "does not block all public access")
		w.keepsTags(w.AWS.Snapshot().Buckets["my-data"].Tags, "team", "web")
	})
}

// Row 16: the second attempt to give up a KMS key leaves the key in use.
func TestRow16SecondAttemptToGiveUpAKmsKey(t *testing.T) {
	inWorld(t, func(w *bench) {
		p, q := with("SecretKmsKeyId", "alias/a"), with("SecretKmsKeyId", "alias/b")
		w.history(create(p))
		id := w.value(p)["AWS_ACCESS_KEY_ID"]
		<-time.After(time.Hour)
		w.AWS.SetKmsKeyUsable("alias/a", false)
		w.killedAfter("CreateAccessKey", update(p, q, p))
		<-time.After(time.Hour)
		w.rollsBack(update(p, p, q))
		<-time.After(time.Hour)
		w.AWS.SetStackStatus(w.stackID, "UPDATE_IN_PROGRESS")
		w.history(update(p, q, p))
		for _, key := range w.AWS.Snapshot().Users["clickhouse"].Keys {
			if key.ID == id {
				return
			}
		}
		t.Errorf("the key that consumers have is gone: %+v", w.AWS.Snapshot().Users["clickhouse"].Keys)
	})
}

// Row 11: a removal that others forbid does not let go of a bucket that somebody else has made since.
func TestRow11LetsGoOfNoStranger(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(named))
		<-time.After(time.Hour)
		theirs := map[string]string{"bucketuser:owner": "Other-v1-x", "bucketuser:stack-id": stackID + "x", "bucketuser:logical-id": "Other", "team": "web"}
		w.at("DeleteBucket", func() { // another delivery was faster, and somebody has made one of that name
			w.AWS.DeleteBucket("my-data")
			w.AWS.AddBucket("my-data", theirs)
			w.others("2012-10-17", denying("s3:DeleteBucket", "arn:aws:s3:::my-data"))
		})
		w.history(remove(named))
		for key, value := range theirs {
			w.keepsTags(w.AWS.Snapshot().Buckets["my-data"].Tags, key, value)
		}
	})
}

// Row 12: of a bucket that an earlier version adopted, which noted nothing, the release leaves all tags.
func TestRow12TagsOfAnEarlierVersion(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.offer("team", "web")
		w.history(create(teamTag("web")))
		tags := w.AWS.Snapshot().Buckets["my-data"].Tags
		delete(tags, "bucketuser:found-tags")
		w.AWS.SetBucketTags("my-data", tags)
		<-time.After(time.Hour)
		w.history(remove(teamTag("web")))
		w.keepsTags(w.AWS.Snapshot().Buckets["my-data"].Tags, "team", "web")
	})
}

// A forward Update that narrows Access is refused, and not left, under the status of an earlier rollback.
func TestRollbackIsOverByNowForAccess(t *testing.T) {
	inWorld(t, func(w *bench) {
		full := plus(retain, "Access", "Full")
		w.history(create(full))
		w.addOther("gone")
		w.addStatements(allowing("TheirBackup", "gone"))
		w.AWS.DeleteUser("gone")
		<-time.After(time.Hour)
		w.AWS.SetStackStatus(w.stackID, "UPDATE_ROLLBACK_COMPLETE")
		w.AWS.Before = w.later("UPDATE_IN_PROGRESS", 2)
		w.refused(w.play(update(full, plus(retain, "Access", "ReadOnly"), full), nil).answer, "names AIDA")
	})
}

// Row 16: so it is beside a key that somebody has made by hand.
func TestRow16KeyByHand(t *testing.T) {
	inWorld(t, func(w *bench) {
		p, q := with("SecretKmsKeyId", "alias/a"), with("SecretKmsKeyId", "alias/b")
		w.history(create(p))
		id := w.value(p)["AWS_ACCESS_KEY_ID"]
		<-time.After(time.Hour)
		w.AWS.AddKey("clickhouse")
		<-time.After(time.Hour)
		w.AWS.SetKmsKeyUsable("alias/a", false)
		w.history(update(p, q, p))
		for _, key := range w.AWS.Snapshot().Users["clickhouse"].Keys {
			if key.ID == id {
				return
			}
		}
		t.Errorf("the key that consumers have is gone: %+v", w.AWS.Snapshot().Users["clickhouse"].Keys)
	})
}

// Row 12, law L4: the first answer about the switches of a bucket is from before its owner has set them.
func TestRow12SwitchesAreLate(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.offer()
		var n atomic.Int32
		w.AWS.Before = func(_ context.Context, c awsfake.Call) awsfake.Decision {
			if c.Operation == "GetPublicAccessBlock" && n.Add(1) == 1 {
				return awsfake.Refuse(&awsfake.Error{Status: 404, Code: "NoSuchPublicAccessBlockConfiguration", Message: "The public access block configuration was not found"})
			}
			return awsfake.Decision{}
		}
		w.succeeded(w.play(create(retain), nil).answer)
	})
}

// Row 12: a rollback leaves a tag that the owner has set meanwhile.
func TestRow12RollbackLeavesATag(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.offer()
		w.history(create(teamTag("data")), update(teamTag("data"), retain, teamTag("data")))
		w.AWS.TagBucket("my-data", map[string]string{"team": "web"})
		<-time.After(time.Hour)
		w.rollsBack(update(retain, teamTag("data"), retain))
		w.keepsTags(w.AWS.Snapshot().Buckets["my-data"].Tags, "team", "web")
	})
}

// Row 12: a rollback that names tags again which the refused Update never took off notes none of them as the owner's.
func TestRow12RollbackFindsItsOwnTags(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.offer()
		w.history(create(teamTag("data")))
		<-time.After(time.Hour)
		w.AWS.Before = forbids(byScp, "PutBucketPolicy")
		without := plus(retain, "Access", "ReadOnly")
		w.refused(w.play(update(teamTag("data"), without, teamTag("data")), nil).answer, "others forbid it")
		w.AWS.Before = nil
		start := time.Now()
		w.rollsBack(update(without, teamTag("data"), without))
		if took := time.Since(start); took > time.Minute {
			t.Errorf("took %v", took)
		}
		<-time.After(time.Hour)
		w.AWS.SetStackStatus(w.stackID, "UPDATE_IN_PROGRESS")
		w.history(update(teamTag("data"), teamTag("web"), teamTag("data")), remove(teamTag("web")))
		if got := w.AWS.Snapshot().Buckets["my-data"].Tags["team"]; got != "" {
			t.Errorf("left team=%q", got)
		}
	})
}

// Row 12: where an earlier version has noted nothing, an Update that names tags newly does not look for them, and is not refused for a
// note that it does not write.
func TestRow12NewTagsOfAnEarlierVersion(t *testing.T) {
	inWorld(t, func(w *bench) {
		var pairs []string
		var named []any
		for _, key := range []string{strings.Repeat("a", 120), strings.Repeat("b", 120), strings.Repeat("c", 120)} {
			pairs, named = append(pairs, key, "1"), append(named, map[string]any{"Key": key, "Value": "1"})
		}
		w.offer(pairs...)
		w.history(create(retain))
		tags := w.AWS.Snapshot().Buckets["my-data"].Tags
		delete(tags, "bucketuser:found-tags")
		w.AWS.SetBucketTags("my-data", tags)
		<-time.After(time.Hour)
		start := time.Now()
		w.history(update(retain, plus(retain, "Tags", named), retain))
		if took := time.Since(start); took > time.Minute {
			t.Errorf("took %v", took)
		}
	})
}
