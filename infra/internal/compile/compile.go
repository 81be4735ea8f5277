// Package compile says how the go command compiles the function, and what its file is called: for
// a release, for the construct, and for the embedded AWS.
package compile

import (
	"runtime/debug"
	"slices"
	"strings"
)

// Tags leave out of the function what it does not use. With lambda.norpc it has no second
// interface to Lambda, whose package calls methods by their names, so that the linker would keep
// every exported method of everything. With nethttpomithttp2 it has no HTTP/2, which AWS asks of
// no client, and whose connections hang when they have died while Lambda had the process frozen.
const Tags = "lambda.norpc,nethttpomithttp2"

// Loopback is a tag that no file asks for. It marks the function that answers a loopback ResponseURL as well, which
// is for the embedded AWS alone: a variable that the linker sets cannot be seen in the executable.
const Loopback = "bucketuser.loopback"

// AnswersLoopback tells that function from any other.
func AnswersLoopback(info *debug.BuildInfo) bool {
	return slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool {
		return s.Key == "-tags" && slices.Contains(strings.Split(s.Value, ","), Loopback)
	})
}

// The clients of AWS's services are code that was generated for each call. What is inlined into
// it is there some hundred times, is a twentieth of the zip file, and gains nothing that can be
// measured.
const notInlined = "github.com/aws/aws-sdk-go-v2/service/...=-l"

// Arguments are those of the go command, in the folder of the module, that compile a program
// into target. The path of the program follows them. The same sources
// give the same bytes on every machine. The words of linked are passed to the linker.
func Arguments(target string, linked ...string) []string {
	linked = append([]string{"-s", "-w", "-buildid="}, linked...)
	return []string{"build", "-trimpath", "-buildvcs=false", "-tags", Tags, "-gcflags", notInlined,
		"-ldflags", strings.Join(linked, " "), "-o", target}
}

// ZipFile returns the name that a release gives the function's file for GOARCH goarch. The template
// of the same version looks for it under this name.
func ZipFile(version, goarch string) string {
	return "bucketuser_" + version + "_linux_" + goarch + ".zip"
}
