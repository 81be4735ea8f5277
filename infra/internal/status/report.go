package status

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"bucketuser/infra/internal/target"
)

// ReportVersion is the version of the JSON of a [Report]. Fields and checks are added without a new one; none is
// renamed, taken away, or given another meaning.
const ReportVersion = 1

// A State is what a check has found.
type State string

// The states, from good to bad. Something Unknown is never taken for good.
const (
	OK      State = "ok"
	Warning State = "warning" // worth a look, and no fault
	Unknown State = "unknown" // could not be determined
	Fault   State = "fault"   // something is wrong
)

// Verdicts on a resource as a whole.
const (
	Healthy   = "healthy"
	Faulty    = "faulty"
	Undecided = "unknown"
)

// A Finding is what one check says. A check may say several things.
type Finding struct {
	Check    string   `json:"check"`
	State    State    `json:"state"`
	What     string   `json:"what"`
	Todo     string   `json:"todo,omitempty"`
	Commands []string `json:"commands,omitempty"` // for a shell, in their order
}

// A Report is the state of one resource at a time. It holds nothing secret.
type Report struct {
	Version  int       `json:"version"`
	Verdict  string    `json:"verdict"`
	ExitCode int       `json:"exitCode"`
	At       time.Time `json:"at"`

	Stack    string `json:"stack,omitempty"`
	StackID  string `json:"stackId,omitempty"`
	Resource string `json:"resource,omitempty"`
	Account  string `json:"account,omitempty"`
	Region   string `json:"region,omitempty"`
	Endpoint string `json:"endpoint,omitempty"` // of the environment; absent for AWS's own

	User      string `json:"user,omitempty"`
	Bucket    string `json:"bucket,omitempty"`
	Secret    string `json:"secret,omitempty"`
	SecretARN string `json:"secretArn,omitempty"`
	Prefix    string `json:"prefix,omitempty"`

	KeySerial *int `json:"keySerial,omitempty"` // of the key in the secret; absent where it is not known

	Checks   []Finding `json:"checks"`
	Keys     []Key     `json:"keys"`
	Rotation *Rotation `json:"rotation,omitempty"` // absent where it is not known
	Objects  *Objects  `json:"objects,omitempty"`  // absent where it is not known
}

// Roles of a key.
const (
	RoleCurrent  = "current"  // in the secret
	RolePrevious = "previous" // goes on working beside the one in the secret
	RolePending  = "pending"  // of a rotation under way
	RoleNone     = "none"     // nothing speaks for it
	RoleUnknown  = "unknown"
)

// A Key is an access key of the user.
type Key struct {
	ID       string     `json:"id"`
	Role     string     `json:"role"`
	IsActive bool       `json:"active"`
	Created  time.Time  `json:"created"`
	LastUsed *time.Time `json:"lastUsed,omitempty"` // as far as IAM knows, which lags; absent: never, or not known
	Service  string     `json:"lastUsedService,omitempty"`
}

// Rotation is the schedule of the secret.
type Rotation struct {
	IsOn    bool       `json:"on"`
	Days    int        `json:"days,omitempty"`
	Next    *time.Time `json:"next,omitempty"`
	Last    *time.Time `json:"last,omitempty"`
	Pending *time.Time `json:"pendingSince,omitempty"` // since when one is under way
}

// Objects are counted up to a page. A count that IsMore is the least that there may be.
type Objects struct {
	Count         int  `json:"count"` // under the prefix, without the marker
	IsMore        bool `json:"more"`
	Outside       int  `json:"outside"` // of the prefix
	IsMoreOutside bool `json:"moreOutside"`
}

// newReport says of what the findings are.
func newReport(f facts) Report {
	t := f.target
	return Report{
		Version: ReportVersion, At: f.now.UTC().Truncate(time.Second),
		Stack: t.StackName(), StackID: t.StackID, Resource: t.LogicalID, Account: t.Account(), Region: t.Region, Endpoint: t.Endpoint,
		User: f.spec.UserName, Bucket: f.spec.BucketName, Secret: f.spec.SecretName, SecretARN: t.SecretARN, Prefix: f.spec.Prefix,
		Checks: []Finding{}, Keys: []Key{},
	}
}

// conclude sums the findings up. What is wrong weighs more than what is not known.
func (r *Report) conclude() {
	has := func(s State) bool {
		return slices.ContainsFunc(r.Checks, func(f Finding) bool { return f.State == s })
	}
	switch {
	case has(Fault):
		r.Verdict, r.ExitCode = Faulty, 1
	case has(Unknown):
		r.Verdict, r.ExitCode = Undecided, 2
	default:
		r.Verdict, r.ExitCode = Healthy, 0
	}
}

// WriteJSON writes the report for programs.
func (r Report) WriteJSON(out io.Writer) error {
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

// Where says which resource the report is of.
func (r Report) Where() string {
	return target.Target{Region: r.Region, Endpoint: r.Endpoint, StackID: r.StackID, LogicalID: r.Resource,
		SecretARN: r.SecretARN, SecretName: r.Secret}.String()
}
