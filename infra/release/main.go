// Command release writes a release: the function, the provider's template, the operator's program, and what they are
// made of.
//
//	release -version 1.2.3                      all of it, with SHA256SUMS
//	release -version 1.2.3 -template FILE       the template alone
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"

	"bucketuser/infra/internal/quiet"
	"bucketuser/infra/internal/release"
	"bucketuser/infra/local"
)

func main() {
	version := flag.String("version", "", "such as 1.2.3")
	dir := flag.String("out", filepath.Join(".local", "release"), "folder to write anew")
	template := flag.String("template", "", "write this file only, the template")
	flag.Parse()
	err := run(*version, *dir, *template)
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
	}
	quiet.Close()
	if err != nil {
		os.Exit(1)
	}
}

func run(version, dir, template string) error {
	if template != "" {
		text, err := release.Template(version)
		if err != nil {
			return err
		}
		return os.WriteFile(template, text, 0o644)
	}
	root, err := local.Root()
	if err != nil {
		return err
	}
	start := time.Now()
	fmt.Fprintf(os.Stderr, "building %d files: takes minutes if Go has compiled nothing of it\n", release.Built())
	tell := func(file string) { fmt.Fprintf(os.Stderr, "%4.0f s  %s\n", time.Since(start).Seconds(), file) }
	if err := release.Write(root, dir, version, tell); err != nil {
		return err
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	fmt.Printf("release %s is in %s:\n", version, dir)
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			return err
		}
		fmt.Printf("  %8s  %s\n", humanize.Bytes(uint64(info.Size())), file.Name())
	}
	return nil
}
