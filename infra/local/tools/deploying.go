package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bucketuser/infra/local"
	"bucketuser/lambda/spec"
)

// deploy runs the cdk CLI for a deployment that makes sense, that can ask if it has to, and whose changes somebody
// agrees to.
func deploy(ctx context.Context, root string, args []string) error {
	d, err := parseDeployment(args)
	if err == nil {
		err = d.checkTerminal(isTerminal())
	}
	if err == nil {
		err = d.readValues(root, os.Stderr)
	}
	if err != nil {
		return err
	}
	config, who, err := d.caller(ctx, root)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%sing stack %s to %s\n", d.command, d.stack, who)
	a := newAccount(config)
	if err := a.checkBootstrap(ctx); err != nil {
		return err
	}
	has, err := a.read(ctx, d.stack)
	if err != nil {
		return err
	}
	if err := d.checkDeployable(has); err != nil {
		return err
	}
	tools, err := local.Install(ctx, root, local.ForDeploy, os.Stderr)
	if err != nil {
		return err
	}
	assembly, err := os.MkdirTemp("", "bucketuser-deploy-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(assembly)
	fmt.Fprintln(os.Stderr, "building the function and the template")
	if err := synthesize(ctx, root, tools, assembly, d.synthesis()...); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(assembly, d.stack+".template.json"))
	if err != nil {
		return err
	}
	next, err := parseTemplate(text)
	if err == nil {
		d.defaults = next.defaults()
		err = d.agree(ctx, a, has, next)
	}
	if err != nil {
		return err
	}
	return cdk(ctx, root, tools, who, append(d.arguments(), "--app", assembly)...)
}

// agree shows what the deployment changes, and asks about what nobody may have meant.
func (d deployment) agree(ctx context.Context, a account, has *deployedStack, next template) error {
	if err := d.checkParameters(next); err != nil || !has.isWhole() {
		return err
	}
	changes, err := d.compare(has, next)
	if err != nil {
		return err
	}
	was, _ := has.template.resource()
	is, _ := next.resource()
	if note := noRotation(was, is); note != "" {
		fmt.Fprintln(os.Stderr, note)
	}
	for i, c := range changes {
		if !c.leaves() {
			continue
		}
		switch left, err := a.count(ctx, has.outputs["BucketName"], c.from, c.from); {
		case err != nil:
			changes[i].strands = fmt.Sprintf("objects under %s could not be counted, and the user loses access to them: %v", c.from, err)
		case left != "":
			changes[i].strands = fmt.Sprintf("the user loses access to %s under %s, which stay there", left, c.from)
		}
	}
	return d.settle(changes, os.Stdin, os.Stderr)
}

// compare returns what the deployment changes, and refuses to put the app in the place of something else.
func (d deployment) compare(has *deployedStack, next template) ([]change, error) {
	deployed, others := has.template.resource()
	_, isProvider := has.template.Parameters[spec.BucketNamePatternParameter]
	if isOurs := isProvider == d.isProvider && (deployed == nil) == d.isProvider; len(others) > 0 || !isOurs {
		return nil, fmt.Errorf("stack %s: was deployed by something else, whose resources would be deleted; choose another name with %s=", d.stack, d.variable())
	}
	if d.isProvider {
		return d.compareParameters(has.parameters), nil
	}
	properties, _ := next.resource()
	return changesOf(deployed, properties, d.given), nil
}

// checkParameters refuses values of a provider that its template has no parameters for.
func (d deployment) checkParameters(next template) error {
	var names []string
	for name := range next.Parameters {
		names = append(names, name)
	}
	slices.Sort(names)
	var faults []error
	for _, parameter := range d.parameters() {
		name, _, _ := strings.Cut(parameter, "=")
		if slices.Contains(names, name) {
			continue
		}
		hint := "it has " + strings.Join(names, ", ")
		if nearest := spec.Nearest(name, names); nearest != "" {
			hint = "did you mean " + nearest + "?"
		}
		faults = append(faults, fmt.Errorf("%s: is not a parameter of the provider; %s", name, hint))
	}
	return errors.Join(faults...)
}

// settle prints the changes. Those that somebody has to agree to are asked about on a terminal, and refused elsewhere.
func (d deployment) settle(changes []change, in io.Reader, out io.Writer) error {
	if len(changes) > 0 {
		fmt.Fprintln(out, "what changes:")
	}
	for _, c := range changes {
		fmt.Fprintln(out, c)
	}
	open := asked(changes, d.accepted)
	if len(open) == 0 {
		return nil
	}
	if d.needsTerminal() {
		fmt.Fprint(out, "Deploy that? (y/N) ")
		if isYes(in, out) {
			return nil
		}
		return fmt.Errorf("nothing was deployed; %s", d.keep(open))
	}
	return fmt.Errorf("make %s: nobody is asked here, and nothing was deployed. ACCEPT=%q says yes to that; %s", d.target(), namesOf(open), d.keep(open))
}
