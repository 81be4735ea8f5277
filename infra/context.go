package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"bucketuser/infra/bucketuser"
	"bucketuser/lambda/spec"
)

// values are what the context says.
type values struct {
	stackName    string
	providerOnly bool
	provider     bucketuser.ProviderProps
	resource     bucketuser.BucketUserProps
}

const (
	defaultStackName         = "BucketUser"
	defaultProviderStackName = "BucketUserProvider"
)

// properties maps the properties to the construct's.
func properties() map[string]func(*bucketuser.BucketUserProps, spec.Properties) {
	type props = bucketuser.BucketUserProps
	return map[string]func(*props, spec.Properties){
		"BucketName":         func(p *props, v spec.Properties) { p.BucketName = &v.BucketName },
		"UserName":           func(p *props, v spec.Properties) { p.UserName = &v.UserName },
		"SecretName":         func(p *props, v spec.Properties) { p.SecretName = &v.SecretName },
		"Prefix":             func(p *props, v spec.Properties) { p.Prefix = &v.Prefix },
		"FolderMarker":       func(p *props, v spec.Properties) { p.FolderMarker = &v.FolderMarker },
		"Access":             func(p *props, v spec.Properties) { p.Access = bucketuser.Access(v.Access) },
		"EnforceTls":         func(p *props, v spec.Properties) { p.EnforceTls = &v.EnforceTls },
		"OnDelete":           func(p *props, v spec.Properties) { p.OnDelete = bucketuser.OnDelete(v.OnDelete) },
		"Versioning":         func(p *props, v spec.Properties) { p.Versioning = v.Versioning },
		"KeySerial":          func(p *props, v spec.Properties) { p.KeySerial = jsii.Number(v.KeySerial) },
		"PreviousKey":        func(p *props, v spec.Properties) { p.PreviousKey = bucketuser.PreviousKey(v.PreviousKey) },
		"RotateAfterDays":    func(p *props, v spec.Properties) { p.RotateAfterDays = jsii.Number(v.RotateAfterDays) },
		"SecretKmsKeyId":     func(p *props, v spec.Properties) { p.SecretKmsKeyId = &v.SecretKmsKeyId },
		"SecretRecoveryDays": func(p *props, v spec.Properties) { p.SecretRecoveryDays = jsii.Number(v.SecretRecoveryDays) },
		"Trigger":            func(p *props, v spec.Properties) { p.Trigger = &v.Trigger },
		"VerifyCredentials":  func(p *props, v spec.Properties) { p.VerifyCredentials = &v.VerifyCredentials },
		"AbortIncompleteUploadsAfterDays": func(p *props, v spec.Properties) {
			if v.AbortIncompleteUploadsAfterDays != nil {
				p.AbortIncompleteUploadsAfterDays = jsii.Number(*v.AbortIncompleteUploadsAfterDays)
			}
		},
		"ExpireNoncurrentAfterDays": func(p *props, v spec.Properties) {
			p.ExpireNoncurrentAfterDays = jsii.Number(v.ExpireNoncurrentAfterDays)
		},
		"Statements": func(p *props, v spec.Properties) {
			for _, s := range v.Statements {
				p.Statements = append(p.Statements, bucketuser.Statement{
					Sid: s.Sid, Effect: s.Effect, Action: s.Action, Resource: s.Resource, Condition: s.Condition})
			}
		},
		"Tags": func(p *props, v spec.Properties) {
			p.Tags = map[string]string{}
			for _, tag := range v.Tags {
				p.Tags[tag.Key] = tag.Value
			}
		},
	}
}

// lists are the properties that a file of values holds, and no command line.
var lists = []string{"Statements", "Tags"}

// parseContext reads the context of the app, and the file of values that it names. Its error has a line for every key
// that is unknown and every value that is refused.
func parseContext(context map[string]any) (values, error) {
	v := values{stackName: defaultStackName}
	isProvider, faultOfKind := parseKind(context["provider"])
	if isProvider {
		v.providerOnly, v.stackName = true, defaultProviderStackName
	}
	if name, ok := context["stackName"].(string); ok {
		v.stackName = name
	}
	given, faults := readGiven(context, v.stackName, isProvider)
	faults = append(faults, faultOfKind, v.parseProvider(given))
	if isProvider {
		return v, errors.Join(append(faults, given.refuseResource())...)
	}
	return v, errors.Join(append(faults, v.parseResource(given))...)
}

// parseKind tells whether the stack is one of a resource or of a provider alone.
func parseKind(provider any) (isProvider bool, err error) {
	switch provider {
	case nil, "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, fmt.Errorf("-c provider: %v is not true or false", provider)
}

var stackName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,127}$`)

func (v *values) parseProvider(g given) error {
	var faults []error
	if !stackName.MatchString(v.stackName) {
		faults = append(faults, fmt.Errorf("-c stackName: must be 1 to 128 letters, digits and hyphens, a letter first"))
	}
	switch g.architecture {
	case nil: // that of the function, if it is built already
	case "arm64":
		v.provider.Architecture = awslambda.Architecture_ARM_64()
	case "x86_64":
		v.provider.Architecture = awslambda.Architecture_X86_64()
	default:
		faults = append(faults, fmt.Errorf("%s: %v is not arm64 or x86_64", g.place("Architecture"), g.architecture))
	}
	if folder, ok := g.context["code"].(string); ok {
		if _, err := os.Stat(filepath.Join(folder, "bootstrap")); err != nil {
			faults = append(faults, fmt.Errorf("-c code: not a folder with a built function: %w", err))
		} else {
			v.provider.Code = awslambda.Code_FromAsset(&folder, nil)
		}
	}
	return errors.Join(faults...)
}

// parseResource has the function's own parser judge the values, all of which are
// strings if they come from the command line.
func (v *values) parseResource(g given) error {
	stack := "arn:aws:cloudformation:us-east-1:000000000000:stack/" + defaultStackName + "/0"
	provider := spec.Provider{Partition: "aws", Region: "us-east-1", Account: "000000000000"}
	parsed, faults := spec.Read(g.properties, stack, defaultStackName, provider)
	refused, _ := faults.AtSynthesis() // the construct warns of the others
	if len(refused) > 0 {
		var lines []error
		for _, fault := range refused {
			lines = append(lines, fmt.Errorf("%s: %s", g.place(fault.Property), fault.Reason))
		}
		return errors.Join(lines...)
	}
	table := properties()
	for property := range g.properties {
		table[property](&v.resource, parsed.Properties)
	}
	return nil
}
