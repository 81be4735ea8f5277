//go:build e2e

package privilege

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"bucketuser/infra/internal/cloudtest"
)

// rotatorsPolicy is that of infra/policies for those who may rotate one secret, with names in the place of the README's.
func rotatorsPolicy(t *testing.T, secret, function string) document {
	t.Helper()
	text := string(cloudtest.Must(os.ReadFile(filepath.Join(root.Root, "infra", "policies", "rotate.json")))(t))
	// CloudFormation names a function after its stack and its logical id.
	functions := shared.template.ofType("AWS::Lambda::Function")
	maps.DeleteFunc(functions, func(id string, _ map[string]any) bool { return !strings.HasPrefix(id, "ProviderRotation") })
	if len(functions) != 1 {
		t.Errorf("the policy is about %d functions", len(functions))
	}
	text = strings.NewReplacer("<region>", region, "<account>", account, "<stack>", "Rotated", "<secret>", secret,
		"BucketUserProvider-ProviderRotation", function).Replace(text)
	if !json.Valid([]byte(text)) || strings.Contains(text, "<") {
		t.Fatal(text)
	}
	return documentOf("Rotator", text)
}

// TestA25WhoMayRotate invokes one of the two functions, has one secret rotated, and may do nothing else.
func TestA25WhoMayRotate(t *testing.T) {
	start, ctx := time.Now(), t.Context()
	provider, rotates := cloudtest.Must(construct.newLane(ctx, "rotators"))(t), cloudtest.Must(rotation.newLane(ctx, "rotators"))(t)
	arns := map[string]string{}
	for _, name := range []string{"rotators/secret", "rotators/secret-of-others"} {
		arns[name] = *cloudtest.Must(root.Secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("{}")}))(t).ARN
	}
	if err := rotates.permit(ctx); err != nil {
		t.Fatal(err)
	}
	policy := rotatorsPolicy(t, "rotators/secret", rotates.name)
	key := cloudtest.Must(root.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("rotator")}))(t)
	cloudtest.Must(root.IAM.PutUserPolicy(ctx, &iam.PutUserPolicyInput{
		UserName: aws.String("rotator"), PolicyName: aws.String("p"), PolicyDocument: aws.String(policy.json())}))(t)

	rotate := func(name, secret, function string, allowed bool) cell {
		return cell{name: name, allowed: allowed,
			call: target("secretsmanager", "secretsmanager.RotateSecret", `{"SecretId":"`+arns[secret]+`","RotationLambdaARN":"`+function+
				`","RotationRules":{"AutomaticallyAfterDays":30},"RotateImmediately":false}`),
			asks: append(on("secretsmanager:RotateSecret", arns[secret]), on("lambda:InvokeFunction", function)...)}
	}
	invoke := func(name string, l *lane, allowed bool) cell {
		return cell{name: name, allowed: allowed, call: rest("lambda", "POST", "/2015-03-31/functions/"+l.name+"/invocations", `{}`),
			asks: on("lambda:InvokeFunction", l.arn)}
	}
	secret := func(name, action, more string) cell {
		return cell{name: name, call: target("secretsmanager", "secretsmanager."+action, `{"SecretId":"`+arns["rotators/secret"]+`"`+more+`}`),
			asks: on("secretsmanager:"+action, arns["rotators/secret"])}
	}
	cells := []cell{
		rotate("rotate the secret", "rotators/secret", rotates.arn, true),
		rotate("rotate another secret", "rotators/secret-of-others", rotates.arn, false),
		invoke("invoke the function that rotates", rotates, true),
		invoke("invoke the function that makes and deletes", provider, false),
		secret("read the secret", "GetSecretValue", ""),
		secret("write the secret", "PutSecretValue", `,"SecretString":"x"`),
		secret("delete the secret", "DeleteSecret", ""),
		onUser("a key for the user", "CreateAccessKey", "bucketuser/insider"),
	}
	r := judge(t, cloudtest.Must(root.As(key, nil))(t), userARN("rotator"), []document{policy}, document{}, cells)
	r.fail(t)
	summary.set("rotate.json", "%d things that who may rotate may do or not: %s; %s", len(cells), r, since(start))
}
