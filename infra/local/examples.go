package local

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Examples are the libraries that the examples in other languages than Go need,
// installed from the pins in their own folders.
type Examples struct {
	NodeModules string // of cdk-typescript
	PythonBin   string // of the virtual environment of cdk-python
}

// InstallExamples makes them below <root>/.local/examples in the way of [Install].
func InstallExamples(ctx context.Context, root string, out io.Writer) (Examples, error) {
	dir, err := filepath.Abs(filepath.Join(root, ".local"))
	if err != nil {
		return Examples{}, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Examples{}, err
	}
	unlock, err := lock(ctx, filepath.Join(dir, "install.lock"))
	if err != nil {
		return Examples{}, fmt.Errorf("examples: %w", err)
	}
	defer unlock()

	typescript, err := copyPins(root, dir, "cdk-typescript", "package.json", "package-lock.json")
	if err != nil {
		return Examples{}, fmt.Errorf("examples: %w", err)
	}
	python, err := copyPins(root, dir, "cdk-python", "requirements.txt")
	if err != nil {
		return Examples{}, fmt.Errorf("examples: %w", err)
	}
	made := Examples{
		NodeModules: filepath.Join(dir, typescript, "node_modules"),
		PythonBin:   filepath.Join(dir, python, ".venv", "bin"),
	}
	for _, set := range []toolset{
		{
			name: "libraries of the example in TypeScript", made: filepath.Join(typescript, "node_modules"),
			needs: "npm", hint: "install Node.js 20 or newer, which comes with npm",
			steps: [][]string{
				{"npm", "--prefix", typescript, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"},
			},
		},
		{
			name: "libraries of the example in Python", made: filepath.Join(python, ".venv"),
			needs: "python3", hint: "install Python 3.10 or newer with its venv module",
			steps: [][]string{
				{"python3", "-m", "venv", "--clear", filepath.Join(python, ".venv")},
				{filepath.Join(made.PythonBin, "python3"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
					"--require-hashes", "-r", filepath.Join(python, "requirements.txt")},
			},
		},
	} {
		if err := set.ensure(ctx, dir, out); err != nil {
			return Examples{}, fmt.Errorf("examples: %s: %w", set.name, err)
		}
	}
	return made, nil
}

// copyPins copies pins of an example into a folder of dir that is named after their
// content, so that other pins make another installation. It returns the folder's
// path in dir.
func copyPins(root, dir, example string, pins ...string) (string, error) {
	h := sha256.New()
	texts := map[string][]byte{}
	for _, pin := range pins {
		text, err := os.ReadFile(filepath.Join(root, "infra", "examples", example, pin))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n%s", pin, len(text), text)
		texts[pin] = text
	}
	folder := filepath.Join("examples", fmt.Sprintf("%s-%x", example, h.Sum(nil)[:6]))
	if err := os.MkdirAll(filepath.Join(dir, folder), 0o755); err != nil {
		return "", err
	}
	for pin, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, folder, pin), text, 0o644); err != nil {
			return "", err
		}
	}
	return folder, nil
}
