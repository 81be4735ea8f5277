package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parsed reads a command line whose words stand apart at spaces, where | stands for none.
func parsed(line string) (deployment, error) {
	var args []string
	for word := range strings.FieldsSeq(line) {
		args = append(args, strings.ReplaceAll(word, "|", " "))
	}
	return parseDeployment(args)
}

// Row 43: a deployment that may ask something says what to pass where there is no terminal, before anything is built.
func TestRow43NoTerminal(t *testing.T) {
	for line, want := range map[string]string{
		"deploy -stack A":                                     "make deploy: asks for approval of a change of rights, and there is no terminal to answer on: make deploy APPROVAL=never goes on unasked",
		"deploy -provider -stack A":                           "make deploy-provider APPROVAL=never",
		"destroy -stack A":                                    "make destroy: asks for approval of the destruction, and there is no terminal to answer on: make destroy APPROVAL=never",
		"destroy -provider -stack A":                          "make destroy-provider APPROVAL=never",
		"deploy -stack A -approval broadening":                "make deploy APPROVAL=never",
		"deploy -stack A -- --require-approval any-change":    "make deploy APPROVAL=never",
		"deploy -stack A -- -c prefix=never":                  "make deploy APPROVAL=never",
		"deploy -stack A -approval never":                     "",
		"destroy -stack A -approval never":                    "",
		"deploy -stack A -- --require-approval never":         "",
		"deploy -stack A -- --require-approval=never":         "",
		"deploy -provider -stack A -approval never -- -c x=1": "",
		"destroy -stack A -- --force":                         "",
		"synth -stack A":                                      "",
	} {
		d, err := parsed(line)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if err := d.checkTerminal(true); err != nil {
			t.Errorf("%s, on a terminal: %v", line, err)
		}
		if err := d.checkTerminal(false); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// Row 43: APPROVAL becomes what the cdk CLI takes for each command. The app's output is made before, by the context.
func TestRow43Approval(t *testing.T) {
	for line, want := range map[string][2]string{
		"deploy -stack A": {"synth A -c stackName=A", "deploy A"},
		"deploy -stack A -approval never -- -c prefix=x/":                 {"synth A -c stackName=A -c prefix=x/", "deploy A --require-approval never -c prefix=x/"},
		"deploy -stack A -approval any-change":                            {"synth A -c stackName=A", "deploy A --require-approval any-change"},
		"deploy -stack A -- --require-approval never -c=prefix=x/":        {"synth A -c stackName=A -c=prefix=x/", "deploy A --require-approval never -c=prefix=x/"},
		"deploy -stack A -- --app x --profile p":                          {"synth A -c stackName=A --profile p", "deploy A --profile p"},
		"deploy -provider -stack P -- --parameters BucketNamePattern=a-*": {"synth P -c stackName=P -c provider=true", "deploy P --parameters BucketNamePattern=a-*"},
		"destroy -stack A":                      {"synth A -c stackName=A", "destroy A"},
		"destroy -stack A -approval never":      {"synth A -c stackName=A", "destroy A --force"},
		"destroy -stack A -approval broadening": {"synth A -c stackName=A", "destroy A"},
	} {
		d, err := parsed(line)
		if diff := cmp.Diff(want, [2]string{strings.Join(d.synthesis(), " "), strings.Join(d.arguments(), " ")}); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", line, err, diff)
		}
	}
}

// Words that the cdk CLI would take for the names of more stacks, and names of stacks with a space, are refused. So are
// properties of a destruction, which would only seem to count.
func TestWordsAreRefused(t *testing.T) {
	for line, want := range map[string]string{
		"deploy -stack A -- prefix=x/":                                                  `CONTEXT: prefix=x/: has no -c before it; write CONTEXT="-c prefix=x/"`,
		"deploy -stack A -- -c prefix=x/ onDelete=Retain":                               `CONTEXT: onDelete=Retain: has no -c before it`,
		"deploy -stack A -- Other":                                                      `CONTEXT: Other: has no -c before it`,
		"deploy -stack A -- --verbose prefix=x/":                                        `CONTEXT: prefix=x/: has no -c before it`,
		"synth -stack A -- prefix=x/":                                                   `CONTEXT: prefix=x/: has no -c before it`,
		"deploy -stack A -- -c prefix":                                                  "CONTEXT: -c prefix: must be key=value",
		"deploy -stack My|Stack":                                                        `STACK="My Stack": must be 1 to 128 letters, digits and hyphens, a letter first`,
		"deploy -provider -stack 9":                                                     `PROVIDER="9": must be`,
		"deploy -stack A -approval sometimes":                                           `APPROVAL="sometimes": must be one of never, any-change, broadening`,
		"deploy -stack A -accept Prefx":                                                 "ACCEPT: Prefx: is no property; did you mean Prefix?",
		"deploy -stack A -accept yes":                                                   "ACCEPT: yes: is no property; names properties, such as ACCEPT=Prefix",
		"deploy -provider -stack A -accept FunctionNam":                                 "ACCEPT: FunctionNam: is no parameter that this asks about; did you mean FunctionName?",
		"deploy -provider -stack A -accept Prefix":                                      "ACCEPT: Prefix: is no parameter that this asks about; such are FunctionName, BucketNamePattern, SecretNamePattern",
		"destroy -provider -stack A -accept FunctionName":                               "ACCEPT: FunctionName: is not what this asks about; write ACCEPT=users",
		"deploy -provider -stack A -accept FunctionName":                                "",
		"destroy -provider -stack A -accept users":                                      "",
		"deploy -stack A -accept Prefix,OnDelete|BucketName":                            "",
		"destroy -stack A -- -c onDelete=Retain":                                        "CONTEXT: -c onDelete=Retain: says nothing to a destruction, for which the values of the last deployment count, OnDelete among them; deploy it first",
		"destroy -stack A -- --context=prefix=x/":                                       "CONTEXT: -c prefix=x/: says nothing to a destruction",
		"destroy -stack A -- --context prefix=x/":                                       "CONTEXT: -c prefix=x/: says nothing to a destruction",
		"deploy -provider -stack A -- BucketNamePattern=a-*":                            `CONTEXT: BucketNamePattern=a-*: is no context; write PARAMETERS="BucketNamePattern=a-*"`,
		"deploy -stack A -- Prefix=x/":                                                  `CONTEXT: Prefix=x/: has no -c before it`,
		"deploy -stack A -- --tags team=data -t cost=1 -c prefix=x/":                    "",
		"deploy -stack A -- -c prefix=x/ --context access=Full":                         "",
		"deploy -stack A -- --profile mine -c prefix=x/":                                "",
		"deploy -stack A -- -c=prefix=x/":                                               "",
		"deploy -stack A -- --role-arn arn:aws:iam::1:role/r":                           "",
		"destroy -stack A -- -c architecture=x86_64 -c code=/x -c @aws-cdk/core:x=true": "",
		"deploy -provider -stack A -- --parameters a=b --parameters C=d":                "",
	} {
		if _, err := parsed(line); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}
