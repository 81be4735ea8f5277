package sim

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"sync"
	"time"

	"bucketuser/lambda/canary"
	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/cfnresource"
	"bucketuser/lambda/internal/provision"
	"bucketuser/lambda/internal/rotation"
	"bucketuser/lambda/spec"
)

// A World is an account, a provider in it, and what left the function. Make it with
// [NewWorld].
type World struct {
	AWS      *awsfake.AWS // may be replaced by another between two runs
	Provider spec.Provider
	Gate     *Gate
	Log      canary.Journal // of all processes
	Canary   canary.Canary  // counts what was searched

	mu       sync.Mutex
	answers  []string // as they were sent
	errors   []string // that Lambda got
	searched struct{ log, answers, errors int }
}

// NewWorld is an empty account of a region in the partition aws, whose IAM needs time to
// spread the word.
func NewWorld(region string) (*World, error) {
	w := &World{
		AWS: awsfake.New(Account, region),
		Provider: spec.Provider{Partition: "aws", Region: region, Account: Account,
			IAMPath: spec.DefaultIAMPath, BoundaryARN: Boundary, RotationFunctionARN: RotationFunction},
		Gate: NewGate(),
	}
	w.AWS.UserPropagation, w.AWS.KeyPropagation = 12*time.Second, 8*time.Second
	w.AWS.UserPath = w.Provider.IAMPath
	return w, w.AWS.AddManagedPolicy(Boundary, boundary)
}

// boundary is what the users' boundary denies of S3, which alone asks the fake for policies.
const boundary = `{"Version": "2012-10-17", "Statement": [
	{"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"StringNotEquals": {"s3:ResourceAccount": "` + Account + `"}}},
	{"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": {"Null": {"aws:TokenIssueTime": "false"}}},
	{"Effect": "Deny", "Resource": "*", "Action": ["s3:PutBucketTagging", "s3:TagResource", "s3:UntagResource", "s3:PutBucketAbac",
		"s3:PutBucketPublicAccessBlock", "s3:PutAccountPublicAccessBlock"]}]}`

// Run carries out deliveries beside each other to their end, with every call through the
// gate.
func (w *World) Run(choose Chooser, decide Decider, deliveries ...func()) {
	w.AWS.Before = w.Gate.Hold
	defer func() { w.AWS.Before = nil }()
	w.Gate.run(choose, decide, deliveries...)
}

// Invoke runs the function once in the process of a session, wired as main does, and
// returns what Lambda gets. The function sends its answer through answers.
func (w *World) Invoke(ctx context.Context, session *awsfake.Session, answers http.RoundTripper, payload []byte) error {
	log := slog.New(slog.NewJSONHandler(&w.Log, nil))
	client := cfnresource.NewClient()
	client.Transport = answers
	handler := cfnresource.Handler{
		Resource:  provision.New(session.Config(), w.Provider, log),
		Client:    client,
		Log:       log,
		LogStream: "stream",
		DNSSuffix: spec.DNSSuffix(w.Provider.Partition),
	}
	err := handler.Handle(ctx, payload)
	if err != nil {
		w.keep(&w.errors, err.Error())
	}
	return err
}

// Rotates is the function that rotates, in the process of a session, wired as main does. A deadline is as far away as that
// of Lambda.
func (w *World) Rotates(session *awsfake.Session) func(context.Context, []byte) error {
	return func(ctx context.Context, payload []byte) error {
		log := slog.New(slog.NewJSONHandler(&w.Log, nil))
		handler := rotation.Handler{Rotate: provision.New(session.Config(), w.Provider, log).Rotate, Log: log}
		err := handler.Handle(ctx, payload)
		if err != nil {
			w.keep(&w.errors, err.Error())
		}
		return err
	}
}

// Parse is what the function makes of the properties of a stack's resource, also of values that an
// earlier version accepted.
func (w *World) Parse(stackID string, p Properties) (spec.Spec, error) {
	given := Properties{}
	maps.Copy(given, p) // Parse wants a map, also for none
	parsed, faults := spec.Read(given, stackID, LogicalID, w.Provider)
	if faults = faults.Final(); len(faults) > 0 {
		return spec.Spec{}, faults
	}
	return parsed, nil
}

// keep keeps what left the function, for Leaks.
func (w *World) keep(texts *[]string, text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*texts = append(*texts, text)
}

// Errors are those that Lambda got.
func (w *World) Errors() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.errors
}
