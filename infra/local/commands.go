package local

import (
	"fmt"
	"slices"
)

// A Command is what somebody runs, in the words of the error if it lacks a tool.
type Command string

// The commands that install something. No other does: make credentials, release,
// check and crash run with Go alone, and what synthesizes a template with Go and Node.js.
const (
	ForDeploy         Command = "make bootstrap, deploy, synth and destroy"
	ForDemo           Command = "make demo"
	ForLive           Command = "make live"
	ForTemplate       Command = "make template"
	ForLocalTests     Command = "go test ./infra/local"
	ForE2ETests       Command = "go test ./infra/e2e"
	ForPrivilegeTests Command = "go test ./infra/privilege"
	ForExampleTests   Command = "go test ./infra/examples"
	ForBench          Command = "make bench"

	forMotoTests   Command = "go test -run Moto ./infra/e2e"
	forSchemaTests Command = "go test -run TestDeployersPolicyAllowsWhatHandlersCall ./infra/e2e"
)

// commands name the toolsets that each command needs, and no more.
func commands() map[Command][]string {
	return map[Command][]string{
		ForDeploy:         {cdkCLI},
		ForDemo:           {cdkCLI, emulator, clickHouse},
		ForLive:           {cdkCLI, clickHouse},
		ForTemplate:       {cdkCLI, cfnLint},
		ForLocalTests:     {cdkCLI, emulator},
		ForE2ETests:       {cdkCLI, emulator, clickHouse, awsClients},
		ForPrivilegeTests: {emulator, checks},
		ForExampleTests:   {cdkCLI, emulator, clickHouse, awsClients, cfnLint, exampleTypeScript, examplePython},
		ForBench:          {awsClients, bench},
		forMotoTests:      {moto},
		forSchemaTests:    {cfnLint},
	}
}

// toolsetsFor returns the rows of a command, in the order of the table.
func toolsetsFor(command Command) ([]toolset, error) {
	names, ok := commands()[command]
	if !ok {
		return nil, fmt.Errorf("no row says what it needs")
	}
	return slices.DeleteFunc(toolsets(), func(s toolset) bool { return !slices.Contains(names, s.dir) }), nil
}
