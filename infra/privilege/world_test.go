//go:build e2e

package privilege

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"bucketuser/infra/local"
	"bucketuser/lambda/spec"
)

const (
	region   = "eu-west-1"
	logGroup = "/privilege/function"

	// stale is the logical id of a resource that CloudFormation does not wait for.
	stale = "Stale"

	// The function's time limit. What it may not do it tries again until a third of
	// it is left, as a role that was just made is not known everywhere at once.
	functionTimeout = 9 * time.Second
)

// world is the embedded AWS as the root of its account sees it.
type world struct {
	aws     *local.AWS
	config  aws.Config
	iam     *iam.Client
	s3      *s3.Client
	secrets *secretsmanager.Client
	lambda  *lambda.Client
	stacks  *cloudformation.Client

	stackID string // of a stack with the resource named by stale
	code    []byte // zip of the function
	answers answers
	runs    atomic.Int32
}

func newWorld(ctx context.Context, a *local.AWS, code string) (*world, error) {
	config, err := a.Config()
	if err != nil {
		return nil, err
	}
	w := &world{
		aws: a, config: config,
		iam: iam.NewFromConfig(config), s3: s3.NewFromConfig(config), secrets: secretsmanager.NewFromConfig(config),
		lambda: lambda.NewFromConfig(config), stacks: cloudformation.NewFromConfig(config),
	}
	if w.code, err = zipped(filepath.Join(code, "bootstrap")); err != nil {
		return nil, err
	}
	if w.stackID, err = w.stack(ctx, "Privilege"); err != nil {
		return nil, err
	}
	return w, w.answers.listen()
}

func (w *world) close() { w.answers.server.Close() }

// stack makes a stack whose only resource is complete.
func (w *world) stack(ctx context.Context, name string) (id string, err error) {
	made, err := w.stacks.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: &name, TemplateBody: aws.String(
		`{"Resources": {"` + stale + `": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}}`)})
	if err != nil {
		return "", err
	}
	err = cloudformation.NewStackCreateCompleteWaiter(w.stacks, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay = 100 * time.Millisecond
	}).Wait(ctx, &cloudformation.DescribeStacksInput{StackName: &name}, time.Minute)
	return aws.ToString(made.StackId), err
}

func zipped(file string) ([]byte, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	header := &zip.FileHeader{Name: filepath.Base(file), Method: zip.Store}
	header.SetMode(0o755)
	entry, err := z.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := entry.Write(content); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}

// provider returns what the function knows about itself.
func (s *subject) provider() spec.Provider {
	return spec.Provider{Partition: "aws", Region: region, Account: local.Account,
		IAMPath: spec.DefaultIAMPath, BoundaryARN: s.boundaryARN}
}

// nextRun names a run of the life cycle, whose names no other has.
func (w *world) nextRun() string { return fmt.Sprintf("run%d", w.runs.Add(1)) }

// A lane is a role with a function of its own, so that roles with different
// policies can be tried beside each other.
type lane struct {
	w        *world
	subject  *subject
	name     string
	arn      string // of the function
	roleARN  string
	policies map[string]bool
}

const trust = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
	"Principal": {"Service": "lambda.amazonaws.com", "AWS": "` + local.Account + `"}}]}`

func (s *subject) newLane(ctx context.Context, name string) (*lane, error) {
	w, name := root, s.name+"-"+name
	environment, err := s.environment()
	if err != nil {
		return nil, err
	}
	role, err := w.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(trust)})
	if err != nil {
		return nil, err
	}
	architecture := lambdatypes.ArchitectureArm64
	if runtime.GOARCH == "amd64" {
		architecture = lambdatypes.ArchitectureX8664
	}
	function, err := w.lambda.CreateFunction(ctx, &lambda.CreateFunctionInput{
		FunctionName: &name, Role: role.Role.Arn, Handler: aws.String("bootstrap"),
		Runtime: lambdatypes.RuntimeProvidedal2023, Architectures: []lambdatypes.Architecture{architecture},
		Code: &lambdatypes.FunctionCode{ZipFile: w.code}, Timeout: aws.Int32(int32(functionTimeout.Seconds())),
		MemorySize:  aws.Int32(512),
		Environment: &lambdatypes.Environment{Variables: environment},
	})
	if err != nil {
		return nil, err
	}
	return &lane{w: w, subject: s, name: name, arn: *function.FunctionArn, roleARN: *role.Role.Arn, policies: map[string]bool{}}, nil
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
		_, err := l.w.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
			RoleName: &l.name, PolicyName: &d.id, PolicyDocument: aws.String(d.json())})
		if err != nil {
			return err
		}
	}
	for id := range had {
		if l.policies[id] {
			continue
		}
		if _, err := l.w.iam.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &l.name, PolicyName: &id}); err != nil {
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
	url, wait := l.w.answers.expect()
	event["ResponseURL"], event["RequestId"] = url, filepath.Base(url)
	event["ServiceToken"], event["ResourceType"], event["StackId"] = l.arn, spec.ResourceType, l.w.stackID
	payload, err := json.Marshal(event)
	if err != nil {
		return answer{}, err
	}
	out, err := l.w.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &l.name, Payload: payload})
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

// codeOf returns the error code of an answer of AWS, "" for success.
func codeOf(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.ErrorCode()
	default:
		return "no answer: " + err.Error()
	}
}
