package provision_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/sim"
)

// What is said of things of others: in the Reason of a refusal, and in the log.

// Row 38: a resource was moved to another logical id with the names that it had. The refusal names the resource that has
// them, and its stack. In the same stack it says to keep the logical id. It never advises to take a thing from its owner.
func TestRow38(t *testing.T) {
	for _, thing := range thingsOfASet {
		for _, isSameStack := range []bool{true, false} {
			for _, region := range []string{"eu-west-1", "us-east-1"} {
				for _, onDelete := range []string{"DeleteIfEmpty", "Purge", "Retain"} {
					for _, isReplacement := range []bool{false, true} {
						t.Run(strings.Join([]string{thing, region, onDelete}, " "), func(t *testing.T) {
							inRegion(t, region, func(w *bench) { w.isMoved(thing, with("OnDelete", onDelete), isSameStack, isReplacement) })
						})
					}
				}
			}
		}
	}
}

// isMoved plays a Create, or a replacement, that meets a thing of another resource, and what comes after it.
func (w *bench) isMoved(thing string, p sim.Properties, isSameStack, isReplacement bool) {
	w.t.Helper()
	e, next, stack := create(p), remove(p), w.stackID
	if isReplacement {
		w.created(p)
		e, next, p = update(p, other(p), p), update(p, p, other(p)), other(p)
	}
	if !isSameStack {
		stack = strings.Replace(w.stackID, "stack/analytics/5f", "stack/reports/6f", 1)
	}
	w.adds(w.parse(p), thing, map[string]string{"bucketuser:owner": "Warehouse-v1-abcdefghijkl", "bucketuser:stack-id": stack, "bucketuser:logical-id": "Warehouse"})
	<-time.After(time.Hour)
	was := w.AWS.Snapshot()
	a := w.play(e, nil).answer
	w.saysAll(a, nameOf(w.parse(p), thing), "Warehouse", map[bool]string{true: "this stack", false: "reports"}[isSameStack])
	w.saysNone(a, "released", "bucketuser:adopted")
	if says := strings.Contains(strings.ToLower(a.Reason), "logical id"); says != isSameStack {
		w.t.Errorf("says to keep the logical id: %t: %s", says, a.Reason)
	}
	w.unchanged(was)
	w.succeeded(w.play(next, nil).answer)
	w.same(was)
}

// Row 38, its kind: a bucket that bears no owner tag may be offered, by a person who decides that. A user or a secret
// may not.
func TestRow38BucketOfNobodys(t *testing.T) {
	for _, thing := range thingsOfASet {
		for name, tags := range map[string]map[string]string{"none": nil, "others": {"team": "data"}} {
			t.Run(thing+" "+name, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.adds(w.parse(named), thing, tags)
					<-time.After(time.Hour)
					a := w.create(named)
					w.saysAll(a, nameOf(w.parse(named), thing))
					w.saysNone(a, "bucketuser:adopted", "logical id")
					if says := strings.Contains(a.Reason, "bucketuser:owner=released"); says != (thing == "bucket") {
						t.Errorf("says how to offer it: %t: %s", says, a.Reason)
					}
				})
			})
		}
	}
}

// othersPrincipals are principals of a bucket policy, and whether they are another account or everybody.
var othersPrincipals = map[string]bool{
	`"*"`:                    true,
	`{"AWS":"*"}`:            true,
	`{"AWS":["*"]}`:          true,
	`{"AWS":"999999999999"}`: true,
	`{"AWS":["123456789012","999999999999"]}`:                       true,
	`{"AWS":"arn:aws:iam::999999999999:root"}`:                      true,
	`{"AWS":"arn:aws:iam::999999999999:user/mallory"}`:              true,
	`{"AWS":"arn:aws:iam::999999999999:role/r"}`:                    true,
	`{"AWS":"arn:aws:sts::999999999999:assumed-role/r/s"}`:          true,
	`{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98"}`: true,
	`{"AWS":"123456789012"}`:                                        false,
	`{"AWS":"arn:aws:iam::123456789012:root"}`:                      false,
	`{"AWS":"arn:aws:iam::123456789012:role/auditor"}`:              false,
	`{"Service":"logging.s3.amazonaws.com"}`:                        false,
}

const letsIn = `"msg":"found a statement that lets others in"`

// A32: a leaked key has let another account in by a statement of its own. An event that reads the policy names each such
// statement in its log and leaves it: not ours, not a Deny, and none that lets in our own account.
func TestA32(t *testing.T) {
	long(t)
	events := map[string]struct {
		start func(*bench, sim.Properties)
		event func(sim.Properties) event
	}{
		"update":  {func(w *bench, p sim.Properties) { w.created(p) }, func(p sim.Properties) event { return update(p, p, p) }},
		"access":  {func(w *bench, p sim.Properties) { w.created(p) }, func(p sim.Properties) event { return update(p, plus(p, "Access", "Full"), p) }},
		"adopted": {func(w *bench, p sim.Properties) { w.adopts(p) }, func(p sim.Properties) event { return update(p, p, p) }},
		"adoption": {func(w *bench, p sim.Properties) {
			w.AWS.AddBucket("my-data", map[string]string{"bucketuser:owner": "released"})
		},
			func(p sim.Properties) event { return create(p) }},
		"back":   {func(w *bench, p sim.Properties) { w.created(p); w.killedAfter("CreateSecret", update(p, other(p), p)) }, func(p sim.Properties) event { return update(p, p, other(p)) }},
		"return": {func(w *bench, p sim.Properties) { w.history(create(p), update(p, other(p), p)) }, func(p sim.Properties) event { return update(other(p), p, other(p)) }},
	}
	for principal, isOther := range othersPrincipals {
		for _, effect := range []string{"Allow", "Deny"} {
			for name, test := range events {
				t.Run(strings.Join([]string{name, effect, principal}, " "), func(t *testing.T) {
					inWorld(t, func(w *bench) {
						p := with("OnDelete", "Retain")
						test.start(w, p)
						w.AWS.AddRole("auditor")
						theirs := `{"Sid":"Mallory","Effect":"` + effect + `","Principal":` + principal + `,"Action":"s3:GetObjectTagging","Resource":"arn:aws:s3:::my-data/data/*"}`
						w.shares("my-data", theirs)
						begun := len(w.Log.String())
						w.play(test.event(p), nil) // S3 refuses to write a policy that lets everybody in
						w.saysWhoIsLetIn(w.Log.String()[begun:], isOther && effect == "Allow")
						if !strings.Contains(w.AWS.Snapshot().Buckets["my-data"].Policy, "Mallory") {
							t.Error("the statement is gone")
						}
					})
				})
			}
		}
	}
}

// shares puts a statement of others in front of those that a bucket policy has.
func (w *bench) shares(bucket, statement string) {
	w.t.Helper()
	var document struct{ Statement []json.RawMessage }
	_ = json.Unmarshal([]byte(w.AWS.Snapshot().Buckets[bucket].Policy), &document) // no policy has no statements
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": append([]json.RawMessage{json.RawMessage(statement)}, document.Statement...)})
	if err == nil {
		err = w.AWS.SetBucketPolicy(bucket, string(text))
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// saysWhoIsLetIn fails the test unless a log has one line about the statement of others, or none about any.
func (w *bench) saysWhoIsLetIn(log string, isSaid bool) {
	w.t.Helper()
	var lines []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, letsIn) {
			lines = append(lines, line)
		}
	}
	if len(lines) > 0 != isSaid || isSaid && !(strings.Contains(lines[0], `"Mallory"`) && strings.Contains(lines[0], `"WARN"`) && strings.Contains(lines[0], "principal")) {
		w.t.Errorf("log: %v", lines)
	}
}

// A32: everybody but somebody is others, too. A statement without a Sid is named by its principal.
func TestA32OddStatements(t *testing.T) {
	for _, statement := range []string{
		`{"Effect":"Allow","NotPrincipal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::my-data/*"}`,
		`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::my-data/*"}`,
	} {
		inWorld(t, func(w *bench) {
			w.created(named)
			w.shares("my-data", statement)
			w.play(update(named, named, named), nil)
			if !strings.Contains(w.Log.String(), letsIn) {
				t.Errorf("nothing is said of %s", statement)
			}
		})
	}
}

// saysAll fails the test unless an answer is FAILED and its Reason has each of the texts.
func (w *bench) saysAll(a answer, texts ...string) {
	w.t.Helper()
	if a.Status != "FAILED" {
		w.t.Fatalf("answer: %s", a.Status)
	}
	for _, text := range texts {
		if !strings.Contains(a.Reason, text) {
			w.t.Errorf("the reason does not say %q: %s", text, a.Reason)
		}
	}
}

// saysNone fails the test if a Reason has one of the texts.
func (w *bench) saysNone(a answer, texts ...string) {
	w.t.Helper()
	if i := slices.IndexFunc(texts, func(text string) bool { return strings.Contains(a.Reason, text) }); i >= 0 {
		w.t.Errorf("the reason says %q: %s", texts[i], a.Reason)
	}
}
