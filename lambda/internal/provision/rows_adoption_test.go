package provision_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// A bucket of somebody is adopted, or refused in words before anything is made. What he has set stays.

// retain adopts a bucket that was released.
var retain = with("OnDelete", "Retain")

// offer makes a bucket of somebody who offers it.
func (w *bench) offer(pairs ...string) {
	w.t.Helper()
	tags := map[string]string{"bucketuser:owner": "released"}
	for i := 0; i < len(pairs); i += 2 {
		tags[pairs[i]] = pairs[i+1]
	}
	w.AWS.AddBucket("my-data", tags)
	w.AWS.SetPublicAccessBlock("my-data", true)
}

// others has somebody write a policy of a version, with statements.
func (w *bench) others(version string, statements ...string) {
	w.t.Helper()
	if version != "" {
		version = `"Version":"` + version + `",`
	}
	if err := w.AWS.SetBucketPolicy("my-data", `{`+version+`"Id":"theirs","Statement":[`+strings.Join(statements, ",")+`]}`); err != nil {
		w.t.Fatal(err)
	}
}

// allowing is a statement of others for a user.
func allowing(sid, user string) string {
	return fmt.Sprintf(`{"Sid":%q,"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/%s"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::my-data/*"}`, sid, user)
}

// denying is a statement of others that denies an action to everybody.
func denying(action, resource string) string {
	return fmt.Sprintf(`{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":%q,"Resource":%q}`, action, resource)
}

// addOther makes a user of others, whom S3 knows.
func (w *bench) addOther(name string) {
	w.AWS.AddUser(name, "/", nil)
	<-time.After(time.Hour)
}

// withGone has somebody write a statement for a user who is gone afterwards.
func (w *bench) withGone() {
	w.t.Helper()
	w.addOther("gone")
	w.others("2012-10-17", allowing("TheirBackup", "gone"))
	w.AWS.DeleteUser("gone")
}

// rule is a rule of others, in either form.
func rule(id, prefix string, isOld bool) types.LifecycleRule {
	r := types.LifecycleRule{ID: &id, Status: types.ExpirationStatusEnabled, Expiration: &types.LifecycleExpiration{Days: aws.Int32(30)}}
	if isOld {
		//lint:ignore SA1019 deprecated, and in many a bucket
		r.Prefix = &prefix
	} else {
		r.Filter = &types.LifecycleRuleFilter{Prefix: &prefix}
	}
	return r
}

func (w *bench) rules(rules ...types.LifecycleRule) {
	w.t.Helper()
	if err := w.AWS.SetLifecycle("my-data", rules); err != nil {
		w.t.Fatal(err)
	}
}

// statementsWith is the property Statements with a condition on a value.
func statementsWith(value string) []any {
	return []any{map[string]any{"Effect": "Deny", "Action": "s3:GetObjectTagging",
		"Condition": map[string]any{"StringNotEquals": map[string]any{"aws:username": value}}}}
}

// An unadoptable is a bucket that cannot be adopted with properties, and how that is refused.
type unadoptable struct {
	p     sim.Properties
	offer func(w *bench)
	want  string
}

func unadoptables() map[string]unadoptable {
	return map[string]unadoptable{
		"no public access block": {retain, func(w *bench) { w.offer(); w.AWS.RemovePublicAccessBlock("my-data") }, "does not block all public access"},
		"a switch is off":        {retain, func(w *bench) { w.offer(); w.AWS.SetPublicAccessBlock("my-data", false) }, "does not block all public access"},
		"SSE-KMS":                {retain, func(w *bench) { w.offer(); w.AWS.SetEncryption("my-data", "aws:kms") }, "encrypts with SSE-KMS by default (aws:kms)"},
		"DSSE-KMS":               {retain, func(w *bench) { w.offer(); w.AWS.SetEncryption("my-data", "aws:kms:dsse") }, "encrypts with SSE-KMS by default (aws:kms:dsse)"},
		"ABAC":                   {retain, func(w *bench) { w.offer(); w.AWS.SetAbac("my-data", true) }, "has attribute-based access control (ABAC) on"},
		"too many tags":          {retain, func(w *bench) { w.offer(manyTags(46)...) }, "tags, and S3 allows 50"},
		"a tag of another value": {teamTag("data"), func(w *bench) { w.offer("team", "web") }, "has the tag team=web, and Tags would change it"},
		"a user who is gone":     {retain, func(w *bench) { w.offer(); w.withGone() }, "statement TheirBackup of others names AIDA"},
		"a full policy": {retain, func(w *bench) {
			w.offer()
			w.others("2012-10-17", denying("s3:DeleteBucket", "arn:aws:s3:::my-data"), strings.Replace(denying("s3:PutObject", "arn:aws:s3:::my-data/"+strings.Repeat("x", 19900)), "Theirs", "More", 1))
		}, "S3 allows 20480"},
		"a policy of 2008": {plus(retain, "Statements", statementsWith("${aws:username}")), func(w *bench) {
			w.offer()
			w.others("2008-10-17", denying("s3:DeleteBucket", "arn:aws:s3:::my-data"))
		}, `in version "2008-10-17", in which the ${…} of Statements is text`},
		"a policy without a version": {plus(retain, "Statements", statementsWith("${aws:username}")), func(w *bench) {
			w.offer()
			w.others("", denying("s3:DeleteBucket", "arn:aws:s3:::my-data"))
		}, `in which the ${…} of Statements is text`},
		"a rule that does the same": {plus(retain, "AbortIncompleteUploadsAfterDays", "3"), func(w *bench) {
			w.offer()
			theirs := rule("theirs", "", true)
			theirs.AbortIncompleteMultipartUpload = &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(5)}
			theirs.Expiration = nil
			w.rules(theirs)
		}, `its lifecycle rule "theirs" aborts unfinished uploads under "" already`},
		"a Sid of ours": {plus(retain, "Statements", statementsWith("x")), func(w *bench) {
			w.offer()
			w.others("2012-10-17", strings.Replace(denying("s3:DeleteBucket", "arn:aws:s3:::my-data"), "Theirs", "BucketUserStatement1", 1))
		}, "a statement of others has the Sid BucketUserStatement1"},
		"of a live resource": {retain, func(w *bench) {
			w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "Other-v1-x", "bucketuser:stack-id": stackID + "x", "bucketuser:logical-id": "Other"})
		}, "does not belong to this resource, but to resource Other of stack " + stackID + "x; choose another BucketName"},
	}
}

// What cannot be adopted is refused in words, and nothing is made: law L14, and tags.
func TestAdoptionIsRefusedInWords(t *testing.T) {
	refusedInWords(t, "ABAC", "too many tags", "a tag of another value", "a full policy", "a Sid of ours", "a rule that does the same")
}

// Row 10, law L9.
func TestRow10AdoptionIsRefused(t *testing.T) { refusedInWords(t, "a user who is gone") }

// Row 12: whether the public may come in its owner decides.
func TestRow12AdoptionIsRefused(t *testing.T) {
	refusedInWords(t, "no public access block", "a switch is off")
}

// Row 20, law L13.
func TestRow20(t *testing.T) { refusedInWords(t, "a policy of 2008", "a policy without a version") }

// Row 23: the refusal names the resource, without the advice that would take the bucket away from it.
func TestRow23(t *testing.T) { refusedInWords(t, "of a live resource") }

// Row 26.
func TestRow26(t *testing.T) { refusedInWords(t, "SSE-KMS", "DSSE-KMS") }

// refusedInWords has a Create and a replacement find such a bucket. The old set of the replacement stays in force.
func refusedInWords(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		test, isThere := unadoptables()[name]
		if !isThere {
			t.Fatalf("no bucket %q", name)
		}
		for region, isReplacement := range both(regions, yesAndNo) {
			t.Run(name, func(t *testing.T) {
				inRegion(t, region, func(w *bench) {
					test.offer(w)
					w.cannotAdopt(test, isReplacement)
				})
			})
		}
	}
}

func (w *bench) cannotAdopt(test unadoptable, isReplacement bool) {
	w.t.Helper()
	if !isReplacement {
		was := w.AWS.Snapshot()
		w.saysNone(w.refused(w.play(create(test.p), nil).answer, test.want), "bucketuser:owner=released")
		w.unchanged(was)
		w.history(remove(test.p))
		w.unchanged(was)
		return
	}
	old := other(retain)
	w.history(create(old))
	was := w.AWS.Snapshot()
	w.saysNone(w.refused(w.play(update(old, test.p, old), nil).answer, test.want), "bucketuser:owner=released")
	w.unchanged(was)
	w.history(update(test.p, old, test.p))
	w.unchanged(was, ignoreLastEvent)
}

// manyTags are pairs of keys and values.
func manyTags(n int) (pairs []string) {
	for i := range n {
		pairs = append(pairs, fmt.Sprintf("theirs-%02d", i), "1")
	}
	return pairs
}

// ownership is what an adoption adds to the tags of a bucket, and a release leaves.
var ownership = cmpopts.IgnoreMapEntries(func(key, _ string) bool { return strings.HasPrefix(key, "bucketuser:") })

// asFound compares a bucket with what was found, but for objects: the folder marker may stay.
func (w *bench) asFound(was awsfake.Snapshot) {
	w.t.Helper()
	now := w.AWS.Snapshot().Buckets["my-data"]
	if diff := cmp.Diff(was.Buckets["my-data"], now, ownership, cmpopts.IgnoreFields(awsfake.Bucket{}, "Objects"), cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("bucket (-before +after)\n%s", diff)
	}
	if now.Tags["bucketuser:owner"] != "released" {
		w.t.Errorf("tags: %v", now.Tags)
	}
}

// full gives the bucket everything that others may put there and that can be adopted.
func (w *bench) full(isOld bool) {
	w.t.Helper()
	w.offer(append(manyTags(30), "team", "data")...)
	w.AWS.SetVersioning("my-data", "Enabled")
	w.rules(rule("theirs", "logs/", isOld), rule("", "tmp/", isOld))
	w.addOther("reader")
	version := "2012-10-17"
	if isOld {
		version = "2008-10-17"
	}
	w.others(version, allowing("BucketUsersReadOnly", "reader"), allowing("BucketUserStatement7", "reader"), allowing("BucketUserBucketReaders", "reader"),
		denying("s3:DeleteBucket", "arn:aws:s3:::my-data"), strings.Replace(denying("s3:PutObject", "arn:aws:s3:::my-data/private/*"), "Theirs", "Private", 1))
	w.AWS.PutObject("my-data", "data/", "")
	w.AWS.PutObject("my-data", "private/x", "1")
}

// Rows 12, 13 and 14, A24 and A30, law L11: a bucket with everything on it is adopted, used, updated, rolled back and
// released, and is as it was.
func TestAdoptionLeavesWhatWasFound(t *testing.T) {
	long(t)
	tags := []any{map[string]any{"Key": "team", "Value": "data"}, map[string]any{"Key": "cost", "Value": "1"}}
	for _, isOld := range yesAndNo {
		for name, p := range map[string]sim.Properties{
			"by default": retain,
			"with all":   plus(retain, "Tags", tags, "AbortIncompleteUploadsAfterDays", "3", "Statements", statementsWith("x"), "FolderMarker", "false"),
		} {
			for region, ends := range both(regions, []string{"released", "update", "rollback", "undone"}) {
				t.Run(fmt.Sprintf("%s, %v, %s", name, isOld, ends), func(t *testing.T) {
					inRegion(t, region, func(w *bench) {
						w.full(isOld)
						w.adoptsAndLetsGo(p, tags, ends)
					})
				})
			}
		}
	}
}

// adoptsAndLetsGo adopts the bucket that is there, and lets go of it in a way.
func (w *bench) adoptsAndLetsGo(p sim.Properties, tags []any, ends string) {
	w.t.Helper()
	was := w.AWS.Snapshot()
	if ends == "undone" {
		w.AWS.Before = deny("CreateAccessKey")
		w.refused(w.play(create(p), nil).answer, "AccessDenied")
		w.AWS.Before = nil
		w.unchangedButTags(was)
		return
	}
	w.history(create(p))
	now := w.AWS.Snapshot().Buckets["my-data"]
	if now.Versioning != "Enabled" || now.Tags["theirs-00"] != "1" || len(now.Lifecycle) < 2 {
		w.t.Errorf("adopted: %+v", now)
	}
	w.AWS.PutObject("my-data", "data/x", "1")
	<-time.After(time.Hour)
	changed := plus(p, "Access", "Full", "AbortIncompleteUploadsAfterDays", "9", "Tags", append(tags[1:], map[string]any{"Key": "more", "Value": "2"}), "Prefix", "other/")
	switch ends {
	case "update":
		w.history(update(p, changed, p), remove(changed))
	case "rollback":
		w.history(update(p, changed, p), update(p, p, changed), remove(p))
	default: // at once, as CloudFormation does where a sibling has failed
		w.history(remove(p))
	}
	w.asFound(was)
}

// unchangedButTags fails the test unless the account is as it was, but for the tags of a release.
func (w *bench) unchangedButTags(was awsfake.Snapshot) {
	w.t.Helper()
	w.unchanged(was, ownership, cmpopts.EquateEmpty())
}

// Row 45: an adoption that fails takes its folder marker along, in the version that it wrote, and no other.
func TestRow45(t *testing.T) {
	for _, state := range []string{"", "Enabled", "Suspended"} {
		for name, before := range map[string]func(w *bench){
			"none": func(*bench) {},
			"there": func(w *bench) {
				w.AWS.PutObject("my-data", "data/", "")
			},
			"deleted before": func(w *bench) {
				w.AWS.PutObject("my-data", "data/", "")
				w.AWS.DeleteObject("my-data", "data/")
			},
		} {
			for region, operation := range both(regions, []string{"CreateAccessKey", "PutSecretValue"}) {
				t.Run(state+" "+name, func(t *testing.T) {
					inRegion(t, region, func(w *bench) {
						w.offer()
						w.AWS.SetVersioning("my-data", state)
						before(w)
						was := w.AWS.Snapshot()
						w.AWS.Before = deny(operation)
						w.refused(w.play(create(retain), nil).answer, "AccessDenied")
						w.AWS.Before = nil
						if state == "Suspended" && name == "deleted before" {
							return // the marker has taken the place of the delete marker: both are the version "null"
						}
						w.unchangedButTags(was)
					})
				})
			}
		}
	}
}

// ourRules are those of ours that the bucket has.
func (w *bench) ourRules() string {
	var ours []string
	for _, r := range w.AWS.Snapshot().Buckets["my-data"].Lifecycle {
		if r.ID == spec.AbortUploadsRuleID {
			ours = append(ours, r.JSON)
		}
	}
	return strings.Join(ours, " ")
}

// hasRule fails the test unless the only rule of ours has all the texts; none: there is none.
func (w *bench) hasRule(texts ...string) {
	w.t.Helper()
	got := w.ourRules()
	if len(texts) == 0 && got != "" {
		w.t.Errorf("our rule: %s", got)
	}
	for _, text := range texts {
		if !strings.Contains(got, text) {
			w.t.Errorf("our rule: %s, want %s", got, text)
		}
	}
}

// A24: in an adopted bucket our rule reaches the prefix only, and there is none unless it is asked for.
func TestA24(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.adopts(retain)
		w.hasRule()
		three := plus(retain, "AbortIncompleteUploadsAfterDays", "3", "Prefix", "logs/")
		w.history(update(retain, three, retain))
		w.hasRule(`"Prefix":"logs/"`, `"DaysAfterInitiation":3`)
		moved := plus(three, "Prefix", "other/")
		w.history(update(three, moved, three))
		w.hasRule(`"Prefix":"other/"`, `"DaysAfterInitiation":3`)
		w.history(update(moved, retain, moved))
		w.hasRule()
	})
}

// A24: the rule of an earlier version goes with the next Update.
func TestA24OfAnEarlierVersion(t *testing.T) {
	for _, m := range everyMaking(t) {
		if m.isAdopted && m.before != nil {
			inRegion(t, m.region, func(w *bench) {
				m.make(w)
				w.history(update(m.p, m.p, m.p))
				w.hasRule()
			})
		}
	}
}

// Row 13, law L11: our rule has the form of the rules that are there. With the last of them gone it has either.
func TestRow13(t *testing.T) {
	for _, isOld := range yesAndNo {
		inWorld(t, func(w *bench) {
			three := plus(retain, "AbortIncompleteUploadsAfterDays", "3")
			nine := plus(retain, "AbortIncompleteUploadsAfterDays", "9")
			w.offer()
			w.rules(rule("theirs", "logs/", isOld))
			was := w.AWS.Snapshot()
			w.history(create(three), update(three, nine, three))
			w.hasRule(`"DaysAfterInitiation":9`)
			w.history(remove(nine))
			w.asFound(was)
		})
	}
}

// Row 14: a statement of others whose Sid starts like ours stays.
func TestRow14(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.offer()
		w.addOther("reader")
		w.others("2012-10-17", allowing("BucketUsersReadOnly", "reader"))
		was := w.AWS.Snapshot()
		w.history(create(retain), update(retain, plus(retain, "Access", "Full"), retain), remove(plus(retain, "Access", "Full")))
		w.asFound(was)
	})
}

// A30: of statements that start like ours those are ours that have an exact Sid of ours, and the numbered ones whose
// Principal is our user or one who is gone.
func TestA30(t *testing.T) {
	inWorld(t, func(w *bench) {
		p := plus(retain, "Statements", statementsWith("x"))
		w.offer()
		w.addOther("reader")
		w.others("2012-10-17", allowing("BucketUsersReadOnly", "reader"), allowing("BucketUserStatement7", "reader"), allowing("BucketUserStatements", "reader"), allowing("BucketUserStatement", "reader"))
		w.history(create(p), update(p, retain, p))
		for _, sid := range []string{"BucketUsersReadOnly", `"BucketUserStatement7"`, "BucketUserStatements", `"BucketUserStatement"`} {
			if !strings.Contains(w.AWS.Snapshot().Buckets["my-data"].Policy, sid) {
				t.Errorf("%s is gone", sid)
			}
		}
		if strings.Contains(w.AWS.Snapshot().Buckets["my-data"].Policy, `"BucketUserStatement1"`) {
			t.Error("our own has stayed")
		}
		w.AWS.DeleteUser("clickhouse")
		w.history(update(retain, p, retain), remove(p))
		if policy := w.AWS.Snapshot().Buckets["my-data"].Policy; strings.Contains(policy, "AIDA") || strings.Contains(policy, "BucketUserObjects") {
			t.Errorf("left: %s", policy)
		}
	})
}

// An obstacle is what somebody does to a bucket that is in use.
type obstacle struct {
	name    string
	do      func(w *bench)
	changed sim.Properties // an Update that it is in the way of
	refused string         // how that is refused; "": it is not

	isBefore bool // it has no room behind such an Update
}

func obstacles(t *testing.T) []obstacle {
	t.Helper()
	return []obstacle{
		{"a principal who is gone", func(w *bench) {
			w.addOther("gone")
			w.addStatements(allowing("TheirBackup", "gone"))
			w.AWS.DeleteUser("gone")
		},
			plus(retain, "Access", "Full"), "statement TheirBackup of others names AIDA", false},
		{"ABAC", func(w *bench) { w.AWS.SetAbac("my-data", true) }, teamTag("data"), "tags of bucket my-data", false},
		{"a Deny of policies", func(w *bench) { w.addStatements(denying("s3:PutBucketPolicy", "arn:aws:s3:::my-data")) }, plus(retain, "Access", "Full"), "policy of bucket my-data", false},
		{"a Deny of reading the policy", func(w *bench) { w.addStatements(denying("s3:GetBucketPolicy", "arn:aws:s3:::my-data")) }, plus(retain, "Access", "Full"), "policy of bucket my-data", false},
		{"a Deny of rules", func(w *bench) { w.addStatements(denying("s3:PutLifecycleConfiguration", "arn:aws:s3:::my-data")) }, plus(retain, "AbortIncompleteUploadsAfterDays", "3"), "lifecycle of bucket my-data", false},
		{"a Deny of versioning", func(w *bench) { w.addStatements(denying("s3:PutBucketVersioning", "arn:aws:s3:::my-data")) }, plus(retain, "Versioning", "true"), "versioning of bucket my-data", false},
		{"a Deny of objects", func(w *bench) { w.addStatements(denying("s3:PutObject", "arn:aws:s3:::my-data/*")) }, plus(retain, "Prefix", "logs/"), "", false},
		{"a Deny of deleting", func(w *bench) { w.addStatements(denying("s3:DeleteObject*", "arn:aws:s3:::my-data/*")) }, plus(retain, "Prefix", "logs/"), "", false},
		{"a full policy", func(w *bench) {
			w.addStatements(denying("s3:GetObjectTagging", "arn:aws:s3:::my-data/"+strings.Repeat("x", 17500)))
		},
			plus(retain, "Statements", statementsWith(strings.Repeat("x", 2300))), "S3 allows 20480", true},
		{"a Sid of ours", func(w *bench) {
			w.addStatements(strings.Replace(denying("s3:DeleteBucketWebsite", "arn:aws:s3:::my-data"), "Theirs", "BucketUserStatement1", 1))
		},
			plus(retain, "Statements", statementsWith("x")), "has the Sid BucketUserStatement1", true},
		{"retention", func(w *bench) { w.AWS.SetVersioning("my-data", "Enabled"); w.AWS.SetDefaultRetention("my-data", 365) }, plus(retain, "Prefix", "logs/"), "", false},
		{"MFA delete", func(w *bench) {
			w.AWS.SetVersioning("my-data", "Enabled")
			w.rules()
			must(w.t, w.AWS.SetMFADelete("my-data", true))
		}, plus(retain, "Versioning", "false"), "versioning of bucket my-data", false},
	}
}

func must(t interface{ Fatal(...any) }, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

// addStatements adds statements of others to the policy of the bucket.
func (w *bench) addStatements(statements ...string) {
	w.t.Helper()
	document := w.AWS.Snapshot().Buckets["my-data"].Policy
	if document == "" {
		w.others("2012-10-17", statements...)
		return
	}
	document = strings.Replace(document, `"Statement":[`, `"Statement":[`+strings.Join(statements, ",")+`,`, 1)
	must(w.t, w.AWS.SetBucketPolicy("my-data", document))
}

// Rows 10 and 11, laws L9, L10 and L14: others are in the way of an Update. It is refused in words or goes on; its rollback
// is not refused, nor is one of an Update that came before them; the Delete lets go of the bucket, with what may not be
// deleted in it. The same goes for a bucket that we have made.
func TestOthersNeverMakeItStuck(t *testing.T) {
	for _, o := range obstacles(t) {
		for isAdopted, isBetween := range both(yesAndNo, yesAndNo) {
			if isBetween && o.isBefore {
				continue
			}
			t.Run(fmt.Sprintf("%s, adopted %v, between Update and rollback %v", o.name, isAdopted, isBetween), func(t *testing.T) {
				inWorld(t, func(w *bench) {
					if isAdopted {
						w.offer()
					}
					w.survives(o, isBetween)
				})
			})
		}
	}
}

// survives makes a resource that meets an obstacle, is rolled back, and lets go of its bucket.
func (w *bench) survives(o obstacle, isBetween bool) {
	w.t.Helper()
	w.history(create(retain))
	<-time.After(time.Hour)
	w.meets(o, isBetween)
	w.rollsBack(update(retain, retain, o.changed))
	w.isServed(retain)
	<-time.After(time.Hour)
	w.AWS.PutObject("my-data", "data/more", "1")
	w.history(remove(retain))
	w.isGone(retain, "secret", "user")
	now := w.AWS.Snapshot().Buckets["my-data"]
	isReleased := now.Tags["bucketuser:owner"] == "released" || o.name == "ABAC" // under which the tag cannot be written
	if !isReleased || now.Objects["data/more"] == nil {
		w.t.Errorf("released: %+v", now)
	}
}

// meets has an Update meet an obstacle, or go before it.
func (w *bench) meets(o obstacle, isBetween bool) {
	w.t.Helper()
	e := update(retain, o.changed, retain)
	switch {
	case isBetween:
		w.history(e)
		o.do(w)
	case o.refused == "":
		o.do(w)
		w.history(e)
	default:
		o.do(w)
		w.refused(w.play(e, nil).answer, o.refused)
	}
}

// rollsBack sends an event of a rollback, which is not refused.
func (w *bench) rollsBack(e event) {
	w.t.Helper()
	w.AWS.SetStackStatus(w.stackID, "UPDATE_ROLLBACK_IN_PROGRESS")
	w.history(e)
	w.AWS.SetStackStatus(w.stackID, "UPDATE_ROLLBACK_COMPLETE")
}

// isServed fails the test unless the secret holds a live key of the user.
func (w *bench) isServed(p sim.Properties) {
	w.t.Helper()
	for _, key := range w.AWS.Snapshot().Users[w.parse(p).UserName].Keys {
		if key.Active && key.ID == w.value(p)["AWS_ACCESS_KEY_ID"] {
			return
		}
	}
	w.t.Errorf("the secret holds no live key: %v", w.value(p))
}

// An Update in place that is part of a rollback is not refused for what others have done, wherever CloudFormation says so:
// at once, or a moment late (L5). Where it cannot be asked, or a right is missing, it is refused as before.
func TestRollbackIsNeverRefused(t *testing.T) {
	changed := with("Prefix", "logs/")
	none := func(*bench) hook { return nil }
	for name, test := range map[string]struct {
		status string
		before func(w *bench) hook
		isLeft bool
	}{
		"a rollback":       {"UPDATE_ROLLBACK_IN_PROGRESS", none, true},
		"an update":        {"UPDATE_IN_PROGRESS", none, false},
		"not to be asked":  {"UPDATE_ROLLBACK_IN_PROGRESS", func(*bench) hook { return deny("DescribeStacks") }, false},
		"a moment late":    {"UPDATE_IN_PROGRESS", func(w *bench) hook { return w.later("UPDATE_ROLLBACK_IN_PROGRESS", 3) }, true},
		"minutes too late": {"UPDATE_IN_PROGRESS", func(w *bench) hook { return w.later("UPDATE_ROLLBACK_IN_PROGRESS", 30) }, false},
	} {
		for _, things := range subsets() {
			t.Run(name+", "+strings.Join(things, " and "), func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.history(create(named), update(named, changed, named))
					<-time.After(time.Hour)
					w.loses(named, losses[0], things...) // between the Update and its rollback
					w.AWS.SetStackStatus(w.stackID, test.status)
					w.AWS.Before = test.before(w)
					a := w.play(update(named, named, changed), nil).answer
					if test.isLeft {
						w.succeeded(a)
						w.isServed(named)
						return
					}
					w.refused(a, "it lacks the tags")
				})
			})
		}
	}
}

// later has the stack show another status from the n-th question on.
func (w *bench) later(status string, n int) hook {
	asked := 0
	return oneByOne(func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if c.Operation == "DescribeStacks" {
			if asked++; asked == n {
				w.AWS.SetStackStatus(w.stackID, status)
			}
		}
		return awsfake.Decision{}
	})
}

// A rollback that needs another key, which others keep from working, leaves value and keys as they are: S3 says of a call of
// the user's that no policy allows it, whether others deny it or keep ours from being written.
func TestRollbackLeavesAKeyThatOthersKeepFromWorking(t *testing.T) {
	for name, loses := range map[string]func(w *bench){
		"user": func(w *bench) { w.AWS.DeleteUser("clickhouse") },
		"key":  func(w *bench) { w.AWS.SetKeyActive(w.value(retain)["AWS_ACCESS_KEY_ID"], false) },
	} {
		for action, resource := range map[string]string{"s3:PutBucketPolicy": "arn:aws:s3:::my-data", "s3:PutObject": "arn:aws:s3:::my-data/*"} {
			if name == "key" && action == "s3:PutBucketPolicy" {
				continue // the new key works
			}
			t.Run(name+", "+action, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.history(create(retain))
					<-time.After(time.Hour)
					w.addStatements(denying(action, resource))
					loses(w)
					was := w.currentValue(retain)
					changed := plus(retain, "Access", "Full")
					w.refused(w.play(update(retain, changed, retain), nil).answer, "AccessDenied")
					w.rollsBack(update(retain, retain, changed))
					if w.currentValue(retain) != was {
						t.Error("the value has changed")
					}
					w.history(remove(retain))
				})
			})
		}
	}
}

// Law L14: a bucket with ABAC takes no tag that would keep its data once the secret is gone. So the secret goes last, and
// the Delete is not stuck.
func TestDeleteUnderAbacKeepsWhatTheSecretSays(t *testing.T) {
	for _, onDelete := range []string{spec.DeleteIfEmpty, spec.Purge, spec.Retain} {
		for _, isCutOff := range yesAndNo {
			t.Run(fmt.Sprintf("%s, cut off %v", onDelete, isCutOff), func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := plus(named, "OnDelete", onDelete)
					w.history(create(p))
					w.AWS.SetSecretTags("clickhouse/s3", claim.OwnerTags(w.parse(p))) // a tool has replaced them, and somebody has put these back
					w.AWS.SetAbac("my-data", true)
					<-time.After(time.Hour)
					w.AWS.PutObject("my-data", "data/x", "1")
					if isCutOff {
						w.killedAfter("DeleteUser", remove(p))
						w.anew()
					}
					w.history(remove(p))
					w.isGone(p, "secret", "user")
					if w.AWS.Snapshot().Buckets["my-data"].Objects["data/x"] == nil {
						t.Error("the data is gone")
					}
				})
			})
		}
	}
}
