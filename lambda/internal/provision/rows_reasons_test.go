package provision_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"bucketuser/lambda/internal/awsfake"
	"bucketuser/lambda/internal/sim"
)

// Reasons name the cause and say what to do, by the numbers of rows. That none of them advises what cannot be done where
// it is said, each test of this package checks: see advisesWhatCanBeDone.

// deniesByPlace are conditions that the function does not meet, as they depend on where and when it calls, and how.
var deniesByPlace = map[string]string{
	"aws:SourceIp":    `{"NotIpAddress":{"aws:SourceIp":["198.51.100.0/24"]}}`,
	"aws:VpcSourceIp": `{"StringNotEquals":{"aws:VpcSourceIp":"10.0.0.7"}}`,
	"aws:SourceVpc":   `{"StringNotEquals":{"aws:SourceVpc":"vpc-1"}}`,
	"aws:SourceVpce":  `{"StringNotEquals":{"aws:SourceVpce":["vpce-1","vpce-2"]}}`,
	"aws:CurrentTime": `{"DateLessThan":{"aws:CurrentTime":"2100-01-01T00:00:00Z"}}`,
	"aws:UserAgent":   `{"StringNotLike":{"aws:UserAgent":"ClickHouse*"}}`,
	"s3:TlsVersion":   `{"NumericGreaterThan":{"s3:TlsVersion":"1.2"}}`,
}

// denyingOnly is a property Statements whose second statement denies everything under a condition.
func denyingOnly(t *testing.T, condition string) []any {
	t.Helper()
	var parsed any
	if err := json.Unmarshal([]byte(condition), &parsed); err != nil {
		t.Fatal(err)
	}
	return []any{
		map[string]any{"Effect": "Allow", "Action": "s3:GetObjectTagging"},
		map[string]any{"Sid": "Office", "Effect": "Deny", "Action": "s3:*", "Condition": parsed},
	}
}

// Row 24: a Deny of `Statements` that hangs on the place of the caller keeps the proof from going through. The Reason
// names the statement, its condition and VerifyCredentials, within half a minute, and what it advises works.
func TestRow24(t *testing.T) {
	for key, condition := range deniesByPlace {
		for access, region := range both([]string{"ReadWrite", "ReadOnly", "Full"}, regions) {
			t.Run(strings.Join([]string{key, access, region}, " "), func(t *testing.T) {
				inRegion(t, region, func(w *bench) {
					p, start := with("Statements", denyingOnly(t, condition), "Access", access), time.Now()
					a := w.create(p)
					w.saysAll(a, "user clickhouse: its new key cannot do what Access "+access+" promises", "statement 2 of Statements, Office,", key,
						"VerifyCredentials to false", "then deploy again")
					if took := time.Since(start); took > time.Minute {
						t.Errorf("took %s", took)
					}
					w.saysNone(a, "in vain")
					w.succeeded(w.delete(w.idOf(p), p))
					w.anew()
					w.created(plus(p, "VerifyCredentials", "false"))
				})
			})
		}
	}
}

// Row 24: the statement is one of others, in a bucket that is adopted. It is named by its Sid.
func TestRow24StatementOfOthers(t *testing.T) {
	const ofUsers = `"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::123456789012:user/*"}`
	for name, test := range map[string]struct {
		condition string
		says      []string
	}{
		"by place":         {`{` + ofUsers + `,"NotIpAddress":{"aws:SourceIp":"198.51.100.0/24"}}`, []string{"aws:SourceIp", "VerifyCredentials to false"}},
		"by who calls":     {`{` + ofUsers + `}`, []string{"aws:PrincipalArn", "change that statement"}},
		"not of our calls": {`{` + ofUsers + `,"Bool":{"aws:SecureTransport":"false"}}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.offer()
				w.others("2012-10-17", `{"Sid":"OnlyOffice","Effect":"Deny","Principal":"*","Action":"s3:Put*","Resource":"arn:aws:s3:::my-data/*","Condition":`+test.condition+`}`)
				<-time.After(time.Hour)
				start := time.Now()
				a := w.create(retain)
				if test.says == nil {
					w.succeeded(a)
					return
				}
				w.saysAll(a, append(test.says, "statement OnlyOffice of others in the policy of bucket my-data")...)
				if took := time.Since(start); took > time.Minute {
					t.Errorf("took %s", took)
				}
			})
		})
	}
}

// Row 24: a statement is found in whatever form it denies, and one that denies something else is not blamed.
func TestRow24FormsOfStatements(t *testing.T) {
	const users = `"Condition":{"ArnLike":{"aws:PrincipalArn":"*:user/*"}}`
	for statement, isDeny := range map[string]bool{
		`"Principal":{"AWS":["*"]},"Action":["s3:GetObject","s3:putobject"],"Resource":["arn:aws:s3:::my-data/x","arn:aws:s3:::my-data/d?ta/*"],` + users:                       true,
		`"Principal":{"AWS":"arn:aws:iam::123456789012:root"},"NotAction":"s3:GetBucket*","Resource":"arn:aws:s3:::my-data/*",` + users:                                         true,
		`"Principal":"*","Action":"*","NotResource":["arn:aws:s3:::my-data","arn:aws:s3:::my-data/backups/*"],` + users:                                                         true,
		`"NotPrincipal":{"AWS":["arn:aws:iam::123456789012:role/provider","arn:aws:iam::123456789012:role/auditor"]},"Action":"s3:*Object","Resource":"arn:aws:s3:::my-data/*"`: true,
		`"Principal":"*","Action":"s3:PutObjectAcl","Resource":"arn:aws:s3:::my-data/*"`:                                                                                        false,
		`"Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::my-data/data"`:                                                                                        false,
		`"Principal":{"AWS":"arn:aws:iam::123456789012:role/auditor"},"Action":"s3:*","Resource":["arn:aws:s3:::my-data","arn:aws:s3:::my-data/*"]`:                             false,
		`"Principal":"*","NotAction":"s3:*","Resource":"arn:aws:s3:::my-data/*"`:                                                                                                false,
	} {
		t.Run(statement, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.offer()
				w.AWS.AddRole("auditor")
				w.AWS.AddRole("provider")
				w.others("2012-10-17", `{"Sid":"Theirs","Effect":"Deny",`+statement+`}`)
				<-time.After(time.Hour)
				if !isDeny {
					w.AWS.Before = w.deniesUser("PutObject", "with an explicit deny in a resource-based policy")
				}
				a := w.create(retain)
				if !isDeny {
					w.saysAll(a, "no statement of the bucket policy is seen to deny it")
					w.saysNone(a, "Theirs")
					return
				}
				w.saysAll(a, "statement Theirs of others in the policy of bucket my-data")
			})
		})
	}
}

// Row 24: a statement of others that denies the role itself is named, too.
func TestRow24StatementAgainstTheRole(t *testing.T) {
	inWorld(t, func(w *bench) {
		w.offer()
		w.others("2012-10-17", denying("s3:PutObject", "arn:aws:s3:::my-data/*"))
		<-time.After(time.Hour)
		w.saysAll(w.create(retain), "folder marker data/ of bucket my-data", "the role of the provider lacks s3:PutObject on arn:aws:s3:::my-data/data/",
			"statement Theirs of others in the policy of bucket my-data denies that", "then deploy again")
	})
}

// Row 24: a policy of the organization, or of an endpoint, that denies the user something. No statement of the bucket is
// blamed for it, and it is not waited for.
func TestRow24PolicyOfTheOrganization(t *testing.T) {
	for _, policy := range []string{"service control policy", "resource control policy", "VPC endpoint policy"} {
		for _, operation := range []string{"PutObject", "ListObjectsV2", "DeleteObject"} {
			inWorld(t, func(w *bench) {
				start := time.Now()
				w.AWS.Before = w.deniesUser(operation, "with an explicit deny in a "+policy+": arn:aws:organizations::1:policy/p")
				a := w.create(with("FolderMarker", "false"))
				w.saysAll(a, "a "+policy+" denies it to the user", "VerifyCredentials to false")
				w.saysNone(a, "of Statements", "of others")
				if took := time.Since(start); took > time.Minute {
					t.Errorf("took %s", took)
				}
			})
		}
	}
}

// deniesUser has AWS deny an operation to every user, for a reason in its own words.
func (w *bench) deniesUser(operation, because string) hook {
	return func(_ context.Context, c awsfake.Call) awsfake.Decision {
		if c.Operation != operation || !strings.HasPrefix(c.Caller, "user/") {
			return awsfake.Decision{}
		}
		return awsfake.Refuse(&awsfake.Error{Status: 403, Code: "AccessDenied", Message: "User: arn:aws:iam::123456789012:user/bucketuser/clickhouse " +
			"is not authorized to perform: s3:" + operation + ` on resource: "arn:aws:s3:::my-data/data/x" ` + because})
	}
}

// Row 24, law L4: the policy that denies is the one before. An Update lets the function in while it makes a new key, and
// S3 goes on deciding by the old policy for half a minute.
func TestRow24PolicyThatWasJustReplaced(t *testing.T) {
	inWorld(t, func(w *bench) {
		shut := with("Statements", denyingOnly(t, deniesByPlace["aws:SourceIp"]), "VerifyCredentials", "false")
		open := with("Statements", denyingOnly(t, strings.Replace(deniesByPlace["aws:SourceIp"], "198.51.100.0", "203.0.113.0", 1)))
		a := w.created(shut)
		<-time.After(time.Hour)
		w.AWS.DeleteKey(a.Data["AccessKeyId"])
		<-time.After(time.Hour)
		w.AWS.BucketLag = 40 * time.Second
		w.history(update(shut, open, shut))
	})
}

// Row 4, its kind: a right that the role lacks is named, with who can give it.
func TestRow4MissingRightIsNamed(t *testing.T) {
	for because, says := range map[string]string{
		"because no identity-based policy allows the %s action":                     "give it to the role, as the latest template of the provider does",
		"with an explicit deny in an identity-based policy":                         "a policy that is attached to it denies that; change the policy",
		"because no permissions boundary allows the %s action":                      "the permissions boundary of the role has to allow it",
		"with an explicit deny in a permissions boundary":                           "the permissions boundary of the role has to allow it",
		"because no service control policy allows the %s action":                    "a service control policy of the organization has to allow it",
		"with an explicit deny in a service control policy: arn:aws:organizations:": "a service control policy of the organization has to allow it",
		"with an explicit deny in a resource control policy":                        "a resource control policy of the organization has to allow it",
		"because no VPC endpoint policy allows the %s action":                       "the policy of the VPC endpoint has to allow it",
		"with an explicit deny in a session policy":                                 "its session policy has to allow it",
	} {
		for operation, on := range map[string][2]string{
			"CreateSecret": {"secretsmanager:CreateSecret", "clickhouse/s3"}, "CreateUser": {"iam:CreateUser", "arn:aws:iam::123456789012:user/bucketuser/clickhouse"},
			"CreateBucket": {"s3:CreateBucket", "arn:aws:s3:::my-data"}, "PutBucketPolicy": {"s3:PutBucketPolicy", "arn:aws:s3:::my-data"},
		} {
			t.Run(operation+" "+because, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					if strings.Contains(because, "%s") {
						because = fmt.Sprintf(because, on[0])
					}
					w.AWS.Before = only(operation, awsfake.Refuse(&awsfake.Error{Status: 403, Code: "AccessDenied",
						Message: "User: arn:aws:sts::123456789012:assumed-role/provider/x is not authorized to perform: " + on[0] + " on resource: " + on[1] + " " + because}))
					w.saysAll(w.create(named), "the role of the provider lacks "+on[0]+" on "+on[1]+": "+says, "then deploy again")
				})
			})
		}
	}
}

// Row 25, its kind: each call that meets a KMS key which cannot be used names the key, and what helps. A creation that
// fails for it leaves nothing.
func TestRow25EachCallNamesTheKey(t *testing.T) {
	refusals := map[string]*awsfake.Error{
		"encryption": {Status: 400, Code: "EncryptionFailure", Message: "Secrets Manager can't encrypt the protected secret text using the provided KMS key."},
		"right":      {Status: 400, Code: "AccessDeniedException", Message: "Access to KMS is not allowed"},
		"decryption": {Status: 400, Code: "DecryptionFailure", Message: "Secrets Manager can't decrypt the protected secret text using the provided KMS key."},
	}
	for name, refusal := range refusals {
		for _, operation := range []string{"CreateSecret", "PutSecretValue"} {
			t.Run(operation+" "+name, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.AWS.Before = only(operation, awsfake.Refuse(refusal))
					w.saysAll(w.create(encrypted), "KMS key is alias/mine", "make it usable", "choose another SecretKmsKeyId", "then deploy again")
					w.AWS.Before = nil
					w.empty()
				})
			})
		}
		t.Run("UpdateSecret "+name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(named)
				<-time.After(time.Hour)
				w.AWS.Before = only("UpdateSecret", awsfake.Refuse(refusal))
				w.saysAll(w.update(w.idOf(named), encrypted, named), "KMS key alias/aws/secretsmanager to alias/mine", "make both usable", "then update the stack again")
			})
		})
	}
}

// Row 25: the bucket encrypts with a KMS key since somebody has said so, and the key is disabled, or the role may not use it.
func TestRow25KeyOfTheBucket(t *testing.T) {
	for name, refusal := range map[string]*awsfake.Error{
		"disabled": {Status: 400, Code: "KMS.DisabledException", Message: "arn:aws:kms:eu-west-1:123456789012:key/1 is disabled."},
		"no right": {Status: 403, Code: "AccessDenied", Message: "User: arn:aws:sts::123456789012:assumed-role/provider/x is not authorized to perform: " +
			"kms:GenerateDataKey on resource: arn:aws:kms:eu-west-1:123456789012:key/1 because no identity-based policy allows the kms:GenerateDataKey action"},
	} {
		for _, access := range []string{"ReadOnly", "ReadWrite"} {
			t.Run(name+" "+access, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					p := with("FolderMarker", map[bool]string{true: "false", false: "true"}[access == "ReadOnly"], "Access", access)
					w.AWS.Before = only("PutObject", awsfake.Refuse(refusal))
					w.saysAll(w.create(p), "SSE-KMS", "SSE-S3", "then deploy again")
					w.AWS.Before = nil
					w.empty()
				})
				inWorld(t, func(w *bench) { // nothing depends on the marker, and a rollback is not refused for it
					w.created(named)
					<-time.After(time.Hour)
					w.AWS.Before = only("PutObject", awsfake.Refuse(refusal))
					w.history(update(named, with("Prefix", "logs"), named))
				})
			})
		}
	}
}

// Row 26, its kind: the user may use no KMS key, and it says so without two minutes of waiting.
func TestRow26BucketThatEncryptsSince(t *testing.T) {
	inWorld(t, func(w *bench) {
		a := w.created(named)
		<-time.After(time.Hour)
		w.AWS.DeleteKey(a.Data["AccessKeyId"])
		w.AWS.SetEncryption("my-data", "aws:kms")
		<-time.After(time.Hour)
		start := time.Now()
		w.saysAll(w.update(w.idOf(named), plus(named, "Trigger", "1"), named), "bucket my-data encrypts with SSE-KMS", "SSE-S3", "then update the stack again")
		if took := time.Since(start); took > time.Minute {
			t.Errorf("took %s", took)
		}
	})
}

// Row 35: a bucket that holds data refuses a Delete in words that are true where they are said, with whole commands.
func TestRow35(t *testing.T) {
	const (
		rm        = "aws s3 rm s3://my-data --recursive --region eu-west-1"
		again     = "aws cloudformation delete-stack --stack-name analytics --region eu-west-1"
		retained  = again + " --retain-resources Disk"
		add       = "add the resource Disk again as it was"
		forgotten = "CloudFormation tries three times and then forgets the resource"
	)
	byHand := []string{"aws iam delete-access-key --user-name clickhouse --access-key-id AKIA", "aws iam delete-user --user-name clickhouse --region eu-west-1",
		"aws secretsmanager delete-secret --secret-id clickhouse/s3 --region eu-west-1"}
	for status, says := range map[string]struct{ all, none []string }{
		"DELETE_IN_PROGRESS":                           {[]string{rm, again, retained, "once the stack is in DELETE_FAILED", "access key that works"}, []string{add, forgotten}},
		"ROLLBACK_IN_PROGRESS":                         {[]string{rm, again, retained, "once the stack is in DELETE_FAILED"}, []string{add, forgotten}},
		"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":          {[]string{rm, add, forgotten, "user clickhouse and its access key live on"}, []string{again, "--retain-resources"}},
		"UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": {[]string{rm, add, forgotten, "user clickhouse and its access key live on"}, []string{again, "--retain-resources"}},
		"":                {[]string{rm, add, "then delete the stack again, if it was the stack that was deleted"}, []string{"--retain-resources"}},
		"UPDATE_COMPLETE": {[]string{rm, add, "then delete the stack again, if it was the stack that was deleted"}, []string{"--retain-resources"}}, // from before
	} {
		t.Run(status, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				w.created(named)
				w.AWS.PutObject("my-data", "data/x", "1")
				<-time.After(time.Hour)
				was := w.AWS.Snapshot()
				w.AWS.SetStackStatus(w.stackID, status)
				a := w.play(remove(named), nil).answer
				w.saysAll(a, append(says.all, byHand...)...)
				w.saysNone(a, says.none...)
				w.unchanged(was)
			})
		})
	}
}

// Row 35: a part that is gone does not live on, and one that is somebody else's is not to be deleted by hand.
func TestRow35WithoutAUser(t *testing.T) {
	for name, takes := range map[string]func(w *bench){
		"gone":            func(w *bench) { w.AWS.DeleteUser("clickhouse"); w.AWS.DeleteSecret("clickhouse/s3", 0) },
		"somebody else's": func(w *bench) { w.loses(named, losses[0], "user") },
	} {
		for _, status := range []string{"DELETE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""} {
			t.Run(name+" "+status, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.created(named)
					w.AWS.PutObject("my-data", "data/x", "1")
					<-time.After(time.Hour)
					takes(w)
					w.AWS.SetStackStatus(w.stackID, status)
					a := w.play(remove(named), nil).answer
					w.saysAll(a, "aws s3 rm s3://my-data")
					w.saysNone(a, "live on", "that works", "delete-user", "delete-access-key")
				})
			})
		}
	}
}

// Row 35: the longest names, and versions: no command is cut off.
func TestRow35LongestNames(t *testing.T) {
	p := sim.Properties{"BucketName": "b" + strings.Repeat("0", 62), "UserName": strings.Repeat("u", 64), "SecretName": strings.Repeat("s", 256), "Versioning": "true"}
	for _, status := range []string{"DELETE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""} {
		inWorld(t, func(w *bench) {
			w.stackID = strings.Replace(w.stackID, "analytics", strings.Repeat("a", 128), 1)
			w.created(p)
			w.AWS.AddKey(p["UserName"].(string))
			w.AWS.PutObject(p["BucketName"].(string), "data/x", "1")
			w.AWS.SetStackStatus(w.stackID, status)
			w.saysAll(w.play(remove(p), nil).answer, "aws iam delete-user --user-name "+p["UserName"].(string)+" --region eu-west-1; ",
				"aws secretsmanager delete-secret --secret-id "+p["SecretName"].(string)+" --region eu-west-1 (log stream stream)")
		})
	}
}

// Row 35: a shell runs the command that empties a versioned bucket, with a thousand entries of the longest keys.
func TestRow35CommandOfAThousandEntries(t *testing.T) {
	var reason string
	inWorld(t, func(w *bench) {
		p := with("Versioning", "true")
		w.created(p)
		w.AWS.PutObject("my-data", "data/x", "1")
		reason = w.play(remove(p), nil).answer.Reason
	})
	command := regexp.MustCompile(`empty the bucket: (.*?), once for each`).FindStringSubmatch(reason)
	if command == nil {
		t.Fatal(reason)
	}
	entries := strings.Repeat(fmt.Sprintf(`{"Key": %q, "VersionId": %q}, `, strings.Repeat("k", 1024), strings.Repeat("v", 32)), 1000)
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "list"), []byte(entries), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "aws"), []byte("#!/bin/sh\ncase $2 in list-object-versions) exec cat "+dir+"/list ;; esac\n"+
		"for last; do :; done\ncase $last in file://*) exec cat \"${last#file://}\" ;; esac\nprintf %s \"$last\"\n"), 0o700))
	shell := exec.Command("sh", "-c", command[1])
	shell.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	if out, err := shell.CombinedOutput(); err != nil || string(out) != entries {
		t.Errorf("%s: %v, %d bytes of %d", command[1], err, len(out), len(entries))
	}
}

// Row 35: a replacement that is refused for data deletes nothing, so it says nothing of a deletion.
func TestRow35Replacement(t *testing.T) {
	for _, onDelete := range []string{"DeleteIfEmpty", "Purge"} {
		inWorld(t, func(w *bench) {
			p := with("OnDelete", onDelete)
			w.created(p)
			w.AWS.PutObject("my-data", "data/x", "1")
			a := w.update(w.idOf(p), other(p), p)
			w.saysAll(a, "replacement: bucket my-data: is not empty: it holds 1 object; a replacement never deletes data: empty the bucket (aws s3 rm s3://my-data",
				"or set OnDelete to Retain in an update of its own first", "then update the stack again")
			w.saysNone(a, "retain-resources", "delete again", "delete the stack", "OnDelete is")
		})
	}
}

// Row 35, its kind: whatever else asks for the event again says how, in each situation of the stack.
func TestRow35HowAnEventIsSentAgain(t *testing.T) {
	const region = " --stack-name analytics --region eu-west-1"
	for _, test := range []struct {
		name, status string
		event        event
		start        func(*bench)
		before       hook
		says         string
	}{
		{"create", "CREATE_IN_PROGRESS", create(named), nothing, deny("CreateUser"), "then deploy again; a stack in ROLLBACK_COMPLETE must be deleted before that"},
		{"create in an update", "UPDATE_IN_PROGRESS", create(named), nothing, deny("CreateUser"), "then update the stack again"},
		{"create, unsaid", "", create(named), nothing, deny("CreateUser"), "then deploy again (log"},
		{"in place", "UPDATE_IN_PROGRESS", update(named, with("Access", "Full"), named), isMade, deny("PutBucketPolicy"), "then update the stack again"},
		{"in place, unsaid", "", update(named, with("Access", "Full"), named), isMade, deny("PutBucketPolicy"),
			"then update the stack again; or, if it is in UPDATE_ROLLBACK_FAILED, go on with the rollback: aws cloudformation continue-update-rollback" + region},
		{"rollback", "UPDATE_ROLLBACK_IN_PROGRESS", update(named, with("Access", "Full"), named), isMade, deny("PutBucketPolicy"),
			"then go on with the rollback: aws cloudformation continue-update-rollback" + region + " (--resources-to-skip Disk leaves the resource as it is)"},
		{"replacement", "UPDATE_IN_PROGRESS", update(named, other(named), named), isMade, deny("CreateUser"), "then update the stack again"},
		{"back", "UPDATE_ROLLBACK_IN_PROGRESS", update(named, named, other(named)), isHalfReplaced, deny("DeleteUser"), "then go on with the rollback: "},
		{"return", "UPDATE_ROLLBACK_IN_PROGRESS", update(other(named), named, other(named)), isReplaced, deny("PutBucketPolicy", "PutBucketTagging", "TagResource"), "then go on with the rollback: "},
		{"delete", "DELETE_IN_PROGRESS", remove(named), isMade, deny("DeleteUser"), "then delete the stack again: aws cloudformation delete-stack" + region},
		{"delete after a failed create", "ROLLBACK_IN_PROGRESS", remove(named), isMade, deny("DeleteUser"), "then delete the stack again: aws cloudformation delete-stack" + region},
		{"clean-up", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", remove(named), isReplaced, deny("DeleteUser"), "CloudFormation tries three times and then forgets the resource; " +
			"what is left of user and secret goes by aws iam delete-user --user-name clickhouse --region eu-west-1 (log"},
		{"taken out", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", remove(named), isMade, deny("DeleteAccessKey"), "CloudFormation tries three times and then forgets the resource; " +
			"what is left of user and secret goes by aws iam delete-access-key --user-name clickhouse --access-key-id AKIA"},
		{"delete, unsaid", "", remove(named), isMade, deny("DeleteUser"), "then delete the stack again, if it was the stack that was deleted; " +
			"what an update takes away CloudFormation deletes three times at most, and forgets then"},
	} {
		t.Run(test.name, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				test.start(w)
				<-time.After(time.Hour)
				w.anew()
				w.AWS.SetStackStatus(w.stackID, test.status)
				w.AWS.Before = test.before
				a := w.play(test.event, nil).answer
				w.saysAll(a, test.says)
				w.saysNone(a, "try again", "delete again")
			})
		})
	}
}

// Row 35: a nested stack is deleted, and its rollback is gone on with, with its root. Only the stack itself retains its resources.
func TestRow35NestedStack(t *testing.T) {
	const root = " --stack-name platform --region eu-west-1"
	inWorld(t, func(w *bench) {
		w.created(named)
		w.AWS.PutObject("my-data", "data/x", "1")
		<-time.After(time.Hour)
		w.AWS.SetStackRoot(w.stackID, strings.Replace(w.stackID, "/analytics/", "/platform/", 1))
		w.AWS.SetStackStatus(w.stackID, "UPDATE_ROLLBACK_IN_PROGRESS")
		w.AWS.Before = deny("PutBucketPolicy")
		w.saysAll(w.play(update(named, with("Access", "Full"), named), nil).answer, "go on with the rollback: aws cloudformation continue-update-rollback"+root)
		w.AWS.Before = nil
		w.AWS.SetStackStatus(w.stackID, "DELETE_IN_PROGRESS")
		w.saysAll(w.play(remove(named), nil).answer, "then delete the stack again: aws cloudformation delete-stack"+root+". Or, ",
			"aws cloudformation delete-stack --stack-name analytics --region eu-west-1 --retain-resources Disk keeps the bucket")
		w.AWS.DeleteObject("my-data", "data/x")
		w.AWS.Before = deny("DeleteUser")
		w.saysAll(w.play(remove(named), nil).answer, "then delete the stack again: aws cloudformation delete-stack"+root)
	})
}

func isMade(w *bench)     { w.created(named) }
func isReplaced(w *bench) { w.history(create(named), update(named, other(named), named)) }
func isHalfReplaced(w *bench) {
	isMade(w)
	w.killedAfter("CreateUser", update(named, other(named), named))
}

// Row 35, its kind: lost tags. What a Delete leaves the next one lets go of, and an Update never speaks of a Delete of
// the stack.
func TestRow35LostTags(t *testing.T) {
	for _, thing := range thingsOfASet {
		for status, says := range map[string]string{
			"DELETE_IN_PROGRESS":                  "then delete the stack again: ",
			"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "CloudFormation tries three times and then forgets the resource",
		} {
			t.Run(thing+" "+status, func(t *testing.T) {
				inWorld(t, func(w *bench) {
					w.created(named)
					<-time.After(time.Hour)
					w.loses(named, losses[0], thing)
					w.AWS.SetStackStatus(w.stackID, status)
					a := w.play(remove(named), nil).answer
					w.saysAll(a, nameOf(w.parse(named), thing), "without them leaves it as it is", says)
					w.saysNone(a, "delete-"+thing) // which may be somebody else's
				})
			})
		}
	}
}

// Row 35, its kind: a name that an existing resource has is not to be chosen: a set in force meets what is taken.
func TestRow35NoOtherNameForASetInForce(t *testing.T) {
	for _, thing := range thingsOfASet {
		for _, region := range regions {
			t.Run(thing+" "+region, func(t *testing.T) {
				inRegion(t, region, func(w *bench) {
					w.created(named)
					<-time.After(time.Hour)
					w.takesAway(w.parse(named), thing)
					<-time.After(time.Hour)
					create := map[string]string{"bucket": "CreateBucket", "user": "CreateUser", "secret": "CreateSecret"}[thing]
					w.at(create, func() { w.adds(w.parse(named), thing, map[string]string{"team": "data"}) })
					a := w.update(w.idOf(named), plus(named, "Trigger", "1"), named)
					w.saysAll(a, nameOf(w.parse(named), thing), "does not belong to this resource", "then update the stack again")
					w.saysNone(a, "choose another", "to adopt it")
				})
			})
		}
	}
}

// Row 44: what a bucket holds is counted by its kinds, in words that fit the numbers.
func TestRow44(t *testing.T) {
	for want, fill := range map[string]func(a *awsfake.AWS){
		"holds 1 object,":                     func(a *awsfake.AWS) { a.PutObject("my-data", "x", "1") },
		"holds 2 objects,":                    func(a *awsfake.AWS) { a.PutObject("my-data", "x", "1"); a.PutObject("my-data", "y", "") },
		"holds 1 delete marker,":              func(a *awsfake.AWS) { a.DeleteObject("my-data", "x") },
		"holds 2 delete markers,":             func(a *awsfake.AWS) { a.DeleteObject("my-data", "x"); a.DeleteObject("my-data", "y") },
		"holds 1 object and 1 older version,": func(a *awsfake.AWS) { a.PutObject("my-data", "x", "1"); a.PutObject("my-data", "x", "2") },
		"holds 3 objects, 1 older version and 1 delete marker,": func(a *awsfake.AWS) {
			for _, key := range []string{"a", "b", "c", "d"} {
				a.PutObject("my-data", key, "1")
			}
			a.DeleteObject("my-data", "d")
		},
		"holds 1 older version and 1 delete marker,": func(a *awsfake.AWS) { a.PutObject("my-data", "x", "1"); a.DeleteObject("my-data", "x") },
		"holds more than 1000 objects,": func(a *awsfake.AWS) {
			for i := range 1001 {
				a.PutObject("my-data", fmt.Sprintf("x%04d", i), "1")
			}
		},
	} {
		t.Run(want, func(t *testing.T) {
			inWorld(t, func(w *bench) {
				isVersioned := regexp.MustCompile(`version|marker`).MatchString(want)
				p := with("FolderMarker", "false", "Versioning", fmt.Sprint(isVersioned))
				w.created(p)
				fill(w.AWS)
				a := w.delete(w.idOf(p), p)
				w.saysAll(a, "bucket my-data: is not empty: it "+want+" and OnDelete is DeleteIfEmpty",
					map[bool]string{true: "aws s3api delete-objects --bucket my-data", false: "aws s3 rm s3://my-data --recursive"}[isVersioned])
			})
		})
	}
}
