package main

import (
	"encoding/json"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "bucketuser/"

// floors are the packages of the function, from the ground up. A package imports none of a
// floor above its own.
var floors = [][]string{
	{"lambda/spec", "lambda/claim", "lambda/internal/awscall", "lambda/internal/awsenv", "lambda/internal/cfnresource"},
	{"lambda/internal/purge", "lambda/internal/secret"},
	{"lambda/internal/keyring", "lambda/internal/bucket", "lambda/internal/rotation"},
	{"lambda/internal/provision"},
	{"lambda"},
}

// forTests are packages that no program is made of.
var forTests = []string{"lambda/awsrules", "lambda/canary", "lambda/history", "lambda/internal/awsfake", "lambda/internal/bench", "lambda/internal/cfnfake", "lambda/internal/s3model", "lambda/internal/sim", "lambda/internal/smfake", "lambda/internal/walk"}

// nevers are imports, also through others, that would take a wall down.
var nevers = []struct{ from, to, why string }{
	{"lambda/spec", "github.com/aws/", "the construct and the documentation read properties without the SDK"},
	{"lambda/claim", "github.com/aws/", "whose a thing is depends on its tags alone, however they were read"},
	{"lambda/internal/awscall", "github.com/aws/aws-sdk-go-v2/service/", "what an answer means does not depend on what was asked"},
	{"lambda/internal/awsenv", "github.com/aws/aws-sdk-go-v2/service/", "what Lambda sets is the same for every service"},
	{"lambda/internal/awsenv", module + "lambda/", "and for every function"},
	{"lambda/internal/cfnresource", "github.com/aws/aws-sdk-go-v2/", "CloudFormation's protocol knows nothing of AWS's services"},
	{"lambda/internal/cfnresource", module + "lambda/", "nor of what the resource is"},
	{"lambda/internal/cfnresource", module + "lambda/internal/rotation", "the one protocol is not the other"},
	{"lambda/internal/rotation", "github.com/aws/aws-sdk-go-v2/", "Secrets Manager's protocol knows nothing of AWS's services"},
	{"lambda/internal/rotation", module + "lambda/", "nor of what is rotated"},
	{"lambda/internal/purge", module + "lambda/spec", "what is in a bucket is strings, whatever it is for"},
	{"lambda/internal/purge", module + "lambda/claim", "and whoever's it is"},
	{"lambda/internal/purge", module + "lambda/internal/secret", "it knows nothing of secrets"},
	{"lambda/internal/purge", module + "lambda/internal/cfnresource", "nor of events"},
	{"lambda/internal/purge", "github.com/aws/aws-sdk-go-v2/service/iam", "nor of users"},
	{"lambda/internal/bucket", "github.com/aws/aws-sdk-go-v2/service/iam", "the bucket knows nothing of users"},
	{"lambda/internal/bucket", "github.com/aws/aws-sdk-go-v2/service/secretsmanager", "nor of secrets"},
	{"lambda/internal/bucket", module + "lambda/internal/cfnresource", "nor of events"},
	{"lambda/internal/secret", "github.com/aws/aws-sdk-go-v2/service/iam", "the secret knows nothing of users"},
	{"lambda/internal/secret", "github.com/aws/aws-sdk-go-v2/service/s3", "nor of buckets"},
	{"lambda/internal/secret", module + "lambda/internal/cfnresource", "nor of events"},
	{"lambda/internal/keyring", "github.com/aws/aws-sdk-go-v2/service/s3", "keys know nothing of buckets"},
	{"lambda/internal/keyring", module + "lambda/internal/cfnresource", "nor of events"},
	{"lambda", "testing", "the function is no test"},
	{"infra/bucketuser", module + "lambda/internal/", "an app that embeds the construct builds none of the function"},
}

// ofInfra are the packages of the function that infra may import.
var ofInfra = []string{"lambda/spec", "lambda/claim"}

type goPackage struct {
	ImportPath    string
	Imports, Deps []string
}

func TestImports(t *testing.T) {
	packages := list(t)
	for path, p := range packages {
		checkFloor(t, path, p)
		checkInfra(t, path, p)
		for _, never := range nevers {
			if never.from == path {
				checkNever(t, p, never.to, never.why)
			}
		}
	}
	for _, dep := range packages["lambda"].Deps {
		if own, ok := strings.CutPrefix(dep, module); ok && slices.Contains(forTests, own) {
			t.Errorf("the function has %s in it, which is for tests", own)
		}
	}
}

// checkFloor wants a package of the function to stand on a floor, and its imports on no
// higher one.
func checkFloor(t *testing.T, path string, p goPackage) {
	t.Helper()
	if !strings.HasPrefix(path+"/", "lambda/") || slices.Contains(forTests, path) {
		return
	}
	own := floorOf(path)
	if own < 0 {
		t.Errorf("%s stands on no floor: add it to floors, or to forTests", path)
	}
	for _, imported := range p.Imports {
		if name, ok := strings.CutPrefix(imported, module); ok && floorOf(name) > own {
			t.Errorf("%s imports %s, which stands on a floor above it", path, name)
		}
	}
}

// checkInfra wants infra to import little of the function.
func checkInfra(t *testing.T, path string, p goPackage) {
	t.Helper()
	if !strings.HasPrefix(path, "infra") {
		return
	}
	for _, imported := range p.Imports {
		own, ok := strings.CutPrefix(imported, module)
		if ok && strings.HasPrefix(own, "lambda") && !slices.Contains(ofInfra, own) {
			t.Errorf("%s imports %s: infra may import %v alone", path, own, ofInfra)
		}
	}
}

func floorOf(path string) int {
	return slices.IndexFunc(floors, func(floor []string) bool { return slices.Contains(floor, path) })
}

func checkNever(t *testing.T, p goPackage, to, why string) {
	t.Helper()
	for _, dep := range p.Deps {
		if dep != p.ImportPath && strings.HasPrefix(dep+"/", strings.TrimSuffix(to, "/")+"/") {
			t.Errorf("%s imports %s: %s", p.ImportPath, dep, why)
			return // the first says enough
		}
	}
}

// list asks the go command for the packages of the module, without their tests.
func list(t *testing.T) map[string]goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports,Deps", module+"...")
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	packages := map[string]goPackage{}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); decoder.More(); {
		var p goPackage
		if err := decoder.Decode(&p); err != nil {
			t.Fatal(err)
		}
		packages[strings.TrimPrefix(p.ImportPath, module)] = p
	}
	return packages
}
