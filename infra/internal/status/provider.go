package status

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// lookAtFunction asks about the function that the properties name. Events alone have that name as it is: templates hold it
// as an import or a parameter. Without it, and for what is no function, nothing is asked.
func (l looker) lookAtFunction(ctx context.Context, f *facts, properties map[string]any) {
	token, _ := properties["ServiceToken"].(string)
	if a, err := arn.Parse(token); err != nil || a.Service != "lambda" {
		return
	}
	f.token = token
	f.served = ask(func() (string, error) {
		_, err := l.lambda.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &token})
		return token, err
	}, "ResourceNotFoundException")
}

// ofProvider tells of the function that CloudFormation sends the events of the resource to. The function may
// be another team's: who lacks the right to ask is only warned.
func ofProvider(f facts) []Finding {
	_, name, _ := strings.Cut(plain(f.token), ":function:")
	found := Finding{Check: "provider", State: OK, What: "function " + name + " is there"}
	switch {
	case f.token == "":
		return nil
	case f.served.err != nil && isDenied(f.served.err):
		found.State, found.What = Warning, "it is not known whether the provider's function is there: "+whyUnknown(f.served.err)
		found.Todo = "ask for that right, which status.json has, or ask whoever has the provider"
	case f.served.err != nil:
		return []Finding{f.unknown("provider", f.served.err)}
	case f.served.isNone:
		found.State = Fault
		found.What = fmt.Sprintf("function %s is gone: stack %s can neither be updated nor deleted, and whoever creates a function of that name gets its events",
			name, f.target.StackName())
		found.Todo = "deploy a provider with FunctionName=" + name + ": infra/README.md, A provider created again, has how to do so without stranding others"
	}
	return []Finding{found}
}
