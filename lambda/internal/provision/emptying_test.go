package provision_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnfake"
	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/internal/sim"
	"bucketuser/lambda/spec"
)

// To empty a bucket takes longer than a run of the function may. Here S3 deletes 4 entries in a second, so that a batch of
// 1,000 takes more than four minutes, and a run of fifteen has three.

var purging = with("OnDelete", "Purge")

const slowly = 4

func TestPurgeGoesOnInTheNextDelivery(t *testing.T) {
	inCloud(t, func(c *cloud) {
		c.holds(purging, 7000)
		c.AWS.Before = deletesAtARate(slowly)
		isGone, took := c.deletes(cfnfake.How{})
		if !isGone || c.runs != 3 || took > 45*time.Minute {
			t.Errorf("gone: %t after %d runs and %s: %s", isGone, c.runs, took, c.Reason)
		}
		c.empty()
		want := `["delete: goes on in another delivery, see the log" "delete: goes on in another delivery, see the log"]`
		if got := fmt.Sprintf("%q", c.cloud.Failures()); got != want {
			t.Errorf("Lambda was told %s", got)
		}
		if got := c.leftToNext(); len(got) != 2 || got[0] < 2500 || got[1] < 2500 || got[0]+got[1] >= 7001 {
			t.Errorf("the runs that were not answered have deleted %d entries", got)
		}
	})
}

// What was listed beside the first look is not listed again, unless the look has waited. The last list is another one.
func TestPurgeBeginsWithWhatWasListedBesideTheLook(t *testing.T) {
	for took, want := range map[time.Duration]int{0: 2, 2 * time.Second: 2, 10 * time.Second: 3} {
		t.Run(took.String(), func(t *testing.T) {
			inCloud(t, func(c *cloud) {
				c.holds(purging, 1500)
				listed := c.listsFromStart()
				c.AWS.Before = first(looksTake(took), c.AWS.Before)
				isGone, _ := c.deletes(cfnfake.How{})
				if !isGone || *listed != want {
					t.Errorf("gone: %t: %s; listed from the start %d times, not %d", isGone, c.Reason, *listed, want)
				}
				c.empty()
			})
		})
	}
}

// listsFromStart counts the lists of everything in a bucket that begin at its first key.
func (c *cloud) listsFromStart() *int {
	listed := 0
	c.AWS.Before = oneByOne(func(_ context.Context, call awsfake.Call) awsfake.Decision {
		if in, isList := call.Input.(*s3.ListObjectVersionsInput); isList && aws.ToString(in.KeyMarker) == "" {
			listed++
		}
		return awsfake.Decision{}
	})
	return &listed
}

// looksTake has every look at a user take a time.
func looksTake(took time.Duration) func(context.Context, awsfake.Call) awsfake.Decision {
	return func(_ context.Context, call awsfake.Call) awsfake.Decision {
		if call.Operation == "GetUser" {
			<-time.After(took)
		}
		return awsfake.Decision{}
	}
}

// leftToNext are the entries that each run has deleted, by its log, which has left the answer to the next one.
func (c *cloud) leftToNext() (deleted []int) {
	for line := range strings.Lines(c.Log.String()) {
		var is struct {
			Msg          string
			Run, Deleted int
			Rate         int
		}
		if err := json.Unmarshal([]byte(line), &is); err != nil || is.Msg != "leaves the answer to the next delivery" {
			continue
		}
		if deleted = append(deleted, is.Deleted); is.Run != len(deleted) || is.Rate < 1 || is.Rate > slowly {
			c.t.Errorf("log: %s", line)
		}
	}
	return deleted
}

// The last run says what is left, and the next Delete goes on where it stopped, with all its runs.
func TestPurgeThatTakesMoreRunsThanThereAre(t *testing.T) {
	inCloud(t, func(c *cloud) {
		c.holds(purging, 14000)
		c.AWS.Before = deletesAtARate(slowly)
		closed := c.closedWhenRunsBegin()
		isGone, _ := c.deletes(cfnfake.How{})
		if !slices.Equal(*closed, []bool{false, true, true}) || c.isClosed() {
			t.Errorf("nobody might write when the runs began: %v, and in the end: %t", *closed, c.isClosed())
		}
		if isGone || c.runs != 3 || c.left("my-data") > 5001 || c.left("my-data") < 1 {
			t.Errorf("gone: %t after %d runs; %d entries are left", isGone, c.runs, c.left("my-data"))
		}
		c.says("bucket my-data: could not be emptied in time: ", " entries are deleted, ", " in a second, and ", " left", "; this was run 3 of 3. "+
			"What is deleted stays deleted, and the next Delete goes on from there", "delete the stack again: aws cloudformation delete-stack --stack-name analytics --region eu-west-1")
		isGone, _ = c.deletes(cfnfake.How{})
		if !isGone || c.runs != 2 {
			t.Errorf("gone: %t after %d runs: %s", isGone, c.runs, c.Reason)
		}
		c.empty()
	})
}

// closedWhenRunsBegin notes at the first call of each run whether nobody may write to the bucket.
func (c *cloud) closedWhenRunsBegin() *[]bool {
	var closed []bool
	before := c.AWS.Before
	begun := oneByOne(func(context.Context, awsfake.Call) awsfake.Decision {
		if len(closed) < c.runs {
			closed = append(closed, c.isClosed())
		}
		return awsfake.Decision{}
	})
	c.AWS.Before = first(begun, before)
	return &closed
}

// says fails the test where the reason of the last failure lacks one of the texts.
func (c *cloud) says(texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		if !strings.Contains(c.Reason, text) {
			c.t.Errorf("the reason lacks %q: %s", text, c.Reason)
		}
	}
}

// fails deletes a stack in one run that does not empty the bucket.
func (c *cloud) fails(texts ...string) {
	c.t.Helper()
	was := c.left("my-data")
	if isGone, _ := c.deletes(cfnfake.How{}); isGone || c.runs != 1 || len(c.cloud.Failures()) > 0 {
		c.t.Errorf("gone: %t after %d runs, failures %q", isGone, c.runs, c.cloud.Failures())
	}
	if now := c.left("my-data"); now < 1 || now > was {
		c.t.Errorf("the bucket held %d entries and holds %d", was, now)
	}
	c.says(texts...)
}

// Without progress, without a time, without a tag or without time enough there is no other run: the first one answers.
func TestPurgeIsAnsweredWhereNoRunIsLeft(t *testing.T) {
	for name, test := range map[string]struct {
		p    sim.Properties
		make func(*cloud)
		says string
	}{
		"no progress": {purging, func(c *cloud) { c.AWS.Before = only("DeleteObjects", awsfake.Refuse(awsfake.Hang)) }, "0 entries are deleted"},
		"others deny the tag": {purging, func(c *cloud) {
			c.AWS.Before = first(deny("PutBucketTagging"), deletesAtARate(slowly))
		}, "no tag could be set on the bucket, so its runs cannot be counted"},
		"a short ServiceTimeout":        {plus(purging, "ServiceTimeout", "1800"), func(c *cloud) { c.AWS.Before = deletesAtARate(slowly) }, "CloudFormation waits 30m0s, which leaves no time for another run"},
		"the same as a number":          {plus(purging, "ServiceTimeout", 1800), func(c *cloud) { c.AWS.Before = deletesAtARate(slowly) }, "CloudFormation waits 30m0s"},
		"a lost part":                   {purging, func(c *cloud) { c.AWS.Before = deletesAtARate(slowly); c.loses(purging, losses[0], "user") }, "it lacks the tags bucketuser:logical-id=Disk"},
		"something is refused for good": {purging, func(c *cloud) { c.AWS.LockObject("my-data", "data/00000", "", true) }, "data/00000"},
	} {
		t.Run(name, func(t *testing.T) {
			inCloud(t, func(c *cloud) {
				c.holds(test.p, 5000)
				test.make(c)
				c.fails(test.says)
				c.AWS.LockObject("my-data", "data/00000", "", false)
				c.AWS.Before = nil
				isGone, _ := c.deletes(cfnfake.How{})
				if isLost := name == "a lost part"; isGone == isLost || c.left("my-data") >= 0 {
					t.Errorf("gone: %t: %s", isGone, c.Reason)
				}
			})
		})
	}
}

// An event whose ResponseURL does not say when it was sent is answered: its runs cannot be told from those of others.
func TestPurgeWithoutATimeIsAnswered(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(purging))
		w.manyObjects(4000)
		w.AWS.Before = deletesAtARate(slowly)
		session := w.AWS.Session("provider")
		url, _, _ := strings.Cut(w.begin("Delete", w.idOf(purging), purging, nil), "?")
		w.refused(w.answered(session, url, "Delete", w.idOf(purging), purging, nil), "the event has no time, so its runs cannot be counted")
		if tag, isThere := w.AWS.Snapshot().Buckets["my-data"].Tags[spec.TagEmptying]; isThere {
			t.Errorf("the bucket has the tag %q", tag)
		}
	})
}

func (w *bench) manyObjects(n int) {
	for i := range n {
		w.AWS.PutObject("my-data", fmt.Sprintf("data/%05d", i), "1")
	}
}

// Where CloudFormation waits less than a run may take, the run says what is left while it waits.
func TestPurgeIsAnsweredWhileCloudFormationWaits(t *testing.T) {
	inCloud(t, func(c *cloud) {
		c.holds(plus(purging, "ServiceTimeout", "600"), 5000)
		c.AWS.Before = deletesAtARate(slowly)
		start := time.Now()
		c.fails("could not be emptied in time: ", "CloudFormation waits 10m0s")
		if left := c.left("my-data"); left > 3500 {
			t.Errorf("%d entries are left", left)
		}
		if took := time.Since(start); took > 10*time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

// The rest of the set is gone after the first run. What the earlier run has waited for is not waited for again, and the
// bucket is one that we have made.
func TestLaterRunOfAPurgeDoesNotWait(t *testing.T) {
	for _, days := range []string{"0", "7"} {
		t.Run(days, func(t *testing.T) {
			inCloud(t, func(c *cloud) {
				p := plus(purging, "SecretRecoveryDays", days)
				c.holds(p, 5000)
				c.AWS.Before = deletesAtARate(slowly)
				if isGone, _ := c.deletes(cfnfake.How{}); !isGone || c.runs != 2 {
					t.Errorf("gone: %t after %d runs: %s", isGone, c.runs, c.Reason)
				}
				c.isGone(p, "bucket", "user")
				if strings.Contains(c.Log.String(), "AWS shows the whole set") {
					t.Error("the second run waits for parts that the first has removed")
				}
			})
		})
	}
}

// A Delete that is sent anew looks at everything for long, whatever an earlier one has left on the bucket, and counts
// its own runs.
func TestNewDeleteCountsItsOwnRuns(t *testing.T) {
	inCloud(t, func(c *cloud) {
		c.holds(purging, 14000)
		c.AWS.Before = deletesAtARate(slowly)
		for _, wants := range []bool{false, true} {
			begun := len(c.Log.String())
			if isGone, _ := c.deletes(cfnfake.How{}); isGone != wants {
				t.Errorf("gone: %t after %d runs: %s", isGone, c.runs, c.Reason)
			}
			log := c.Log.String()[begun:]
			if !strings.Contains(log, `"run":1,`) || strings.Contains(log, "AWS shows the whole set") != wants {
				t.Errorf("log: %s", log)
			}
		}
	})
}

// Time ends in each run, after any call.
func TestPurgeOutOfTimeInEachRun(t *testing.T) {
	for i, limits := range [][]time.Duration{
		{time.Second, time.Second, time.Second}, // too short for a batch
		{5 * time.Minute, 5 * time.Minute, 5 * time.Minute},
		{10 * time.Minute, time.Second, 15 * time.Minute},
		{time.Second, 10 * time.Minute, 10 * time.Minute},
		{15 * time.Minute, 15 * time.Minute, 30 * time.Second},
		{15 * time.Minute, 15 * time.Minute, 15 * time.Minute},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			inCloud(t, func(c *cloud) {
				c.holds(purging, 6000)
				c.AWS.Before = deletesAtARate(slowly)
				c.timeouts(limits...)
				c.endsTrue(cfnfake.How{})
			})
		})
	}
}

// endsTrue deletes a stack, and again with all time there is: what CloudFormation is told is true, and what is not told is
// for lack of runs.
func (c *cloud) endsTrue(how cfnfake.How) {
	c.t.Helper()
	for range 4 {
		isGone, _ := c.deletes(how)
		answers := c.answersToDeletes()
		last, isThere := answers[len(answers)-1], c.left("my-data") >= 0
		switch {
		case last == "SUCCESS" && isThere || last == "FAILED" && !isThere:
			c.t.Fatalf("%s, and the bucket is there: %t", last, isThere)
		case last == "" && !slices.Contains(c.cloud.Failures(), errDead.Error()):
			c.t.Errorf("no answer, though no run was cut off: %q", c.cloud.Failures())
		}
		if isGone {
			c.empty()
			return
		}
		how, c.AWS.Before = cfnfake.How{}, nil
		c.timeouts()
	}
	c.t.Errorf("never gone: %s", c.Reason)
}

// A run is killed before or after any of its calls, or its answer is lost.
func TestPurgeThatIsKilledInAnyRun(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 5
	}
	for run := range 3 {
		for n, isReached := 1, true; isReached; n += step {
			for name, decision := range map[string]awsfake.Decision{"before": awsfake.Refuse(awsfake.Killed), "after": awsfake.Lose(awsfake.Killed)} {
				t.Run(fmt.Sprintf("run %d, %s call %d", run+1, name, n), func(t *testing.T) {
					inCloud(t, func(c *cloud) {
						c.holds(purging, 2500)
						c.AWS.Before = first(c.killedAt(run+1, n, decision, &isReached), deletesAtARate(slowly))
						c.timeouts(5*time.Minute, 5*time.Minute, 5*time.Minute)
						isReached = false
						c.endsTrue(cfnfake.How{})
					})
				})
			}
		}
	}
}

// killedAt is a hook that ends a run at its n-th call.
func (c *cloud) killedAt(run, n int, decision awsfake.Decision, isReached *bool) hook {
	return oneByOne(func(_ context.Context, call awsfake.Call) awsfake.Decision {
		if c.runs != run || call.SessionN != n {
			return awsfake.Decision{}
		}
		*isReached = true
		return decision
	})
}

// Lambda delivers the event twice at the same time, or gives it up.
func TestPurgeThatIsDeliveredTwice(t *testing.T) {
	for _, minutes := range []time.Duration{5, 10, 15} {
		t.Run(fmt.Sprint(minutes), func(t *testing.T) {
			inCloud(t, func(c *cloud) {
				c.holds(purging, 6000)
				c.AWS.Before = deletesAtARate(slowly)
				limits := slices.Repeat([]time.Duration{minutes * time.Minute}, 6)
				c.timeouts(limits...)
				c.endsTrue(cfnfake.How{Twice: true})
			})
		})
	}
}

// CloudFormation gives up where Lambda has no run left that it may answer. The next Delete goes on.
func TestPurgeWhoseLastRunIsLost(t *testing.T) {
	inCloud(t, func(c *cloud) {
		c.holds(purging, 9000)
		var isReached bool
		c.AWS.Before = first(c.killedAt(3, 8, awsfake.Refuse(awsfake.Killed), &isReached), deletesAtARate(slowly))
		isGone, took := c.deletes(cfnfake.How{})
		if isGone || !isReached || took < time.Hour || c.left("my-data") < 1 {
			t.Errorf("gone: %t after %s, and %d entries are left", isGone, took, c.left("my-data"))
		}
		c.says("CloudFormation did not receive a response")
		c.endsTrue(cfnfake.How{})
	})
}

// Rights that are late in a later run.
func TestPurgeWhoseRightsAreLate(t *testing.T) {
	inCloud(t, func(c *cloud) {
		c.holds(purging, 5000)
		slow := deletesAtARate(slowly)
		c.AWS.Before = func(ctx context.Context, call awsfake.Call) awsfake.Decision {
			if call.SessionN == 1 && c.runs > 1 {
				c.AWS.DelayRights("provider", 30*time.Second, "*")
			}
			return slow(ctx, call)
		}
		if isGone, _ := c.deletes(cfnfake.How{}); !isGone || c.runs != 2 {
			t.Errorf("gone: %t after %d runs: %s", isGone, c.runs, c.Reason)
		}
		c.empty()
	})
}

// isLeft plays a run of a Delete that empties the bucket and is then out of time, and waits for as long as Lambda does.
func (w *bench) isLeft(e event) {
	w.t.Helper()
	w.AWS.Before = only("ListMultipartUploads", awsfake.Refuse(awsfake.Hang))
	r := w.play(e, nil)
	w.AWS.Before = nil
	if wrong := w.isLeftForLater(e); !errors.Is(r.err, cfnresource.ErrUnanswered) || wrong != "" {
		w.t.Fatalf("%+v, error %v: %s", r.answer, r.err, wrong)
	}
	time.Sleep(time.Minute)
}

// needsTime skips what takes many seconds of a processor; make crash runs it.
func needsTime(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs in make crash")
	}
}

// Two runs where CloudFormation waits for them, and not a third.
func TestPurgeHasAsManyRunsAsCloudFormationWaitsFor(t *testing.T) {
	needsTime(t)
	for timeout, want := range map[string]int{"1860": 1, "1920": 2, "2880": 2, "3000": 3, "3600": 3} {
		t.Run(timeout, func(t *testing.T) {
			inCloud(t, func(c *cloud) {
				c.holds(plus(purging, "ServiceTimeout", timeout), 12000)
				c.AWS.Before = deletesAtARate(slowly)
				if isGone, took := c.deletes(cfnfake.How{}); isGone || c.runs != want || took > 48*time.Minute {
					t.Errorf("gone: %t after %d runs, want %d, and %s", isGone, c.runs, want, took)
				}
				if want < 3 {
					c.says("which leaves no time for another run")
				}
			})
		})
	}
}

// S3 may count what was deleted as there for a while, however long the emptying took.
func TestPurgeThatTookLongWaitsForTheCount(t *testing.T) {
	inCloud(t, func(c *cloud) {
		c.holds(purging, 1500)
		notEmpty := &awsfake.Error{Status: 409, Code: "BucketNotEmpty", Message: "not empty"}
		c.AWS.Before = first(notYet(5*time.Second, notEmpty, isCall("DeleteBucket")), deletesAtARate(slowly))
		if isGone, took := c.deletes(cfnfake.How{}); !isGone || c.runs != 1 || took < 5*time.Minute {
			t.Errorf("gone: %t after %d runs and %s: %s", isGone, c.runs, took, c.Reason)
		}
	})
}

// A later Delete empties the bucket, too, and counts its own runs. An earlier one, which CloudFormation has given up, leaves
// that count.
func TestCountOfALaterDeleteStays(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(purging))
		w.manyObjects(4000)
		later := w.sent.signer.Last.Add(3*time.Minute).UTC().Format(time.RFC3339) + " 1"
		w.AWS.TagBucket("my-data", map[string]string{spec.TagEmptying: later})
		w.AWS.Before = deletesAtARate(slowly)
		w.refused(w.play(remove(purging), nil).answer, "its runs cannot be counted")
		if is := w.AWS.Snapshot().Buckets["my-data"].Tags[spec.TagEmptying]; is != later {
			t.Errorf("the count is %q, and was %q", is, later)
		}
	})
}

// A run that shows no count is the last one that may have begun at the age of the event: others were cut off before they had
// written one, or somebody has taken it off, or the event has waited in the queue of a busy function.
func TestRunThatShowsNoCount(t *testing.T) {
	needsTime(t)
	for name, test := range map[string]struct {
		limits []time.Duration
		queued time.Duration
		at     int // which run begins without the tag
		runs   int
	}{
		"none is missing":                  {nil, 0, 0, 3},
		"the first is cut off":             {[]time.Duration{0}, 0, 0, 3},
		"the first two are cut off":        {[]time.Duration{0, 0}, 0, 0, 3},
		"taken off before the second":      {nil, 0, 2, 2},
		"taken off before the third":       {nil, 0, 3, 3},
		"taken off before the first":       {nil, 0, 1, 3},
		"the first waits for five minutes": {nil, 5 * time.Minute, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			inCloud(t, func(c *cloud) {
				c.holds(purging, 14000)
				untagged := func(context.Context, awsfake.Call) awsfake.Decision {
					if c.runs == test.at {
						tags := c.AWS.Snapshot().Buckets["my-data"].Tags
						delete(tags, spec.TagEmptying)
						c.AWS.SetBucketTags("my-data", tags)
						test.at = 0
					}
					return awsfake.Decision{}
				}
				c.AWS.Before = first(oneByOne(untagged), deletesAtARate(slowly))
				c.timeouts(test.limits...)
				c.queued = test.queued
				isGone, took := c.deletes(cfnfake.How{})
				if answers := c.answersToDeletes(); isGone || c.runs != test.runs || answers[0] != "FAILED" || took > 50*time.Minute {
					t.Errorf("gone: %t after %d runs and %s, answers %q", isGone, c.runs, took, answers)
				}
			})
		})
	}
}

// A later event between two runs wins: nothing of its set goes, and nothing of its data.
func TestPurgeBetweenWhoseRunsALaterEventComes(t *testing.T) {
	for _, p := range []sim.Properties{purging, with("OnDelete", "DeleteIfEmpty")} {
		inWorld(t, func(w *bench) {
			w.history(create(purging))
			w.manyObjects(4000)
			w.AWS.Before = deletesAtARate(slowly)
			if r := w.play(remove(purging), nil); r.err == nil || !strings.HasPrefix(r.err.Error(), "delete: goes on") {
				t.Fatalf("%+v", r)
			}
			w.AWS.Before = nil
			w.history(create(p))
			if tag, isThere := w.AWS.Snapshot().Buckets["my-data"].Tags[spec.TagEmptying]; isThere {
				t.Errorf("the bucket of a set in use has the tag %q", tag)
			}
			was := w.AWS.Snapshot()
			w.refused(w.deliverLate("Delete", w.idOf(purging), purging, nil), "CloudFormation no longer waits for this event")
			w.unchanged(was)
		})
	}
}

// What keeps the data of one side of a replacement is read in every run, and is not lost with the tag that counts them.
func TestMarksStayWhileABucketIsEmptied(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.history(create(purging))
		w.manyObjects(4000)
		w.AWS.TagSecret("clickhouse/s3", map[string]string{spec.TagSupersededBy: "gone clickhouse/gone gone"})
		w.AWS.Before = deletesAtARate(slowly)
		if r := w.play(remove(purging), nil); r.err == nil {
			t.Fatalf("%+v", r.answer)
		}
		was := w.AWS.Snapshot().Buckets["my-data"]
		tags := was.Tags
		if tags[spec.TagSupersededBy] != "gone clickhouse/gone gone" || !strings.HasSuffix(tags[spec.TagEmptying], "Z 1") {
			t.Errorf("the bucket has the tags %v", tags)
		}
		w.AWS.Before = nil
		w.AWS.AddSecret("clickhouse/gone", "1", map[string]string{spec.TagOwner: "gone"})
		<-time.After(time.Minute)
		w.history(remove(purging))
		if b := w.AWS.Snapshot().Buckets["my-data"]; b.Tags[spec.TagOwner] != spec.Released || b.Tags[spec.TagEmptying] != "" || len(b.Objects) != len(was.Objects) {
			t.Errorf("the bucket of one side of a replacement holds %d entries and has the tags %v", len(b.Objects), b.Tags)
		}
	})
}

// What is never emptied is never counted: an adopted bucket, one that is empty, and one that is kept.
func TestOnlyWhatIsEmptiedIsCounted(t *testing.T) {
	for _, p := range []sim.Properties{with("OnDelete", "Retain"), with("OnDelete", "DeleteIfEmpty"), plus(purging, "FolderMarker", "false")} {
		inWorld(t, func(w *bench) {
			w.history(create(p))
			if p["OnDelete"] == "Retain" {
				w.fill()
			}
			made := len(w.AWS.Calls())
			w.AWS.Before = takesTime
			w.history(remove(p))
			for _, call := range w.AWS.Calls()[made:] {
				if call.Operation == "PutBucketTagging" && p["OnDelete"] != "Retain" {
					t.Errorf("%s: %v", p["OnDelete"], call)
				}
			}
			if tag, isThere := w.AWS.Snapshot().Buckets["my-data"].Tags[spec.TagEmptying]; isThere {
				t.Errorf("the bucket has the tag %q", tag)
			}
		})
	}
}

// Whatever a run was doing when its time was over: where it has deleted something, the next one goes on.
func TestPurgeIsOutOfTimeAtAnyCall(t *testing.T) {
	for name, hangs := range map[string]func(c awsfake.Call, deleted int) bool{
		"the bucket's end": func(c awsfake.Call, _ int) bool { return c.Operation == "DeleteBucket" },
		"the last list":    func(c awsfake.Call, deleted int) bool { return c.Operation == "ListObjectVersions" && deleted >= 600 },
		"the uploads":      func(c awsfake.Call, _ int) bool { return c.Operation == "ListMultipartUploads" },
		"a deletion":       func(c awsfake.Call, deleted int) bool { return entriesOf(c) > 0 && deleted > 0 },
	} {
		t.Run(name, func(t *testing.T) {
			inCloud(t, func(c *cloud) {
				c.holds(purging, 600)
				c.hangsInTheFirstRun(hangs)
				if isGone, _ := c.deletes(cfnfake.How{}); !isGone || c.runs != 2 {
					t.Errorf("gone: %t after %d runs: %s", isGone, c.runs, c.Reason)
				}
				c.empty()
				if _, isThere := c.AWS.Snapshot().Buckets["my-data"]; isThere {
					t.Error("the bucket is there")
				}
			})
		})
	}
}

// hangsInTheFirstRun has calls have no answer in the first run, by what was deleted before.
func (c *cloud) hangsInTheFirstRun(hangs func(c awsfake.Call, deleted int) bool) {
	deleted := 0
	c.AWS.Before = oneByOne(func(_ context.Context, call awsfake.Call) awsfake.Decision {
		if c.runs == 1 && hangs(call, deleted) {
			return awsfake.Refuse(awsfake.Hang)
		}
		deleted += entriesOf(call)
		return awsfake.Decision{}
	})
}

// Where no run is left, the answer says what the run has done, whatever it was doing.
func TestPurgeThatIsOutOfTimeAtTheEndSaysSo(t *testing.T) {
	inCloud(t, func(c *cloud) {
		c.holds(plus(purging, "ServiceTimeout", "1800"), 50)
		// At a rate: a bucket that is empty at once is not counted, since the tag is written beside.
		c.AWS.Before = first(only("DeleteBucket", awsfake.Refuse(awsfake.Hang)), deletesAtARate(slowly))
		if isGone, _ := c.deletes(cfnfake.How{}); isGone || c.runs != 1 {
			t.Errorf("gone: %t after %d runs", isGone, c.runs)
		}
		c.says("when 51 entries were deleted and the time was over; CloudFormation waits 30m0s")
		c.AWS.Before = nil
		c.endsTrue(cfnfake.How{})
	})
}
