package status

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"bucketuser/infra/internal/target"
	"bucketuser/lambda/claim"
	"bucketuser/lambda/spec"
)

// Labels of versions, in Secrets Manager's spelling.
const (
	labelCurrent = "AWSCURRENT"
	labelPending = "AWSPENDING"
)

// labelled is the version that has a label, or "".
func labelled(labels map[string][]string, label string) string {
	for version, of := range labels {
		if slices.Contains(of, label) {
			return version
		}
	}
	return ""
}

// pendingOf is the version of a rotation that is not complete, or "": AWSPENDING sits on another one than AWSCURRENT.
func pendingOf(labels map[string][]string) string {
	version := labelled(labels, labelPending)
	if slices.Contains(labels[version], labelCurrent) {
		return ""
	}
	return version
}

// secretTags are those of the secret.
func (f facts) secretTags() map[string]string {
	tags := map[string]string{}
	if f.secret.isThere() {
		for _, tag := range f.secret.value.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	return tags
}

// secretClaim is whose the secret is.
func (f facts) secretClaim() claim.Claim { return claim.Read(f.secretTags(), f.spec) }

func ofSecret(f facts) []Finding {
	name := f.spec.SecretName
	fault := func(what string) Finding { return Finding{Check: "secret", State: Fault, What: what} }
	switch {
	case f.secret.err != nil:
		return []Finding{f.unknown("secret", f.secret.err)}
	case f.secret.isNone:
		return []Finding{f.repair(fault("secret " + cmp.Or(name, "of resource "+f.target.LogicalID) + " is gone"))}
	case f.secret.value.DeletedDate != nil:
		found := fault(fmt.Sprintf("secret %s was deleted, and is in its recovery window: nobody can read it", name))
		found.Todo = "restore it"
		found.Commands = []string{"aws secretsmanager restore-secret --secret-id " + quoted(f.target.SecretARN)}
		return []Finding{found}
	}
	return append(f.ofTags("secretTags", "secret "+name, f.secretClaim(), f.tagSecret), append(f.ofFormat(), f.ofValue()...)...)
}

// ofFormat tells what this program does not know how to judge.
func (f facts) ofFormat() []Finding {
	if c := f.secretClaim(); c.IsLaterFormat() {
		return []Finding{{Check: "format", State: Unknown, Todo: "use the program of that version",
			What: fmt.Sprintf("a later version of the provider keeps the secret, in format %s; this program knows formats up to %d", plain(c.Tags()[spec.TagFormat]), spec.Format)}}
	}
	return []Finding{{Check: "format", State: OK, What: "format " + cmp.Or(f.secretTags()[spec.TagFormat], "of the versions before 0.1.0")}}
}

// ofValue tells whether the value is one of credentials, and of this set.
func (f facts) ofValue() []Finding {
	v := f.value.value
	fault := func(what string) []Finding {
		return []Finding{f.repair(Finding{Check: "secret", State: Fault, What: what})}
	}
	switch code := target.CodeOf(f.value.err); {
	case code == "DecryptionFailure", code == "InvalidRequestException":
		found := Finding{Check: "secret", State: Fault, What: "the value cannot be read: " + whyUnknown(f.value.err) + "; its KMS key is " + f.kmsKey()}
		found.Todo = "make the KMS key usable: enable it, or cancel its deletion"
		return []Finding{found}
	case f.value.err != nil:
		return []Finding{f.unknown("secret", f.value.err)}
	case f.value.isNone, v.isNull:
		return fault("secret " + f.spec.SecretName + " holds no value")
	case v.version == f.secretTags()[spec.TagBefore]:
		return fault("the value is one of an earlier life of the secret")
	case v.fields[spec.FieldAccessKeyID] == "" || v.fields[spec.FieldSecretAccessKey] == "":
		return fault("the value holds no access key; somebody has replaced it")
	}
	if wrong := f.differing(); len(wrong) > 0 {
		return fault("the value says " + strings.Join(wrong, ", "))
	}
	return []Finding{{Check: "secret", State: OK, What: fmt.Sprintf("secret %s can be read; its value was written %s ago", f.spec.SecretName, f.ago(v.created))}}
}

// differing are the fields of the value that are not as they should be, but for the key.
func (f facts) differing() (wrong []string) {
	wanted := f.spec.SecretValue("", "")
	for _, field := range spec.SecretFields {
		want := wanted[field.Name]
		if is := f.value.value.fields[field.Name]; want != "" && is != want {
			wrong = append(wrong, fmt.Sprintf("%s=%s instead of %s", field.Name, plain(is), want))
		}
	}
	return wrong
}

func (f facts) kmsKey() string {
	return cmp.Or(aws.ToString(f.secret.value.KmsKeyId), "alias/aws/secretsmanager")
}

// errNoKey says why what depends on the key is not known.
var errNoKey = errors.New("there is no key in the secret that could be tried")
