package status

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"bucketuser/infra/internal/target"
	"bucketuser/lambda/spec"
)

const (
	// propagation is how long AWS may not know everywhere what has just been made.
	propagation = 2 * time.Minute
	// forsaken is the age from which a key that nothing speaks for is about to be put into no secret.
	forsaken = 8 * time.Minute
	// recentUse is how long ago a key was used that may still be in use, since IAM's word on it lags.
	recentUse = 48 * time.Hour
	// oldKey is the age from which audits want a key replaced.
	oldKey = 90 * 24 * time.Hour
)

// keyID is the id of the key in the secret, or "".
func (f facts) keyID() string { return f.value.value.fields[spec.FieldAccessKeyID] }

// serial is the KeySerial that the key in the secret was made for.
func (f facts) serial() string { return plain(cmp.Or(f.value.value.fields[spec.FieldKeySerial], "0")) }

// reportSerial is that as a number, or nil where it is not known.
func (f facts) reportSerial() *int {
	serial, err := strconv.Atoi(f.serial())
	if err != nil || f.keyID() == "" {
		return nil
	}
	return &serial
}

// listed is what IAM lists of a key.
func (f facts) listed(id string) (iamtypes.AccessKeyMetadata, bool) {
	at := slices.IndexFunc(f.keys.value, func(k iamtypes.AccessKeyMetadata) bool { return aws.ToString(k.AccessKeyId) == id })
	if at < 0 {
		return iamtypes.AccessKeyMetadata{}, false
	}
	return f.keys.value[at], true
}

func isActive(k iamtypes.AccessKeyMetadata) bool { return k.Status == iamtypes.StatusTypeActive }

// ofKey tells whether the key in the secret works. Only S3's word that there is no such pair is against it: AccessDenied
// proves the pair right, since it is checked before all rights. Every other answer says nothing.
func ofKey(f facts) []Finding {
	if f.tried.isNone || f.value.isNone { // the value says why
		return nil
	}
	id := plain(f.keyID())
	fault := Finding{Check: "key", State: Fault}
	switch err := f.tried.err; {
	case f.value.err != nil:
		return []Finding{f.unknown("key", errNoKey)}
	case isUnknownPair(err):
		return []Finding{f.ofDeadKey(id)}
	case f.isForeignKey():
		fault.What = fmt.Sprintf("key %s in the secret is none of user %s, but of somebody else", id, f.spec.UserName)
		return []Finding{f.repair(fault)}
	case isDenied(err) && !f.spec.VerifyCredentials:
		return []Finding{{Check: "key", State: Warning, What: fmt.Sprintf("S3 knows key %s, and does not let it in from here: %s", id, deniedText(err)),
			Todo: "with VerifyCredentials false that is no fault of the key"}}
	case isDenied(err):
		fault.What = fmt.Sprintf("S3 knows key %s, and does not let it list the bucket: %s", id, deniedText(err))
		fault.Todo = "look at policy and boundary below; if they are right, somebody else denies it: a statement of others, or a policy of the organization"
		return []Finding{fault}
	case err != nil:
		return []Finding{{Check: "key", State: Unknown, What: fmt.Sprintf("key %s could not be tried: %s", id, whyUnknown(err))}}
	}
	return append([]Finding{{Check: "key", State: OK, What: fmt.Sprintf("key %s works%s, KeySerial %s", id, f.madeAgo(f.keyID()), f.serial())}}, f.ofAge()...)
}

// deniedText is what AWS says of a denial that was not the caller's.
func deniedText(err error) string {
	_, text, _ := strings.Cut(whyUnknown(err), ": ")
	return text
}

// ofDeadKey says why S3 does not know the pair, as far as IAM tells.
func (f facts) ofDeadKey(id string) Finding {
	found := Finding{Check: "key", State: Fault}
	key, isListed := f.listed(f.keyID())
	isWrong := target.CodeOf(f.tried.err) == "SignatureDoesNotMatch"
	switch {
	case isListed && !isActive(key):
		found = f.repair(found)
		found.What = fmt.Sprintf("key %s in the secret is inactive: somebody has switched it off", id)
		found.Todo = "switch it on again if that was a mistake, or " + found.Todo + ": that makes another key"
		found.Commands = append([]string{f.activate(f.keyID())}, found.Commands...)
		return found
	case isWrong && isListed:
		found.What = fmt.Sprintf("the secret holds another secret access key than that of %s: somebody has written a wrong one", id)
	case isWrong:
		found.What = fmt.Sprintf("the secret holds a wrong secret access key for %s", id)
	case isListed && f.now.Sub(aws.ToTime(key.CreateDate)) < propagation:
		return Finding{Check: "key", State: Unknown, What: fmt.Sprintf("S3 does not know key %s, which is new", id), Todo: "look again in two minutes"}
	case f.keys.err != nil:
		found.What = fmt.Sprintf("S3 does not know key %s: it was deleted, or switched off", id)
	case !isListed && f.now.Sub(f.value.value.created) < propagation:
		return Finding{Check: "key", State: Unknown, What: fmt.Sprintf("S3 does not know key %s, whose value is new", id), Todo: "look again in two minutes"}
	case !isListed:
		found.What = fmt.Sprintf("key %s in the secret was deleted", id)
	default:
		found.What = fmt.Sprintf("S3 does not know key %s, which IAM lists as active", id)
	}
	return f.repair(found)
}

func (f facts) activate(id string) string {
	return fmt.Sprintf("aws iam update-access-key --user-name %s --access-key-id %s --status Active", quoted(f.spec.UserName), quoted(id))
}

// isForeignKey reports whether the key in the secret is none of the user. IAM may not list a key that is new.
func (f facts) isForeignKey() bool {
	_, isListed := f.listed(f.keyID())
	return f.keys.err == nil && f.keyID() != "" && !isListed && f.now.Sub(f.value.value.created) >= propagation
}

// madeAgo says how old a key is, if that is known.
func (f facts) madeAgo(id string) string {
	if key, isListed := f.listed(id); isListed {
		return ", made " + f.ago(aws.ToTime(key.CreateDate)) + " ago"
	}
	return ""
}

// ofAge warns of a key that no schedule replaces.
func (f facts) ofAge() []Finding {
	key, isListed := f.listed(f.keyID())
	isRotated := f.secret.isThere() && aws.ToBool(f.secret.value.RotationEnabled)
	switch used := f.lastUsed[f.keyID()]; {
	case f.keys.err != nil:
		return []Finding{f.unknown("key", f.keys.err)}
	case used.err != nil:
		return []Finding{f.unknown("key", used.err)}
	case !isListed || isRotated || f.now.Sub(aws.ToTime(key.CreateDate)) < oldKey:
		return nil
	}
	return []Finding{{Check: "key", State: Warning, What: "the key is " + f.ago(aws.ToTime(key.CreateDate)) + " old, and nothing replaces it",
		Todo: "raise KeySerial, or set RotateAfterDays"}}
}
