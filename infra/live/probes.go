package main

import (
	"context"
	"fmt"
	"time"
)

// A probe is a question that no document of AWS answers, and what the code takes the answer to be, or is right without.
type probe struct {
	name     string
	question string
	believes string
	// ask finds the answer, by the calls that it adds to said. Nil: a step answers it on its way.
	ask func(ctx context.Context, l *live, said *calls) (string, error)
}

// An answer is what was found, and by which requests.
type answer struct{ text, ids string }

// Names of the probes that steps answer on their way.
const (
	firstSecondOf  = "status in the first second, " // create or delete
	pendingContent = "AWSPENDING of the enabling test"
	pendingAfter   = "AWSPENDING after a rotation"
	failedRotation = "a rotation that fails"
	howInvoked     = "how Secrets Manager invokes"
)

// probes are all questions, in the order of the table.
func probes() []probe {
	return []probe{
		{"a bucket name that nobody has", "Does GetBucketTagging answer 404 or 403 under a policy with s3:ResourceAccount?",
			"either: CreateBucket tells", askNobodysBucket},
		{firstSecondOf + "create", "What does DescribeStackResource show when the event is sent?",
			"its own IN_PROGRESS, or what was before; a status from before the event says nothing", nil},
		{firstSecondOf + "delete", "The same, for a deletion", "the same", nil},
		{"late rights", "How long is a session of a role refused what a new policy of the role allows?",
			"up to 30 s; waits two minutes", askLateRights},
		{"late revocation", "How long does the same session keep what is taken away again?", "seconds; nothing hangs on it", askLateRevocation},
		{pendingContent, "What does AWSPENDING hold in testSecret of RotateImmediately=false?", "nothing, or the current value", nil},
		{pendingAfter, "Is AWSPENDING on a version after a success?", "on the current one, or on none", nil},
		{failedRotation, "How often and how far apart is it repeated, and under which token?",
			"several times, under the same token or another", nil},
		{howInvoked, "Does Lambda repeat a failed step by itself, as it does for asynchronous calls?", "either: steps may be repeated", nil},
		{"deleting the null version", "Which right does DeleteObject with versionId=null take in a bucket that was never versioned?",
			"s3:DeleteObject, s3:DeleteObjectVersion or both; the role has both", askNullVersion},
		{"a user who is gone", "What does ListAccessKeys answer under a right that is limited to a path?",
			"AccessDenied; GetUser tells", askGoneUser},
		{"a policy for a user who is gone", "Can a bucket policy be written again that names one?",
			"no: MalformedPolicy; others' statements stay as they are", askDeadPrincipal},
		{"a user whose key was just deleted", "Does DeleteUser answer DeleteConflict for a while?", "for a while; repeated", askDeleteConflict},
		{"a new bucket", "How long is it unknown to GetBucketTagging?", "up to two minutes; waits", askNewBucket},
		{"the name of a deleted bucket", "When can it be created again?", "OperationAborted for a while; repeated", askDeletedBucket},
		{"two rules for one prefix", "Does S3 refuse two lifecycle rules with the same Prefix?", "either", askTwoRules},
		{"another value under a token", "What does PutSecretValue answer to the same token with another value?",
			"ResourceExistsException: the first commit is a compare-and-set", askTokenConflict},
		{"the same value under a token", "Does PutSecretValue move labels when it is repeated?", "either", askRepeatedPut},
		{"a label that is elsewhere", "What does UpdateSecretVersionStage answer where the label is not on RemoveFromVersionId?",
			"an error, and nothing moves: every later commit is a compare-and-set", askMovedLabel},
		{"the name of a deleted secret", "Can it be created again at once after ForceDeleteWithoutRecovery?",
			"InvalidRequestException for a while; repeated", askDeletedSecret},
	}
}

// ask asks what no step answers on its way. A question that cannot be asked is no failure of the product.
func (l *live) ask(ctx context.Context) error {
	bench, failed := l.newBench(ctx)
	l.bench = bench
	for _, p := range probes() {
		if p.ask == nil {
			continue
		}
		said, text, err := &calls{}, "", failed
		if failed == nil {
			text, err = p.ask(ctx, l, said)
		}
		if context.Cause(ctx) != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			text = "not answered: " + err.Error()
		}
		l.answer(p.name, text, said)
	}
	return bench.remove(ctx)
}

// answer notes an answer. The first one of a question counts.
func (l *live) answer(name, text string, said *calls) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, isThere := l.answers[name]; !isThere {
		l.answers[name] = answer{text, said.ids()}
	}
}

// until calls until what it answers is one of those codes, and returns how long that took in words, and the code.
func until(ctx context.Context, said *calls, what func(context.Context) error, codes ...string) (string, error) {
	begun := time.Now()
	var others []string
	err := await(ctx, lagLimit, func() error {
		err := what(said.in(ctx))
		code := codeOf(err)
		for _, want := range codes {
			if code == want {
				others = append(others, code)
				return nil
			}
		}
		if len(others) == 0 || others[len(others)-1] != code {
			others = append(others, code)
		}
		return fmt.Errorf("%s, not %v", code, codes)
	})
	if err != nil {
		return "", err
	}
	last := others[len(others)-1]
	if len(others) == 1 {
		return last + " at once", nil
	}
	return fmt.Sprintf("%s after %.1f s of %v", last, time.Since(begun).Seconds(), others[:len(others)-1]), nil
}
