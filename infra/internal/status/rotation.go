package status

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/lambda/claim"
	"bucketuser/lambda/spec"
)

// stuckAfter is how long a rotation takes at most: it takes seconds, and minutes where AWS lags.
const stuckAfter = time.Hour

// ofRotation tells whether keys are rotated as they should be. That they are not rotated at all is no fault.
func ofRotation(f facts) []Finding {
	if !f.secret.isThere() || f.secret.value.DeletedDate != nil { // which another check says
		return nil
	}
	var found []Finding
	add := func(state State, what, todo string, commands ...string) {
		found = append(found, Finding{"rotation", state, what, todo, commands})
	}
	is := f.reportRotation()
	switch {
	case f.pending.err != nil:
		found = append(found, f.unknown("rotation", f.pending.err))
	case is.Pending != nil && f.now.Sub(*is.Pending) >= stuckAfter:
		add(Fault, fmt.Sprintf("a rotation is stuck: it began %s ago", f.ago(*is.Pending)),
			"the log of the function says why; put that right, and Secrets Manager goes on. Another RotateAfterDays gives the rotation up", f.readLog())
	case is.Pending != nil:
		add(OK, fmt.Sprintf("a rotation is under way, since %s", f.ago(*is.Pending)), "")
	}
	isUnderWay := is.Pending != nil && f.now.Sub(*is.Pending) < stuckAfter
	if is.IsOn && is.Next != nil && is.Next.Before(f.now) && !isUnderWay {
		add(Fault, fmt.Sprintf("a rotation is overdue: it was to be done by %s", is.Next.UTC().Format(time.RFC3339)),
			"rotate now, which says what is in the way", "bucketuser rotate "+f.arguments())
	}
	if f.isSaid && f.spec.RotateAfterDays != is.Days && f.spec.RotateAfterDays > 0 {
		found = append(found, f.repair(Finding{Check: "rotation", State: Fault,
			What: fmt.Sprintf("RotateAfterDays is %d, and Secrets Manager has %s", f.spec.RotateAfterDays, is)}))
	}
	if f.isSaid && f.spec.RotateAfterDays == 0 && is.IsOn {
		add(Warning, "somebody has the secret rotated, "+is.String()+", by "+plain(f.function()), "set RotateAfterDays, or have it switched off")
	}
	found = append(found, f.ofRotated(*is)...)
	if len(found) == 0 {
		add(OK, is.String(), "")
	}
	return found
}

// ofRotated tells what the function would refuse to rotate a secret for.
func (f facts) ofRotated(is Rotation) (found []Finding) {
	if !is.IsOn {
		return nil
	}
	if access, _ := f.secretClaim().Access(); access == "" {
		found = append(found, f.refused(fmt.Sprintf("secret %s has no tag %s", f.spec.SecretName, spec.TagAccess)))
	}
	if f.user.isThere() && !f.userClaim().IsBoundTo(aws.ToString(f.secret.value.ARN)) {
		found = append(found, f.refused(fmt.Sprintf("the tag %s of user %s does not name the secret", spec.TagSecret, f.spec.UserName)))
	}
	return found
}

func (f facts) refused(why string) Finding {
	return f.repair(Finding{Check: "rotation", State: Fault, What: why + ": its key cannot be rotated"})
}

// String says whether and when.
func (r Rotation) String() string {
	if !r.IsOn {
		return "off"
	}
	text := "on, by a rule of its own"
	if r.Days > 0 {
		text = fmt.Sprintf("on, every %d days", r.Days)
	}
	if r.Next != nil {
		text += ", the next one by " + r.Next.UTC().Format(time.DateOnly)
	}
	return text
}

func (f facts) function() string { return aws.ToString(f.secret.value.RotationLambdaARN) }

// readLog is the command that reads what the function that rotates has logged of the rotation under way.
func (f facts) readLog() string {
	token := pendingOf(f.secret.value.VersionIdsToStages)
	return fmt.Sprintf(`aws logs tail "$(aws lambda get-function-configuration --function-name %s --query LoggingConfig.LogGroup --output text)" --since 2d --filter-pattern %s`,
		quoted(f.function()), quoted(`"`+token+`"`))
}

// arguments are those by which this program finds the resource again.
func (f facts) arguments() string {
	return quoted(f.target.StackName()) + " --resource " + quoted(f.target.LogicalID)
}

// reportRotation is the schedule, or nil where it is not known.
func (f facts) reportRotation() *Rotation {
	if !f.secret.isThere() {
		return nil
	}
	x := f.secret.value
	is := Rotation{IsOn: aws.ToBool(x.RotationEnabled), Last: x.LastRotatedDate}
	if is.IsOn {
		is.Next = x.NextRotationDate
		if x.RotationRules != nil {
			is.Days = int(aws.ToInt64(x.RotationRules.AutomaticallyAfterDays))
		}
	}
	if f.pending.isThere() {
		is.Pending = &f.pending.value
	}
	return &is
}

// userClaim is whose the user is.
func (f facts) userClaim() claim.Claim {
	tags := map[string]string{}
	if f.user.isThere() {
		for _, tag := range f.user.value.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	return claim.Read(tags, f.spec)
}
