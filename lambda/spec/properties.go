package spec

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-viper/mapstructure/v2"
)

// What Delete does to the bucket.
const (
	DeleteIfEmpty = "DeleteIfEmpty"
	Purge         = "Purge"
	Retain        = "Retain"
)

// What the user may do below the prefix.
const (
	ReadOnly  = "ReadOnly"
	ReadWrite = "ReadWrite"
	Full      = "Full"
)

// What becomes of the key that a rotation replaces.
const (
	KeepKey   = "Keep"   // it works until the next rotation
	DeleteKey = "Delete" // it is deleted, by the Update that asks for it
)

// Properties are the resource's properties with every default filled in.
type Properties struct {
	BucketName                      string
	UserName                        string
	SecretName                      string
	Prefix                          string // ends in "/"
	FolderMarker                    bool
	Access                          string // ReadOnly, ReadWrite or Full
	Statements                      []ExtraStatement
	EnforceTls                      bool
	OnDelete                        string // DeleteIfEmpty, Purge or Retain
	Versioning                      *bool  // nil: as it is
	AbortIncompleteUploadsAfterDays *int   // days; 0: no rule; nil: see [Spec.AbortDays]
	ExpireNoncurrentAfterDays       int    // days; 0: no rules
	KeySerial                       int    // of the key, see [FieldKeySerial]
	PreviousKey                     string // KeepKey or DeleteKey
	RotateAfterDays                 int    // days; 0: off
	SecretKmsKeyId                  string // "": the AWS managed key
	SecretRecoveryDays              int    // days; 0: deleted at once
	Tags                            []Tag
	Trigger                         string // any text, without an effect of its own
	VerifyCredentials               bool
}

// A Tag is one element of the property Tags, in CloudFormation's own form.
type Tag struct{ Key, Value string }

// How a property answers to a change of its value.
const (
	Identity = "identity" // names the resource: a change replaces it
	InPlace  = "in place"
	NoChange = "n/a"
)

// A Property is one row of the table of properties: how it is parsed, checked
// and documented.
type Property struct {
	Name     string
	Default  string // as documented
	OnChange string // Identity, InPlace or NoChange
	Short    string // a few words of Markdown, for README
	Meaning  string // one line of Markdown, for infra/README.md

	field func(*Properties) any
	check func(*Spec) string // the reason to refuse the value, or ""
}

// Table lists every property in the order of the documentation.
var Table = []Property{
	{"BucketName", "generated", Identity, "globally unique, without dots",
		"globally unique name of the bucket, without dots; a name that ends in `-an`, of an account regional namespace, is for adoption only, with `OnDelete: Retain`",
		func(p *Properties) any { return &p.BucketName }, (*Spec).checkBucketName},
	{"UserName", "generated", Identity, "IAM user, without console login",
		"IAM user, without console login, groups or identity policies",
		func(p *Properties) any { return &p.UserName }, (*Spec).checkUserName},
	{"SecretName", "generated", Identity, "receives the credentials",
		"Secrets Manager secret that receives the credentials, at most 256 characters",
		func(p *Properties) any { return &p.SecretName }, (*Spec).checkSecretName},
	{"Prefix", "`data/`", InPlace, "the folder; a change moves no objects",
		"the folder: printable ASCII, at most 256 bytes (512 percent-encoded); a trailing `/` is added; refused are characters that a consumer reads as a pattern (`*`, `?`, `{`, `}`, `^`, `$`, `+`), a leading `/`, `-` or space, and empty, `.` or `..` segments; a change moves no objects, and ends the user's access to those under the old prefix",
		func(p *Properties) any { return &p.Prefix }, (*Spec).checkPrefix},
	{"FolderMarker", "`true`", InPlace, "create the object of the console's *Create folder*",
		"write the zero-byte `<Prefix>` object that the console's *Create folder* writes",
		func(p *Properties) any { return &p.FolderMarker }, anyValue},
	{"Access", "`ReadWrite`", InPlace, "`ReadOnly`, `ReadWrite`, or `Full`: the guide's `s3:*`",
		"`ReadOnly`, `ReadWrite`, or `Full`: the guide's `s3:*` on the bucket and everything in it",
		func(p *Properties) any { return &p.Access }, func(s *Spec) string { return oneOf(s.Access, ReadOnly, ReadWrite, Full) }},
	{"Statements", "none", InPlace, "list of further statements of the bucket policy",
		"further statements of the bucket policy: `Effect`, `Action` in any spelling that S3 takes, and optionally `Sid`, `Resource`, `Condition`; the Principal is the user; a Resource is an ARN in the bucket or a key pattern that starts with `/`; without a Resource the statement is about the bucket and everything in it",
		func(p *Properties) any { return &p.Statements }, (*Spec).checkStatements},
	{"EnforceTls", "`true`", InPlace, "refuse requests without TLS",
		"refuse every request without TLS",
		func(p *Properties) any { return &p.EnforceTls }, anyValue},
	{"OnDelete", "`DeleteIfEmpty`", InPlace, "[fate of the bucket](#deletion-and-your-data): `DeleteIfEmpty`, `Purge` or `Retain`",
		"what deleting the resource does to the bucket: `DeleteIfEmpty`, `Purge` or `Retain`",
		func(p *Properties) any { return &p.OnDelete }, func(s *Spec) string { return oneOf(s.OnDelete, DeleteIfEmpty, Purge, Retain) }},
	{"Versioning", "absent", InPlace, "`true`: on; `false`: suspended; absent: as others set it",
		"bucket versioning: `true` turns it on, `false` suspends it if it is on; absent: off in a new bucket, suspended if this resource had turned it on, and otherwise as others have set it; with versioning each merge and `DROP` of ClickHouse leaves its old parts behind for ever, unless `ExpireNoncurrentAfterDays` is set",
		func(p *Properties) any { return &p.Versioning }, anyValue},
	{"AbortIncompleteUploadsAfterDays", "`7`", InPlace, "delete the parts of unfinished uploads; `0`: never",
		"lifecycle rule for the parts of unfinished multipart uploads, in days; `0`: none; an adopted bucket gets the rule only if the property is given, and for `Prefix` only; other rules are left alone",
		func(p *Properties) any { return &p.AbortIncompleteUploadsAfterDays },
		func(s *Spec) string { return within(s.AbortDays(false), 0, maxLifecycleDays) }},
	{"ExpireNoncurrentAfterDays", "`0`", InPlace, "delete versions that are no longer current; `0`: never",
		"lifecycle rules for versions that are no longer current, in days, and for delete markers with nothing under them; `0`: none; refused if the bucket was never versioned; in an adopted bucket the rules reach `Prefix` only; other rules are left alone",
		func(p *Properties) any { return &p.ExpireNoncurrentAfterDays },
		func(s *Spec) string { return within(s.ExpireNoncurrentAfterDays, 0, maxLifecycleDays) }},
	{"KeySerial", "`0`", InPlace, "a higher number [rotates the key](#rotation-and-a-leaked-key)",
		"a value higher than the one recorded in the secret (`BUCKETUSER_KEY_SERIAL`) rotates the key: a new key is created, tested and put into the secret, and the old one becomes the previous key; an equal or lower value rotates nothing, so a rollback never does; at most 999,999,999",
		func(p *Properties) any { return &p.KeySerial }, func(s *Spec) string { return within(s.KeySerial, 0, maxKeySerial) }},
	{"PreviousKey", "`Keep`", InPlace, "`Delete` ends the key that was replaced",
		"what happens to the previous key: `Keep`: it works until the next rotation; `Delete` deletes it once, in an update that raises `KeySerial` while `Delete` stands, or that changes `Keep` to `Delete`, and in no scheduled rotation, repair or later update; the deletion comes last and is final: a rollback does not bring the key back",
		func(p *Properties) any { return &p.PreviousKey }, func(s *Spec) string { return oneOf(s.PreviousKey, KeepKey, DeleteKey) }},
	{"RotateAfterDays", "`0`", InPlace, "days between scheduled rotations; `0`: no schedule",
		"rotation by Secrets Manager, each time after this number of days, at most 1,000; `0`: off; with a schedule at most 38 `Tags`",
		func(p *Properties) any { return &p.RotateAfterDays }, (*Spec).checkRotation},
	{"SecretKmsKeyId", "AWS managed", InPlace, "KMS key that encrypts the secret",
		"KMS key that encrypts the secret",
		func(p *Properties) any { return &p.SecretKmsKeyId }, (*Spec).checkKmsKeyID},
	{"SecretRecoveryDays", "`0`", InPlace, "`0` deletes the secret at once, `7` to `30` later",
		"recovery window of the secret on Delete: `0` deletes it at once, else 7 to 30 days",
		func(p *Properties) any { return &p.SecretRecoveryDays }, (*Spec).checkRecoveryDays},
	{"Tags", "none", InPlace, "list of `Key` and `Value`, kept next to tags of others",
		"list of `Key` and `Value` for bucket and secret, kept next to tags set by others; the user gets them only when it is created; at most 40",
		func(p *Properties) any { return &p.Tags }, (*Spec).checkTags},
	{"Trigger", "none", InPlace, "any text; its change repairs what was changed by hand",
		"any text, at most 1,024 characters, which the function never logs; its change makes CloudFormation send an update, which looks at everything and repairs what was changed by hand",
		func(p *Properties) any { return &p.Trigger }, (*Spec).checkTrigger},
	{"VerifyCredentials", "`true`", NoChange, "test each new key before it is handed over",
		"test, before CloudFormation goes on, that each new key can do what `Access` promises",
		func(p *Properties) any { return &p.VerifyCredentials }, anyValue},
}

func defaults() Properties {
	return Properties{
		Prefix:            "data/",
		FolderMarker:      true,
		Access:            ReadWrite,
		EnforceTls:        true,
		OnDelete:          DeleteIfEmpty,
		PreviousKey:       KeepKey,
		VerifyCredentials: true,
	}
}

// decode fills the table's fields, and returns a fault for every property that is
// of the wrong kind, and then for every one that is unknown. Absent and null
// properties, and those at fault, keep their default.
func decode(properties map[string]any) (Properties, Faults) {
	p := defaults()
	var faults Faults
	known := map[string]bool{"ServiceToken": true, "ServiceTimeout": true} // CloudFormation's own
	for _, row := range Table {
		known[row.Name] = true
		value := properties[row.Name]
		if value == nil {
			continue
		}
		given := p
		field := row.field(&given)
		if err := decodeValue(value, field); err != nil {
			faults = append(faults, Fault{Property: row.Name, Reason: "must be " + kindOf(field)})
			continue
		}
		p = given
	}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if !known[name] {
			faults = append(faults, Fault{Property: name, Reason: unknown(name)})
		}
	}
	return p, faults
}

// decodeValue decodes one property. CloudFormation sends every primitive as a
// string, SDK callers and tests may send the JSON kind: both are accepted, other
// conversions are not.
func decodeValue(value, field any) error {
	decoder, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		DecodeHook:  primitives,
		ErrorUnused: true,
		MatchName:   func(key, field string) bool { return key == field },
		Result:      field,
	})
	if err != nil {
		return err
	}
	return decoder.Decode(value)
}

var wholeNumber = regexp.MustCompile(`^-?[0-9]{1,9}$`)

// primitives is the decode hook for the string forms of booleans and whole
// numbers, and for a single string where a list of strings is meant.
func primitives(_, to reflect.Type, value any) (any, error) {
	switch v := value.(type) {
	case string:
		switch {
		case to.Kind() == reflect.Bool && (v == "true" || v == "false"):
			return v == "true", nil
		case to.Kind() == reflect.Int && wholeNumber.MatchString(v):
			return strconv.Atoi(v)
		case to == reflect.TypeFor[StringList]():
			return []string{v}, nil
		}
	case float64:
		if to.Kind() == reflect.Int && (v != math.Trunc(v) || math.Abs(v) >= 1e9) {
			return nil, fmt.Errorf("not a whole number")
		}
	}
	return value, nil
}

func kindOf(field any) string {
	switch field.(type) {
	case *bool, **bool:
		return "true or false"
	case *int, **int:
		return "a whole number"
	case *string:
		return "a string"
	case *[]Tag:
		return "a list of objects with Key and Value"
	default:
		return "a list of objects with Effect, Action and optionally Sid, Resource, Condition"
	}
}

func anyValue(*Spec) string { return "" }

func oneOf(value string, allowed ...string) string {
	for _, a := range allowed {
		if value == a {
			return ""
		}
	}
	return "must be one of " + strings.Join(allowed, ", ") + meant(value, allowed)
}

func within(value, low, high int) string {
	if value < low || value > high {
		return fmt.Sprintf("must be from %d to %d", low, high)
	}
	return ""
}
