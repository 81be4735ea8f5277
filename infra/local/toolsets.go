package local

import (
	"path/filepath"
	"regexp"
)

// The toolsets, each named as its directory under .local/tools.
const (
	cdkCLI            = "cdk"
	emulator          = "emulator"
	clickHouse        = "clickhouse"
	awsClients        = "clients"
	cfnLint           = "cfn-lint"
	moto              = "moto"
	checks            = "checks"
	bench             = "bench"
	exampleTypeScript = "example-typescript"
	examplePython     = "example-python"
)

// toolset is a row of the table: packages that are installed together.
type toolset struct {
	dir       string // under .local/tools
	name      string // as in "installing the cdk CLI"
	megabytes int    // on disk, about
	download  int    // MB, about
	from      string // folder of the repository with the pins
	registry  registry
	// programs are files and folders of the repository that run with the packages.
	// They are copied into dir, also when only they have changed.
	programs []string
	provide  func(t *Tools, dir string) // sets the set's fields
}

// toolsets is the table. What installs a package anew has a row here, and each file
// of pins in the repository belongs to one row.
func toolsets() []toolset {
	return []toolset{
		{
			dir: cdkCLI, name: "cdk CLI", megabytes: 29, download: 11, from: "infra/local/toolsets/cdk", registry: npm(),
			provide: func(t *Tools, dir string) { t.CDK = filepath.Join(dir, "node_modules", ".bin", "cdk") },
		},
		{
			dir: emulator, name: "embedded AWS", megabytes: 90, download: 20, from: "infra/local/toolsets/emulator", registry: pypi(),
			programs: []string{"infra/local/launcher"},
			provide: func(t *Tools, dir string) {
				t.Emulator, t.Launcher = inVenv(dir, "python3"), filepath.Join(dir, "launcher")
			},
		},
		{
			dir: clickHouse, name: "ClickHouse engine chDB", megabytes: 910, download: 256, from: "infra/local/toolsets/clickhouse", registry: pypi(),
			provide: func(t *Tools, dir string) { t.ClickHouse = inVenv(dir, "python3") },
		},
		{
			dir: awsClients, name: "aws CLI and boto3", megabytes: 230, download: 38, from: "infra/local/toolsets/clients", registry: pypi(),
			provide: func(t *Tools, dir string) { t.Clients = inVenv(dir, "") },
		},
		{
			dir: cfnLint, name: "template checker cfn-lint", megabytes: 180, download: 16, from: "infra/local/toolsets/cfn-lint", registry: pypi(),
			provide: func(t *Tools, dir string) { t.CfnLint = inVenv(dir, "cfn-lint") },
		},
		{
			dir: moto, name: "emulator moto", megabytes: 140, download: 31, from: "infra/local/toolsets/moto", registry: pypi(),
			programs: []string{"infra/local/motoserver"},
			provide: func(t *Tools, dir string) {
				t.Moto, t.MotoServer = inVenv(dir, "python3"), filepath.Join(dir, "motoserver")
			},
		},
		{
			dir: checks, name: "checks of policies and templates", megabytes: 200, download: 75, from: "infra/local/toolsets/checks", registry: npm(),
			programs: []string{"infra/local/toolsets/checks/nag.mjs", "infra/local/toolsets/checks/simulate.mjs"},
			provide:  func(t *Tools, dir string) { t.Checks = Checks{dir} },
		},
		{
			dir: bench, name: "CDK handler that empties buckets", megabytes: 200, download: 91, from: "infra/local/toolsets/bench", registry: npm(),
			programs: []string{"infra/local/toolsets/bench/empty.mjs"},
			provide:  func(t *Tools, dir string) { t.CDKHandler = filepath.Join(dir, "empty.mjs") },
		},
		{
			dir: exampleTypeScript, name: "libraries of the example in TypeScript", megabytes: 240, download: 112,
			from: "infra/examples/cdk-typescript", registry: npm(),
			provide: func(t *Tools, dir string) { t.NodeModules = filepath.Join(dir, "node_modules") },
		},
		{
			dir: examplePython, name: "libraries of the example in Python", megabytes: 450, download: 79,
			from: "infra/examples/cdk-python", registry: pypi(),
			provide: func(t *Tools, dir string) { t.PythonBin = inVenv(dir, "") },
		},
	}
}

func inVenv(dir, program string) string { return filepath.Join(dir, "venv", "bin", program) }

// registry is how packages of one kind are pinned and installed.
type registry struct {
	pins  []string   // files of a toolset's folder
	needs []string   // programs in PATH
	probe []string   // fails, and says why, if one of them is too old or incomplete
	hint  string     // what to do then
	steps [][]string // run in the toolset's directory, which holds nothing but the pins
	reach string     // what to look at if a step fails
	// offline matches what a step prints whose network is at fault, and unreached says so.
	offline   *regexp.Regexp
	unreached string
}

func pypi() registry {
	return registry{
		pins:  []string{"requirements.txt"},
		needs: []string{"python3"},
		probe: []string{"python3", "-c", "import sys\n" +
			"if sys.version_info < (3, 10): sys.exit('Python is too old: ' + sys.version)\n" +
			"import ensurepip, venv"},
		hint: "install Python 3.10 or newer with its venv module (Debian: apt install python3-venv)",
		steps: [][]string{
			{"python3", "-m", "venv", "venv"},
			{"venv/bin/python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", "requirements.txt"},
		},
		reach:     "pip needs PyPI, or the index that it is configured for",
		offline:   regexp.MustCompile(`(?i)connection (broken|refused|reset|to \S+ timed out)|failed to establish a new connection|name resolution|connecttimeout|network is unreachable`),
		unreached: "the Python package registry cannot be reached; look at the network, at HTTPS_PROXY, and at pip config list",
	}
}

func npm() registry {
	return registry{
		pins:  []string{"package.json", "package-lock.json"},
		needs: []string{"npm", "node"},
		probe: []string{"node", "-e", "if (parseInt(process.versions.node) < 20) { console.error('Node.js is too old: ' + process.version); process.exit(1) }"},
		hint:  "install Node.js 22 or newer, which comes with npm",
		steps: [][]string{
			{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"},
		},
		reach:     "npm needs the registry that it is configured for",
		offline:   regexp.MustCompile(`ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT`),
		unreached: "the Node.js package registry cannot be reached; look at the network, at HTTPS_PROXY, and at npm config list",
	}
}
