//go:build e2e

package privilege

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/release"
	"bucketuser/infra/local"
	"bucketuser/lambda/spec"
)

const (
	region   = cloudtest.Region
	logGroup = "/privilege/function"

	// stale is the logical id of a resource that CloudFormation does not wait for.
	stale = "Stale"

	// The function's time limit. What it may not do it tries again until a third of
	// it is left, as a role that was just made is not known everywhere at once.
	functionTimeout = 9 * time.Second
)

// cloud is the embedded AWS with what all lanes share.
type cloud struct {
	*cloudtest.Cloud
	stackID string // of a stack with the resource named by stale
	code    []byte // zip of the function
	answers answers
	runs    atomic.Int32
}

func newCloud(ctx context.Context, embedded *cloudtest.Cloud) (*cloud, error) {
	c := &cloud{Cloud: embedded}
	binary, err := os.ReadFile(filepath.Join(c.Function.Dir, "bootstrap"))
	if err != nil {
		return nil, err
	}
	if c.code, err = release.Zip(binary); err != nil {
		return nil, err
	}
	if c.stackID, err = c.stack(ctx, "Privilege"); err != nil {
		return nil, err
	}
	return c, c.answers.listen()
}

func (c *cloud) close() { c.answers.server.Close() }

// stack makes a stack whose only resource is complete.
func (c *cloud) stack(ctx context.Context, name string) (id string, err error) {
	_, err = c.Deploy(ctx, name, `{"Resources": {"`+stale+`": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}`, nil)
	if err != nil {
		return "", err
	}
	made, err := c.Settled(ctx, name)
	return aws.ToString(made.StackId), err
}

// provider returns what the function knows about itself.
func (s *subject) provider() spec.Provider {
	return spec.Provider{Partition: "aws", Region: region, Account: local.Account,
		IAMPath: spec.DefaultIAMPath, BoundaryARN: s.boundaryARN}
}

// nextRun names a run of the life cycle, whose names no other has.
func (c *cloud) nextRun() string { return fmt.Sprintf("run%d", c.runs.Add(1)) }

// A lane is a role with a function of its own, so that roles with different
// policies can be tried beside each other.
type lane struct {
	cloud    *cloud
	subject  *subject
	name     string
	arn      string // of the function
	roleARN  string
	policies map[string]bool
}

const trust = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
	"Principal": {"Service": "lambda.amazonaws.com", "AWS": "` + local.Account + `"}}]}`

func (s *subject) newLane(ctx context.Context, name string) (*lane, error) {
	return s.newFunction(ctx, s.name+"-"+name, nil)
}

// newFunction makes a lane of that very name, with variables in the place of the template's.
func (s *subject) newFunction(ctx context.Context, name string, variables map[string]string) (*lane, error) {
	c := root
	environment, err := s.environment()
	if err != nil {
		return nil, err
	}
	maps.Copy(environment, variables)
	role, err := c.IAM.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trust)})
	if err != nil {
		return nil, err
	}
	function, err := c.Lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: &name, Role: role.Role.Arn, Handler: &s.part.handler,
		Runtime: lambdatypes.RuntimeProvidedal2023, Architectures: []lambdatypes.Architecture{lambdatypes.Architecture(c.Function.Architecture)},
		Code: &lambdatypes.FunctionCode{ZipFile: c.code}, Timeout: aws.Int32(int32(functionTimeout.Seconds())),
		MemorySize:  aws.Int32(512),
		Environment: &lambdatypes.Environment{Variables: environment},
	})
	if err != nil {
		return nil, err
	}
	return &lane{cloud: c, subject: s, name: name, arn: *function.FunctionArn, roleARN: *role.Role.Arn, policies: map[string]bool{}}, nil
}

// permit lets Secrets Manager invoke the lane's function, also if it may already.
func (l *lane) permit(ctx context.Context) error {
	_, err := l.cloud.Lambda.AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: &l.name, StatementId: aws.String(l.cloud.nextRun()),
		Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("secretsmanager.amazonaws.com"), SourceAccount: aws.String(local.Account)})
	return err
}

// hold gives the role these policies and no others.
func (l *lane) hold(ctx context.Context, documents []document) error {
	had := l.policies
	l.policies = map[string]bool{}
	for _, d := range documents {
		if len(d.statements) == 0 {
			continue
		}
		l.policies[d.id] = true
		_, err := l.cloud.IAM.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
			RoleName: &l.name, PolicyName: &d.id, PolicyDocument: aws.String(d.json())})
		if err != nil {
			return err
		}
	}
	for id := range had {
		if l.policies[id] {
			continue
		}
		if _, err := l.cloud.IAM.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &l.name, PolicyName: &id}); err != nil {
			return err
		}
	}
	return nil
}

// answer is what the function tells CloudFormation.
type answer struct {
	Status, Reason     string
	PhysicalResourceID string `json:"PhysicalResourceId"`
	Data               map[string]string
}

// send has the function carry out an event and returns its answer.
func (l *lane) send(ctx context.Context, event map[string]any) (answer, error) {
	url, wait := l.cloud.answers.expect()
	event["ResponseURL"], event["RequestId"] = url, filepath.Base(url)
	event["ServiceToken"], event["ResourceType"], event["StackId"] = l.arn, spec.ResourceType, l.cloud.stackID
	payload, err := json.Marshal(event)
	if err != nil {
		return answer{}, err
	}
	out, err := l.cloud.Lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &l.name, Payload: payload})
	if err != nil {
		return answer{}, err
	}
	select {
	case a := <-wait:
		return a, nil
	default:
		return answer{}, fmt.Errorf("the function did not answer: %s %s", aws.ToString(out.FunctionError), out.Payload)
	}
}

// answers receives what functions send to their ResponseURLs.
type answers struct {
	server  *http.Server
	address string
	next    atomic.Int64
	waiting sync.Map // chan answer, by path
}

func (a *answers) listen() error {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return err
	}
	a.address = "http://" + listener.Addr().String()
	a.server = &http.Server{Handler: http.HandlerFunc(a.receive), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = a.server.Serve(listener) }() // until close
	return nil
}

func (a *answers) expect() (url string, wait chan answer) {
	path, wait := fmt.Sprintf("/%d", a.next.Add(1)), make(chan answer, 1)
	a.waiting.Store(path, wait)
	return a.address + path, wait
}

func (a *answers) receive(w http.ResponseWriter, r *http.Request) {
	wait, ok := a.waiting.LoadAndDelete(r.URL.Path)
	var body answer
	if !ok || json.NewDecoder(r.Body).Decode(&body) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	wait.(chan answer) <- body
}
