//go:build e2e

package privilege

import (
	"flag"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/lambda/spec"
)

var update = flag.Bool("update", false, "write the table of what the user may do anew into infra/README.md")

// A point is one cell of the matrix: who does what, where and how.
type point struct {
	group   string // of cells, in the summary
	bucket  *tenant
	use     use
	inside  bool // the prefix
	http    bool
	session bool       // made from the key
	client  *s3.Client // of the key in use, or of that session
	who     string     // its ARN; "" if AWS knows no such key
	allowed bool       // as the README says; the table says it for the group "levels"
	code    string     // expected of a key that AWS does not know
}

func (p point) String() string {
	place := "the bucket"
	if p.use.object {
		place = "outside the prefix"
		if p.inside {
			place = "in the prefix"
		}
	}
	protocol := "https"
	if p.http {
		protocol = "http"
	}
	return fmt.Sprintf("%s, %s on %s: %s, %s", p.group, p.use.action, p.bucket.name, place, protocol)
}

// evaluate asks both evaluators about every point and returns what the embedded AWS
// says, and what does not hold.
func evaluate(t *testing.T, points []point) (allowed []bool, r report) {
	t.Helper()
	boundary := construct.boundary
	byUser, order := map[string][]int{}, []string{}
	allowed, asks := make([]bool, len(points)), make([]request, len(points))
	for i, p := range points {
		key := p.key(i)
		allowed[i], asks[i] = p.try(t, key), p.request(key)
		if _, ok := byUser[p.who]; !ok {
			order = append(order, p.who)
		}
		byUser[p.who] = append(byUser[p.who], i)
	}
	for _, who := range order {
		var batch []request
		for _, i := range byUser[who] {
			batch = append(batch, asks[i])
		}
		for j, err := range simulate(t, who, nil, boundary, batch) {
			i := byUser[who][j]
			want := points[i].allowed
			if points[i].group == "levels" { // the README's table says
				want = allowed[i]
			}
			r.add(points[i].String(), allowed[i], err == nil, want, "")
		}
	}
	return allowed, r
}

// key is that of the object of the i-th point.
func (p point) key(i int) string {
	if p.inside {
		return p.bucket.spec.Prefix + fmt.Sprintf("object-%d", i)
	}
	return fmt.Sprintf("elsewhere/object-%d", i)
}

// try makes the point's call on the embedded AWS and reports whether it was allowed.
func (p point) try(t *testing.T, key string) bool {
	t.Helper()
	s, err := p.bucket.seed(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	client := p.client
	if p.http {
		client = p.bucket.plain
	}
	code := cloudtest.Code(p.use.call(t.Context(), client, s))
	if p.code != "" && code != p.code {
		t.Errorf("%s: got %q, want %q", p, code, p.code)
	}
	if strings.HasPrefix(code, "no answer") {
		t.Fatalf("%s: %s", p, code)
	}
	return !isDenied(code) && code != "InvalidAccessKeyId"
}

// request is what the simulator is asked about the point's call.
func (p point) request(key string) request {
	r := request{action: p.use.action, resource: p.bucket.spec.BucketARN(), policy: p.bucket.policy,
		context: map[string]any{"aws:SecureTransport": fmt.Sprint(!p.http)}}
	if p.use.object {
		r.resource += "/" + key
	}
	if p.session {
		maps.Copy(r.context, inSession)
	}
	return r
}

// TestUser asks about every use by every access level, inside and outside the
// prefix, with and without versioning and TLS, by a session, and in every state of the key.
func TestUser(t *testing.T) {
	start := time.Now()
	tenants := newTenants(t)
	var points []point
	for _, n := range tenants {
		for _, u := range uses {
			points = append(points, point{group: "levels", bucket: n, use: u, inside: true, client: n.client, who: n.spec.UserARN()})
			if u.object {
				points = append(points, point{group: "levels", bucket: n, use: u, client: n.client, who: n.spec.UserARN()})
			}
			// With a session nothing: it would outlive its key.
			points = append(points, point{group: "session", bucket: n, use: u, inside: true, session: true, client: n.session.S3, who: n.spec.UserARN()})
			// Without TLS nothing, if it is enforced; and otherwise as with it.
			if u.action == "s3:ListBucket" || u.action == "s3:GetObject" || u.action == "s3:PutObject" {
				points = append(points, point{group: "http", bucket: n, use: u, inside: true, http: true, client: n.client, who: n.spec.UserARN(),
					allowed: !n.spec.EnforceTls && (n.spec.Access != spec.ReadOnly || u.action != "s3:PutObject")})
			}
		}
	}
	allowed, r := evaluate(t, points)
	checkReadme(t, tableOf(points, allowed))
	states := keyPoints(t, tenants)
	of := states.evaluate(t)
	r.disagreements, r.wrong = append(r.disagreements, of.disagreements...), append(r.wrong, of.wrong...)
	r.fail(t)
	summary.set("user", "%d cells (access, action, place, versioning, TLS, session; key active, inactive, deleted, of another user): %s; %s",
		len(points)+len(states.points), r, since(start))

	// A policy that one evaluator does not have is seen.
	blind := *tenants[0]
	blind.policy = strings.Replace(blind.policy, `"Deny"`, `"Allow"`, 1)
	if _, r := evaluate(t, []point{{group: "http", bucket: &blind, use: uses[0], http: true, client: blind.client, who: blind.spec.UserARN()}}); len(r.disagreements) != 1 {
		t.Errorf("a bucket policy without the Deny: %s", r)
	}
}

func newTenants(t *testing.T) []*tenant {
	t.Helper()
	var all []*tenant
	for _, access := range []string{spec.ReadOnly, spec.ReadWrite, spec.Full} {
		for _, more := range []properties{{}, {"Versioning": "true"}, {"EnforceTls": "false"}} {
			name := strings.ToLower(access)
			for option := range more {
				name += "-" + strings.ToLower(option)
			}
			more["Access"] = access
			n, err := construct.newTenant(t.Context(), name, more)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, n)
		}
	}
	return all
}
