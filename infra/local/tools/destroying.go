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
	config, who, err := d.caller(ctx, root)
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
	if err := a.fate(ctx, d, has, os.Stderr); err != nil {
		return err
	}
	if err := d.checkUsers(ctx, a, os.Stdin, os.Stderr); err != nil {
		return err
	}
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
	err = cdk(ctx, root, tools, who, append(d.arguments(), "--app", assembly)...)
	if err != nil && d.isProvider {
		a.sayStuck(ctx, d.stack, os.Stderr)
	}
	return err
}

// checkUsers refuses to destroy a provider that is in use.
func (d deployment) checkUsers(ctx context.Context, a account, in io.Reader, out io.Writer) error {
	if !d.isProvider {
		return nil
	}
	a.sayStuck(ctx, d.stack, out)
	users, err := a.usersOf(ctx, d.stack)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return d.leave(users, err, in, out)
}

// fate says what the destruction does to the data of a stack. One that fails leaves a stack that can only be deleted: it
// is refused, since nobody can have meant it.
func (a account) fate(ctx context.Context, d deployment, has *deployedStack, out io.Writer) error {
	resource, _ := has.template.resource()
	bucket := has.outputs["BucketName"]
	if resource == nil || bucket == "" {
		return nil
	}
	data, uncounted := a.count(ctx, bucket, "", has.outputs["Prefix"])
	if uncounted != nil {
		data = fmt.Sprintf("what could not be counted (%v)", uncounted)
	}
	end := becomes(bucket, valueOf("OnDelete", resource), data)
	fmt.Fprintln(out, end)
	switch {
	case has.status == deleteFailed:
		fmt.Fprintf(out, "The stack is in DELETE_FAILED, so no other OnDelete can be deployed. Empty the bucket, or keep it with\n"+
			"  aws cloudformation delete-stack --stack-name %s --retain-resources BucketUser\n"+
			"which also leaves the secret, and a user whose key works.\n", has.name)
	case !strings.HasSuffix(end, fails):
	case uncounted != nil || d.isForced():
		fmt.Fprintln(out, "A stack whose destruction has failed takes no deployment: empty the bucket first, or deploy with OnDelete Purge or Retain.")
	default:
		return fmt.Errorf("make destroy: nothing was destroyed, since the stack would then be in %s and take no deployment: empty the bucket first, "+
			"or deploy with OnDelete Purge or Retain; CONTEXT=--force tries it all the same", deleteFailed)
	}
	return nil
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
