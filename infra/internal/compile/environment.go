package compile

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// A Platform is where a program runs, in Go's words.
type Platform struct{ GOOS, GOARCH string }

// kept are the settings of a user's Go that decide where modules come from and where they lie. They
// change no byte of a program.
var kept = []string{"GOAUTH", "GOCACHE", "GOINSECURE", "GOMODCACHE", "GONOPROXY", "GONOSUMDB", "GOPRIVATE", "GOPROXY", "GOSUMDB",
	"GOTOOLCHAIN", "GOVCS"}

// Program compiles the program in a folder of the module, such as ./lambda, into the file target. The words of linked
// are passed to the linker.
func Program(module, folder, target string, platform Platform, linked ...string) error {
	environment, err := Environment(module, platform)
	if err != nil {
		return err
	}
	command := exec.Command("go", append(Arguments(target, linked...), folder)...)
	command.Dir, command.Env = module, environment
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, strings.TrimSpace(string(output)))
	}
	return nil
}

// Environment is that of the go command which compiles for a platform in the folder of the module. It puts aside
// what the user has set that would make other bytes: in the environment, and by go env -w.
func Environment(module string, platform Platform) ([]string, error) {
	output, err := exec.Command("go", append([]string{"env", "-json"}, kept...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	var settings map[string]string
	if err := json.Unmarshal(output, &settings); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	environment := os.Environ()
	for _, name := range kept {
		environment = append(environment, name+"="+settings[name])
	}
	return slices.Concat(environment, []string{"CGO_ENABLED=0", "GOOS=" + platform.GOOS, "GOARCH=" + platform.GOARCH,
		"GOARM64=v8.0", "GOAMD64=v1", "GOEXPERIMENT=", "GOFLAGS=", "GOFIPS140=off", "GOENV=off", "GOWORK=off", "PWD=" + module}), nil
}
