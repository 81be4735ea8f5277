package local

import (
	"bytes"
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

// A Shell is what somebody gets who sources env.sh: the environment, and a cdk that works as the demo's does.
type Shell struct {
	Root string // of the repository, where cdk has the app
	App  string // the built app
}

//go:embed cdk.sh
var cdkScript string

// WriteShell writes env.sh and the command cdk, which env.sh puts first in PATH, into the directory of the embedded
// AWS. Repeating it changes nothing.
func (a *AWS) WriteShell(s Shell) error {
	script, err := template.New("cdk.sh").Parse(cdkScript)
	if err != nil {
		return err
	}
	root, err := filepath.EvalSymlinks(s.Root)
	if err != nil {
		return err
	}
	env, cdk := filepath.Join(a.dir, envFile), ShellCDK(a.dir)
	var text bytes.Buffer
	err = script.Execute(&text, map[string]string{
		"Record": shellQuote(a.record()), "Endpoint": shellQuote(a.Endpoint), "Env": shellQuote(env), "Root": shellQuote(root),
		"App": shellQuote(s.App), "CDK": shellQuote(a.tools.CDK), "Context": shellQuote(filepath.Join(a.dir, contextFile)),
		"Temporary": shellQuote(a.temporary()),
	})
	if err != nil {
		return err
	}
	if err := a.WriteEnv(env); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(cdk), 0o755); err != nil {
		return err
	}
	return os.WriteFile(cdk, text.Bytes(), 0o755)
}

// WriteContext has the command cdk go on with the context of the last deployment, which are words of letters, digits,
// = and -.
func (a *AWS) WriteContext(words []string) error {
	return os.WriteFile(filepath.Join(a.dir, contextFile), []byte(strings.Join(words, " ")), 0o600)
}

// ShellCDK is the command cdk of such a shell.
func ShellCDK(dir string) string { return filepath.Join(dir, "bin", "cdk") }
