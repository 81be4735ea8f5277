package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"bucketuser/infra/local"
)

// synth writes the template of a deployment, and says where.
func synth(ctx context.Context, root string, args []string) error {
	d, err := parseDeployment(args)
	if err == nil {
		err = d.readValues(root, os.Stderr)
	}
	if err != nil {
		return err
	}
	tools, err := local.Install(ctx, root, local.ForDeploy, os.Stderr)
	if err != nil {
		return err
	}
	out := filepath.Join(".local", "synth")
	if err := synthesizeTemplate(ctx, root, tools, filepath.Join(root, out), d.synthesis()...); err != nil {
		return err
	}
	fmt.Println(filepath.Join(out, d.stack+".template.json"))
	return nil
}

// lintTemplate synthesizes the app for each way of naming things and has cfn-lint
// read the templates.
func lintTemplate(ctx context.Context, root string, tools local.Tools) error {
	dir, err := os.MkdirTemp("", "bucketuser-template-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for name, values := range map[string][]string{
		"generated": nil,
		"named":     {"-c", "bucketName=my-data", "-c", "userName=clickhouse", "-c", "secretName=clickhouse/s3", "-c", "secretKmsKeyId=alias/mine"},
	} {
		out := filepath.Join(dir, name)
		if err := synthesizeTemplate(ctx, root, tools, out, append([]string{"synth"}, values...)...); err != nil {
			return err
		}
		if err := lint(ctx, root, tools, filepath.Join(out, "BucketUser.template.json")); err != nil {
			return err
		}
	}
	released := filepath.Join(dir, "template.yaml")
	if output, err := prepare(ctx, root, "go", "run", "./infra/release", "-version", "0.0.0", "-template", released).CombinedOutput(); err != nil {
		return fmt.Errorf("release: %w\n%s", err, output)
	}
	return lint(ctx, root, tools, released)
}

// app is the built CDK app, in the folder of the repository.
var app = filepath.Join(".local", "app")

// synthesizeTemplate writes templates without the function: its code is no part of one, and so nothing of this
// can be deployed.
func synthesizeTemplate(ctx context.Context, root string, tools local.Tools, out string, args ...string) error {
	code, err := os.MkdirTemp("", "bucketuser-no-function-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(code)
	if err := os.WriteFile(filepath.Join(code, "bootstrap"), nil, 0o600); err != nil {
		return err
	}
	return synthesize(ctx, root, tools, out, append(args, "-c", "code="+code)...)
}

// synthesize has the cdk CLI write what the app makes into the folder out. Before that
// the go command builds the app, unless it is as the sources are; without what debuggers read,
// which would be a third of the building after an edit. What it prints is shown if it fails.
func synthesize(ctx context.Context, root string, tools local.Tools, out string, args ...string) error {
	if output, err := prepare(ctx, root, "go", "build", "-ldflags", "-s -w", "-o", app, "./infra").CombinedOutput(); err != nil {
		return fmt.Errorf("app: go build: %w\n%s", err, output)
	}
	args = append(args, "--app", app, "--output", out, "--quiet", "--no-notices")
	if output, err := prepare(ctx, root, tools.CDK, args...).CombinedOutput(); err != nil {
		return errors.New(local.Tidy(output))
	}
	return nil
}

func lint(ctx context.Context, root string, tools local.Tools, template string) error {
	// W3005: CDK writes the dependencies of a resource out even where a reference implies them.
	return command(ctx, root, tools.CfnLint, "--ignore-checks", "W3005", "--", template)
}
