package compile_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"bucketuser/infra/internal/compile"
)

const function = "bucketuser/lambda"

// heavy are packages that the function has no use for, with all below them.
var heavy = []struct{ path, why string }{
	{"text/template", callsByName},
	{"html/template", callsByName},
	{"net/rpc", callsByName + "; the tag lambda.norpc leaves it out"},
	{"encoding/gob", callsByName},
	{"plugin", "the linker keeps everything for a program that loads more"},
	{"go", "a function reads no Go"},
	{"flag", "a function has no command line"},
	{"expvar", "a function serves no HTTP"},
	{"net/http/pprof", "a function serves no HTTP"},
	{"os/exec", "a function starts no program"},
	{"os/user", "a function has no home"},
	{"github.com/aws/aws-sdk-go-v2/config", "it brings four more clients; lambda/internal/awsenv reads what Lambda sets"},
	{"github.com/aws/aws-sdk-go-v2/feature", "it brings more clients"},
}

const callsByName = "it calls methods by their names, so that the linker keeps every exported method: 9 MB, 1.8 MB packed"

// clients are the services that the function calls.
var clients = []string{"cloudformation", "iam", "internal", "s3", "secretsmanager"}

const services = "github.com/aws/aws-sdk-go-v2/service/"

type goPackage struct {
	ImportPath string
	Imports    []string
	ImportMap  map[string]string // of the standard library's own dependencies
}

// TestDependencies names the way of imports by which something heavy has come into the function.
func TestDependencies(t *testing.T) {
	all := ways(dependencies(t))
	if deep := all["vendor/golang.org/x/net/idna"]; !slices.Contains(deep, "net/http") {
		t.Fatalf("net/http imports a package that is not found by it: %v", deep)
	}
	for _, way := range all {
		last := len(way) - 1
		if why := whyNot(way[last]); why != "" && !slices.ContainsFunc(way[:last], isHeavy) {
			t.Errorf("%s: %s", strings.Join(way, " imports "), why)
		}
	}
}

// whyNot says why the function should not have a package in it, or "".
func whyNot(path string) string {
	for _, h := range heavy {
		if path == h.path || strings.HasPrefix(path, h.path+"/") {
			return h.why
		}
	}
	service, isService := strings.CutPrefix(path, services)
	service, _, _ = strings.Cut(service, "/")
	if isService && !slices.Contains(clients, service) {
		return "the client of another service has some 100 KB packed; if the function calls it, add it to clients"
	}
	return ""
}

func isHeavy(path string) bool { return whyNot(path) != "" }

// dependencies are the packages that the function is compiled of.
func dependencies(t *testing.T) map[string]goPackage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", compile.Tags, "-json=ImportPath,Imports,ImportMap", function)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	packages := map[string]goPackage{}
	decoder := json.NewDecoder(strings.NewReader(string(output)))
	for {
		var p goPackage
		if err := decoder.Decode(&p); err == io.EOF {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[p.ImportPath] = p
	}
}

// ways are the shortest ways from the function to each package, both ends included.
func ways(all map[string]goPackage) map[string][]string {
	found := map[string][]string{function: {function}}
	for queue := []string{function}; len(queue) > 0; queue = queue[1:] {
		from := all[queue[0]]
		for _, path := range from.Imports {
			if mapped, isMapped := from.ImportMap[path]; isMapped {
				path = mapped
			}
			if found[path] == nil {
				found[path] = append(slices.Clone(found[from.ImportPath]), path)
				queue = append(queue, path)
			}
		}
	}
	return found
}
