package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

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

// properties maps the properties that a context can hold to the construct's.
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
	}
}

// contextKey returns the key of a property: bucketName for BucketName.
func contextKey(property string) string {
	return strings.ToLower(property[:1]) + property[1:]
}

// A word is a key that somebody may have meant for us. CDK's own keys, and those of
// its feature flags and look-ups, hold a colon, a slash or a hyphen.
var word = regexp.MustCompile(`^[A-Za-z]+$`)

// parseContext reads the context of the app. Its error has a line for every key
// that is unknown and every value that is refused.
func parseContext(context map[string]any) (values, error) {
	v := values{stackName: defaultStackName}
	var faults []error
	given := map[string]any{}
	known := map[string]bool{"stackName": true, "code": true, "architecture": true, "provider": true}
	for property := range properties() {
		key := contextKey(property)
		known[key] = true
		if value, ok := context[key]; ok {
			given[property] = value
		}
	}
	for _, key := range slices.Sorted(maps.Keys(context)) {
		if !known[key] && word.MatchString(key) {
			faults = append(faults, unknownKey(key, slices.Sorted(maps.Keys(known))))
		}
	}
	faults = append(faults, v.parseKind(context["provider"], given))
	if name, ok := context["stackName"].(string); ok {
		v.stackName = name
	}
	faults = append(faults, v.parseProvider(context), v.parseResource(given))
	return v, errors.Join(faults...)
}

// unknownKey says of a key what it may have been meant for: another case of one that the app has, or a property that
// a command line cannot hold.
func unknownKey(key string, known []string) error {
	if at := slices.IndexFunc(known, func(name string) bool { return strings.EqualFold(name, key) }); at >= 0 {
		return fmt.Errorf("-c %s: not a key of this app; write %s", key, known[at])
	}
	if slices.ContainsFunc(spec.Table, func(p spec.Property) bool { return strings.EqualFold(p.Name, key) }) {
		return fmt.Errorf("-c %s: is a list, which the construct takes in a stack of your own, and no command line", key)
	}
	return fmt.Errorf("-c %s: not a key of this app; it has %s", key, strings.Join(known, ", "))
}

// parseKind tells whether the stack is one of a resource or of a provider alone.
func (v *values) parseKind(provider any, given map[string]any) error {
	switch provider {
	case nil, "false":
		return nil
	case "true":
		v.providerOnly, v.stackName = true, defaultProviderStackName
	default:
		return fmt.Errorf("-c provider: %v is not true or false", provider)
	}
	var faults []error
	for _, property := range slices.Sorted(maps.Keys(given)) {
		faults = append(faults, fmt.Errorf("-c %s: belongs to a resource, and with -c provider=true there is none", contextKey(property)))
	}
	return errors.Join(faults...)
}

var stackName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,127}$`)

func (v *values) parseProvider(context map[string]any) error {
	var faults []error
	if !stackName.MatchString(v.stackName) {
		faults = append(faults, fmt.Errorf("-c stackName: must be 1 to 128 letters, digits and hyphens, a letter first"))
	}
	switch architecture := context["architecture"]; architecture {
	case nil: // that of the function, if it is built already
	case "arm64":
		v.provider.Architecture = awslambda.Architecture_ARM_64()
	case "x86_64":
		v.provider.Architecture = awslambda.Architecture_X86_64()
	default:
		faults = append(faults, fmt.Errorf("-c architecture: %v is not arm64 or x86_64", architecture))
	}
	if folder, ok := context["code"].(string); ok {
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
func (v *values) parseResource(given map[string]any) error {
	stack := "arn:aws:cloudformation:us-east-1:000000000000:stack/" + defaultStackName + "/0"
	provider := spec.Provider{Partition: "aws", Region: "us-east-1", Account: "000000000000"}
	parsed, faults := spec.Read(given, stack, defaultStackName, provider)
	refused, _ := faults.AtSynthesis() // the construct warns of the others
	if len(refused) > 0 {
		var lines []error
		for _, fault := range refused {
			lines = append(lines, fmt.Errorf("-c %s: %s", contextKey(fault.Property), fault.Reason))
		}
		return errors.Join(lines...)
	}
	table := properties()
	for property := range given {
		table[property](&v.resource, parsed.Properties)
	}
	return nil
}
