package status

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// previousID is the id of the key that goes on working beside the one in the secret, by its tag, or "".
func (f facts) previousID() string {
	if id := f.secretClaim().PreviousKey(); id != f.keyID() {
		return id
	}
	return ""
}

// unexplained are the keys that are neither in the current value nor the previous key.
func (f facts) unexplained() (keys []iamtypes.AccessKeyMetadata) {
	if !f.value.isThere() || !f.secret.isThere() {
		return nil
	}
	for _, key := range f.keys.value {
		if id := aws.ToString(key.AccessKeyId); id != f.keyID() && id != f.previousID() {
			keys = append(keys, key)
		}
	}
	return keys
}

// ofOtherKeys tells what each key is that is not in the secret.
func ofOtherKeys(f facts) (found []Finding) {
	if f.keyID() != "" && f.secretClaim().PreviousKey() == f.keyID() {
		found = append(found, Finding{Check: "otherKey", State: Warning,
			What: "the secret names the key in it as the previous one: AWSCURRENT was moved back by hand",
			Todo: "raise KeySerial to have a new key in use"})
	}
	for _, key := range f.keys.value {
		switch id := aws.ToString(key.AccessKeyId); {
		case id == f.keyID():
		case !f.value.isThere() || !f.secret.isThere():
			found = append(found, Finding{Check: "otherKey", State: Unknown, What: fmt.Sprintf("key %s of the user: the secret cannot be asked about it", id)})
		case id == f.previousID():
			found = append(found, f.ofPreviousKey(key))
		default:
			found = append(found, f.ofUnexplained(key))
		}
	}
	return found
}

// ofPreviousKey warns of consumers that may still have the key before, which the next rotation ends.
func (f facts) ofPreviousKey(key iamtypes.AccessKeyMetadata) Finding {
	id := aws.ToString(key.AccessKeyId)
	found := Finding{Check: "otherKey", State: OK, What: fmt.Sprintf("key %s is the previous one, and works until the next rotation%s", id, f.madeAgo(id))}
	used := f.lastUsed[id]
	switch {
	case !isActive(key):
		found.What = fmt.Sprintf("key %s is the previous one, and is switched off", id)
	case used.err != nil:
		found.What += "; when it was used is unknown: " + whyUnknown(used.err)
		found.State = Unknown
	case used.value == nil || used.value.LastUsedDate == nil:
		found.What += "; as far as IAM knows it was never used"
	case f.now.Sub(*used.value.LastUsedDate) < recentUse:
		found.State = Warning
		found.What += fmt.Sprintf("; it was used %s ago, by IAM's word, which lags", f.ago(*used.value.LastUsedDate))
		found.Todo = "let every consumer take the key in the secret before the next rotation begins"
	default:
		found.What += fmt.Sprintf("; last used %s ago, by IAM's word", f.ago(*used.value.LastUsedDate))
	}
	return found
}

// ofUnexplained tells of a key that neither value nor tag names. Whoever has it can use it.
func (f facts) ofUnexplained(key iamtypes.AccessKeyMetadata) Finding {
	id := aws.ToString(key.AccessKeyId)
	labels := f.named.value[id]
	remove := fmt.Sprintf("aws iam delete-access-key --user-name %s --access-key-id %s", quoted(f.spec.UserName), quoted(id))
	found := Finding{Check: "otherKey", State: Warning}
	switch {
	case f.named.err != nil:
		return Finding{Check: "otherKey", State: Unknown, What: fmt.Sprintf("whether anything speaks for key %s: %s", id, whyUnknown(f.named.err))}
	case slices.Contains(labels, labelPending):
		found.State, found.What = OK, fmt.Sprintf("key %s is that of a rotation under way", id)
	case len(labels) > 0:
		found.What = fmt.Sprintf("key %s is in no value but that of %s: a label was moved by hand", id, plain(strings.Join(labels, ", ")))
		found.Todo, found.Commands = "delete it once nobody uses it", []string{remove}
	case !isActive(key):
		found.What = fmt.Sprintf("nothing speaks for key %s, which is switched off", id)
		found.Todo, found.Commands = "delete it: a user has two keys at most", []string{remove}
	case f.now.Sub(aws.ToTime(key.CreateDate)) < forsaken:
		found.What = fmt.Sprintf("nothing speaks for key %s, which is new: an update may be about to put it into the secret", id)
		found.Todo = "look again in eight minutes"
	default:
		found.State, found.What = Fault, fmt.Sprintf("nothing speaks for key %s, which works: it was made by hand, %s ago", id, f.ago(aws.ToTime(key.CreateDate)))
		found.Todo, found.Commands = "delete it once nobody uses it; the next update does", []string{remove}
	}
	return found
}

// reportKeys lists the keys of the user.
func (f facts) reportKeys() []Key {
	keys := []Key{}
	for _, key := range f.keys.value {
		id := aws.ToString(key.AccessKeyId)
		is := Key{ID: id, Role: f.roleOf(id), IsActive: isActive(key), Created: aws.ToTime(key.CreateDate)}
		if used := f.lastUsed[id].value; used != nil && used.LastUsedDate != nil {
			is.LastUsed, is.Service = used.LastUsedDate, aws.ToString(used.ServiceName)
		}
		keys = append(keys, is)
	}
	return keys
}

func (f facts) roleOf(id string) string {
	switch {
	case !f.value.isThere() || !f.secret.isThere() || f.named.err != nil:
		return RoleUnknown
	case id == f.keyID():
		return RoleCurrent
	case id == f.previousID():
		return RolePrevious
	case slices.Contains(f.named.value[id], labelPending):
		return RolePending
	}
	return RoleNone
}
