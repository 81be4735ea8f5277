package status

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"bucketuser/lambda/spec"
)

// What the properties of a resource are, CloudFormation tells in its events, for 90 days. After that, and without the right
// to read them, names come from the secret's value, and the policy is held to what it says itself.

// mostEvents is how many pages of events are read at most.
const mostEvents = 10

// askProperties returns the properties of the last event by which the resource became as it is.
func (l looker) askProperties(ctx context.Context) answer[map[string]any] {
	pages := cloudformation.NewDescribeStackEventsPaginator(l.stacks, &cloudformation.DescribeStackEventsInput{StackName: &l.target.StackID})
	for read := 0; pages.HasMorePages() && read < mostEvents; read++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return answer[map[string]any]{err: err}
		}
		for _, event := range page.StackEvents {
			if properties := l.propertiesIn(event); properties != nil {
				return answer[map[string]any]{value: properties}
			}
		}
	}
	return answer[map[string]any]{isNone: true}
}

// propertiesIn are those of an event that has ended well, or nil.
func (l looker) propertiesIn(event types.StackEvent) map[string]any {
	isOwn := aws.ToString(event.LogicalResourceId) == l.target.LogicalID && aws.ToString(event.PhysicalResourceId) == l.target.PhysicalID
	isDone := event.ResourceStatus == types.ResourceStatusCreateComplete || event.ResourceStatus == types.ResourceStatusUpdateComplete
	var properties map[string]any
	if !isOwn || !isDone || json.Unmarshal([]byte(aws.ToString(event.ResourceProperties)), &properties) != nil {
		return nil
	}
	return properties
}

// identify finds out what the parts of the set are called: each way to tell must lead to the physical id.
func (f *facts) identify(said answer[map[string]any]) {
	t, p := f.target, f.provider()
	f.unsaid = said.err
	if s, faults := spec.Read(said.value, t.StackID, t.LogicalID, p); said.isThere() && s.PhysicalID == t.PhysicalID && len(faults.Final()) == 0 {
		f.spec, f.isSaid, f.isNamed = s, true, true
		return
	}
	value := f.value.value.fields
	names := spec.Names{User: nameIn(value[spec.FieldUserARN]), Bucket: value[spec.FieldBucket], Secret: t.SecretName}
	f.spec, f.isNamed = spec.Identify(t.PhysicalID, t.StackID, t.LogicalID, names, p)
	if !f.isNamed { // they may all be generated
		s, _ := spec.Read(nil, t.StackID, t.LogicalID, p)
		f.spec, f.isNamed = s, s.PhysicalID == t.PhysicalID
	}
	if !f.isNamed {
		f.spec = spec.Spec{Provider: p, StackID: t.StackID, LogicalID: t.LogicalID, PhysicalID: t.PhysicalID}
		f.spec.SecretName = t.SecretName
	}
	if prefix := value[spec.FieldPrefix]; prefix != "" {
		f.spec.Prefix = prefix
	}
}

// provider is what the stack's id and the secret's value say of the provider.
func (f *facts) provider() spec.Provider {
	p := spec.Provider{IAMPath: spec.DefaultIAMPath}
	if id, err := arn.Parse(f.target.StackID); err == nil {
		p.Partition, p.Region, p.Account = id.Partition, id.Region, id.AccountID
	}
	user := f.value.value.fields[spec.FieldUserARN]
	_, path, isUser := strings.Cut(user, ":user/")
	if last := strings.LastIndex(path, "/"); isUser && last >= 0 {
		p.IAMPath = "/" + path[:last+1]
	}
	return p
}

// nameIn is the name in the ARN of a user.
func nameIn(user string) string { return user[strings.LastIndex(user, "/")+1:] }
