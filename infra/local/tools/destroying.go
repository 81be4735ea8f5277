package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"bucketuser/infra/local"
	"bucketuser/lambda/spec"
)

// destroy runs the cdk CLI for a destruction, after it has said what becomes of the data.
func destroy(ctx context.Context, root string, args []string) error {
	d, err := parseDeployment(args)
	if err == nil {
		err = d.checkTerminal(isTerminal())
	}
	if err != nil {
		return err
	}
	config, who, err := d.caller(ctx)
	if err != nil {
		return err
	}
	a := newAccount(config)
	has, err := a.read(ctx, d.stack)
	if err != nil {
		return err
	}
	if has == nil {
		fmt.Fprintf(os.Stderr, "there is no stack %s in %s: nothing to destroy\n", d.stack, who)
		return nil
	}
	fmt.Fprintf(os.Stderr, "destroying stack %s of %s\n", d.stack, who)
	a.fate(ctx, has, os.Stderr)
	tools, err := local.Install(ctx, root, local.ForDeploy, os.Stderr)
	if err != nil {
		return err
	}
	assembly, err := os.MkdirTemp("", "bucketuser-destroy-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(assembly)
	if err := synthesizeTemplate(ctx, root, tools, assembly, d.synthesis()...); err != nil {
		return err
	}
	return cdk(ctx, root, tools, who, append(d.arguments(), "--app", assembly)...)
}

// fate says what the destruction does to the data of a stack.
func (a account) fate(ctx context.Context, has *deployedStack, out io.Writer) {
	resource, _ := has.template.resource()
	bucket := has.outputs["BucketName"]
	if resource == nil || bucket == "" {
		return
	}
	data, err := a.count(ctx, bucket, "", has.outputs["Prefix"])
	if err != nil {
		data = fmt.Sprintf("what could not be counted (%v)", err)
	}
	end := becomes(bucket, valueOf("OnDelete", resource), data)
	fmt.Fprintln(out, end)
	switch {
	case has.status != deleteFailed && strings.HasSuffix(end, fails):
		fmt.Fprintln(out, "Empty the bucket first, or deploy with OnDelete Purge or Retain.")
	case has.status == deleteFailed:
		fmt.Fprintf(out, "The stack is in DELETE_FAILED, so no other OnDelete can be deployed. Empty the bucket, or keep it with\n"+
			"  aws cloudformation delete-stack --stack-name %s --retain-resources BucketUser\n"+
			"which also leaves the secret, and a user whose key works.\n", has.name)
	}
}

const (
	deleteFailed = "DELETE_FAILED"
	fails        = "the destruction will fail, and change nothing of them"
)

// valueOf is the value that a property has in effect.
func valueOf(name string, properties map[string]any) string {
	for _, row := range spec.Table {
		if row.Name == name {
			return shown(row, properties)
		}
	}
	return ""
}

// becomes says what a value of OnDelete does to a bucket that holds data, or nothing if that is "".
func becomes(bucket, onDelete, data string) string {
	switch {
	case data == "":
		return fmt.Sprintf("bucket %s: is empty", bucket)
	case onDelete == spec.Purge:
		return fmt.Sprintf("bucket %s: holds %s, ALL OF WHICH ARE DELETED, since the deployed OnDelete is %s", bucket, data, onDelete)
	case onDelete == spec.Retain:
		return fmt.Sprintf("bucket %s: holds %s, and stays with them, since the deployed OnDelete is %s; user, key and secret go", bucket, data, onDelete)
	}
	return fmt.Sprintf("bucket %s: holds %s, and the deployed OnDelete is %s: %s", bucket, data, onDelete, fails)
}
