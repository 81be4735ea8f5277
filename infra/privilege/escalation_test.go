//go:build e2e

package privilege

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
	"bucketuser/lambda/spec"
)

const (
	account     = local.Account
	anyPolicy   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	readOnly    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}`
	iamPrefix   = "arn:aws:iam::" + account + ":"
	ourBucket   = spec.GeneratedBucketPrefix + account + "-" + region + "-escalation"
	theirBucket = spec.GeneratedBucketPrefix + account + "-" + region + "-theirs"
	otherBucket = "company-data"
	otherSecret = "company/password"
	ourSecret   = spec.GeneratedSecretPrefix + "escalation"
)

// TestEscalation tries what would make more of a role than it is. Each is refused
// to the role and, to show that it is the policies that refuse it, allowed to a role
// that may do anything.
func TestEscalation(t *testing.T) {
	v := newVictim(t.Context(), t)
	for _, s := range []*subject{construct, shared, rotation, sharedRotation} {
		start := time.Now()
		documents, err := s.rights(runMark)
		if err != nil {
			t.Fatal(err)
		}
		forbidden, permitted := v.attack(t, s, documents)
		all := append(forbidden, permitted...)
		r := judge(t, v.lane.session(t), v.lane.principal(), documents, document{}, all)
		r.fail(t)
		may := 0
		for _, c := range all {
			may += rank(!c.allowed)
		}
		summary.set("escalation, "+s.name, "%d things the role must not do, %d that it may: %s; %s", len(all)-may, may, r, since(start))
	}

	admin := []document{documentOf("Admin", anyPolicy)}
	forbidden, _ := v.attack(t, rotation, admin)
	for i := range forbidden {
		forbidden[i].allowed = true
	}
	judge(t, v.lane.session(t), v.lane.principal(), admin, document{}, forbidden).fail(t)

	// It has put a boundary in force that allows all. The tests that follow are about the true one.
	cloudtest.Must(root.IAM.CreatePolicyVersion(t.Context(), &iam.CreatePolicyVersionInput{
		PolicyArn: &construct.boundaryARN, PolicyDocument: aws.String(construct.boundary.json()), SetAsDefault: true}))(t)
}

// attack lets a role with these policies loose on the victim.
func (v *victim) attack(t *testing.T, s *subject, documents []document) (forbidden, permitted []cell) {
	t.Helper()
	var err error
	if v.lane, err = s.newLane(t.Context(), "escalation-"+documents[0].id); err != nil {
		t.Fatal(err)
	}
	if err := v.lane.hold(t.Context(), documents); err != nil {
		t.Fatal(err)
	}
	forbidden = append(append(v.users(), v.data()...), v.services()...)
	if s.part == rotating {
		return append(forbidden, v.beyondRotation()...), v.permittedToRotation()
	}
	return forbidden, v.permitted()
}

// TestDisagreementIsSeen gives one evaluator a policy that the other does not have.
func TestDisagreementIsSeen(t *testing.T) {
	l, err := construct.newLane(t.Context(), "disagreement")
	if err != nil {
		t.Fatal(err)
	}
	listing := []document{documentOf("List", `{"Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}`)}
	list := cell{name: "list the buckets", call: rest("s3", "GET", "/", ""), asks: on("s3:ListAllMyBuckets", "*")}
	if r := judge(t, l.session(t), l.principal(), listing, document{}, []cell{list}); len(r.disagreements) != 1 {
		t.Errorf("refused live and allowed by the simulator: %s", r)
	}
	if err := l.hold(t.Context(), listing); err != nil {
		t.Fatal(err)
	}
	if r := judge(t, l.session(t), l.principal(), nil, document{}, []cell{list}); len(r.disagreements) != 1 {
		t.Errorf("allowed live and refused by the simulator: %s", r)
	}
	if r := judge(t, l.session(t), l.principal(), listing, document{}, []cell{list}); len(r.wrong) != 1 || len(r.disagreements) != 0 {
		t.Errorf("allowed by both and not expected: %s", r)
	}
}
