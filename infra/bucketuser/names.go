package bucketuser

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
)

// names are what one resource was given instead of generated names, and the KMS
// key of its secret. "" is none.
type names struct{ bucket, secret, key string }

func (p *BucketUserProps) names() names {
	return names{bucket: value(p.BucketName), secret: value(p.SecretName), key: value(p.SecretKmsKeyId)}
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// hash tells one set of names from another, so that each has a policy with a
// logical id of its own. Tokens count as what they become in the template.
func (n names) hash(stack awscdk.Stack) string {
	sum := sha256.Sum256([]byte(resolved(stack, n.bucket, n.secret, n.key)))
	return hex.EncodeToString(sum[:4])
}

// mayChange reports whether bucket or secret have a name that the template does not
// fix: one that comes from a parameter, another resource or another stack. Pseudo
// parameters stay the same as long as a stack lives.
func (n names) mayChange(stack awscdk.Stack) bool {
	text := strings.ReplaceAll(resolved(stack, n.bucket, n.secret), `"Ref":"AWS::`, "")
	for _, function := range []string{`"Ref":`, `"Fn::GetAtt":`, `"Fn::ImportValue":`} {
		if strings.Contains(text, function) {
			return true
		}
	}
	return false
}

// resolved returns names as the template has them, in JSON.
func resolved(stack awscdk.Stack, names ...string) string {
	text, err := json.Marshal(stack.Resolve(names))
	if err != nil { // strings and CloudFormation's functions: JSON by nature
		return ""
	}
	return string(text)
}

// statements are the rights that one resource needs beyond the provider's, or none.
func (n names) statements(at place) []*awsiam.PolicyStatementProps {
	var statements []*awsiam.PolicyStatementProps
	if n.bucket != "" {
		statements = append(statements, at.bucketStatements("Named", n.bucket)...)
	}
	if n.secret != "" {
		// The bare name is the ARN that the embedded AWS gives a secret that does not
		// exist yet; on AWS it is no secret's.
		statements = append(statements, allow("NamedSecret", secretActions(),
			at.namedSecret(n.secret), at.secret(n.secret)))
	}
	if n.key != "" {
		statements = append(statements, at.keyStatement(n.key, keyActions()))
	}
	return statements
}

// namedSecret is the ARN of the secret of a name. Secrets Manager adds a hyphen and six
// characters: "*" instead would reach secrets with longer names.
func (at place) namedSecret(name string) string { return at.secret(name + "-??????") }

// keyActions are what the provider's role may do with a KMS key.
func keyActions() []string {
	return []string{
		"kms:Decrypt",
		"kms:GenerateDataKey",
		"kms:Encrypt", // without it UpdateSecret leaves old versions under the old key
	}
}

// keyStatement is the right to encrypt secrets with a KMS key, and only by way of
// Secrets Manager.
func (at place) keyStatement(key string, actions []string) *awsiam.PolicyStatementProps {
	arn, alias := at.key(key)
	statement := at.keysStatement(&[]*string{&arn}, actions)
	if alias != "" {
		// An alias is not a resource of these actions: any key that bears it.
		when(statement, "ForAnyValue:StringEquals", "kms:ResourceAliases", alias)
	}
	return statement
}

// keysStatement is keyStatement for keys whose ARNs are known.
func (at place) keysStatement(arns *[]*string, actions []string) *awsiam.PolicyStatementProps {
	statement := allow("SecretKey", actions)
	statement.Resources = arns
	return when(statement, "StringEquals", "kms:ViaService", "secretsmanager."+at.region+"."+at.urlSuffix)
}

// key returns the ARN of a key that was given by id, ARN or alias, and the alias. A
// token stands for an ARN.
func (at place) key(key string) (arn, alias string) {
	if strings.HasPrefix(key, "${Token[") {
		return key, ""
	}
	prefix, name := "arn:"+at.partition+":kms:"+at.region+":"+at.account+":", key
	if i := strings.LastIndex(key, ":"); i >= 0 {
		prefix, name = key[:i+1], key[i+1:]
	}
	if strings.HasPrefix(name, "alias/") {
		return prefix + "key/*", name
	}
	return prefix + "key/" + strings.TrimPrefix(name, "key/"), ""
}
