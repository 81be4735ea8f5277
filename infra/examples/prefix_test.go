//go:build e2e

package examples

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/local"
	"bucketuser/lambda/spec"
)

// A witness is a prefix that a consumer misreads.
type witness struct {
	// form is what the prefix has in it, or after "start:" how it begins.
	form   string
	prefix string
	// way is one of the consumer's, in the words of testdata, that must not work. The ways of
	// clickhouse-backup are played by [trial.backup]: it is not to be had here.
	way string
}

// witnesses has one for each reason to refuse a prefix, but for its length and its alphabet.
var witnesses = []witness{
	{"*", "a*b/", "read"},
	{"?", "a?b/", "read"},
	{"{", "{a,b}/", "read"},
	{"{", "{a/", "disk"},
	{"}", "{a}/", "read"}, // it is read as itself where no "{" stands before it
	{"$", "a$b/", "glob"},
	{"${", "${a}/", "read"},
	{"^", "a^b/", "glob"},
	{"//", "a//b/", "read"},
	{"start:/", "/a/", "clickhouse-backup"},
	{"/./", "a/./b/", "clickhouse-backup"},
	{"/../", "a/../b/", "clickhouse-backup"},
	{"start: ", " a/", "clickhouse-backup"},
	{"+", "a+b/", "clickhouse-backup"},
	{"start:-", "-a/", "cli"},
}

func (w witness) explains(prefix string) bool {
	if start, ok := strings.CutPrefix(w.form, "start:"); ok {
		return strings.HasPrefix(prefix, start)
	}
	return strings.Contains("/"+prefix, w.form)
}

// refusal is why a prefix is refused, or "".
func refusal(prefix string) string {
	if _, err := parsed("consumer", prefix); err != nil {
		return err.Error()
	}
	return ""
}

func parsed(bucket, prefix string) (spec.Spec, error) {
	return spec.Parse(map[string]any{"Prefix": prefix, "BucketName": bucket, "UserName": consumer, "SecretName": "consumer"},
		"arn:aws:cloudformation:"+cloudtest.Region+":"+local.Account+":stack/Consumer/5c7d0a10-0000-0000-0000-000000000000", "Data",
		spec.Provider{Partition: "aws", Region: cloudtest.Region, Account: local.Account, IAMPath: spec.DefaultIAMPath})
}

// syntax are prefixes in which something could look for more than text.
var syntax = []string{
	"data/", "backups/", "a.zip :: b/", "a.zip::b/a.tar.gz/", "a%2Fb/%2e%2e/%20/", "%zz/%%/%00/%0A/", "file:/a/", "s3:/http:a/C:/",
	"user:pass@host:443/", "&amp;/&lt;/<x>/", ".../..a/a../", "'a'/\"b\"/`id`/", `\d/\Q/\E/\\/`, "a=b&c=d#e;f/", "[ab]/(a|b)/[0-9]/", "~root/--recursive/",
	"a  b/ c /", "null/0/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz/",
}

// accepted are prefixes that hold each character of printable ASCII that is accepted at the
// start, in the middle and at the end of a segment, alone and twice, and the syntax. The
// forms that are refused come back as refused.
func accepted(t *testing.T) (accepted, refused []string) {
	t.Helper()
	for c := ' '; c <= '~'; c++ {
		if unicode.IsLetter(c) || unicode.IsDigit(c) { // in syntax
			continue
		}
		with, without := prefixWith(string(c))
		refused = append(refused, without...)
		if with != "" {
			accepted = append(accepted, with)
		}
	}
	for _, prefix := range syntax {
		if why := refusal(prefix); why != "" {
			t.Errorf("%q: %s", prefix, why)
		}
	}
	return append(accepted, syntax...), refused
}

// prefixWith is the prefix of all segments with a character that are accepted, and the
// prefixes that are refused, each for one segment. At the start of a prefix it may mean more.
func prefixWith(c string) (accepted string, refused []string) {
	for _, segment := range []string{c + "a/", "b" + c + "c/", "d" + c + "/", c + "/", c + c + "/"} {
		if refusal("x/"+segment) != "" {
			refused = append(refused, "x/"+segment)
			continue
		}
		if accepted == "" && refusal(segment) != "" {
			refused = append(refused, segment)
			accepted = "x/"
		}
		accepted += segment
	}
	return accepted, refused
}

// TestRefusedPrefixesHaveAReason wants a witness for each form that is refused, and for
// each row of the table of refusals.
func TestRefusedPrefixesHaveAReason(t *testing.T) {
	_, refused := accepted(t)
	for _, pattern := range spec.Patterns {
		if pattern.AtStart {
			refused = append(refused, pattern.Text+"b/")
		} else {
			refused = append(refused, "a"+pattern.Text+"b/")
		}
	}
	for _, prefix := range refused {
		if !slices.ContainsFunc(witnesses, func(w witness) bool { return w.explains(prefix) }) {
			t.Errorf("%q is refused (%s), and no consumer is known to misread it", prefix, refusal(prefix))
		}
	}
	for _, w := range witnesses {
		if !w.explains(w.prefix) {
			t.Errorf("%q has no %q", w.prefix, w.form)
		}
		if refusal(w.prefix) == "" {
			t.Errorf("%q is accepted, and %s misreads it", w.prefix, w.way)
		}
	}
}

// consumer is the user of the buckets of this file.
const consumer = "consumer-of-prefixes"

// A trial is a prefix in a bucket of its own, with the policy and the fields of a secret
// that the function would write, what bucketuser credentials writes of them by the format, if that
// is tried, and what went wrong in which way.
type trial struct {
	prefix string
	fields map[string]string
	texts  map[string]string
	wrong  map[string]string
}

// answers are what a program of testdata found wrong with each trial.
type answers struct {
	wrong []map[string]string
	err   error
}

// TestRow21Row40ConsumersReadPrefixes has every consumer that README names use every kind
// of prefix that is accepted, by the URLs that the secret holds. All of it must be found
// below the prefix as it was given. What is refused must be misread as its witness says.
func TestRow21Row40ConsumersReadPrefixes(t *testing.T) {
	t.Parallel()
	prefixes, _ := accepted(t)
	good := len(prefixes)
	for _, w := range witnesses {
		prefixes = append(prefixes, w.prefix)
	}
	p, trials := newPublic(t), equip(t, prefixes)
	format(t, trials[:good])
	found := make(chan answers, 2)
	go func() { found <- p.try(t, cloud.Tools.ClickHouse, "prefixes_clickhouse.py", trials) }()
	go func() {
		found <- p.try(t, filepath.Join(cloud.Tools.Clients, "python3"), "prefixes_clients.py", trials)
	}()
	for range cap(found) {
		a := <-found
		if a.err != nil {
			t.Fatal(a.err)
		}
		for i, wrong := range a.wrong {
			maps.Copy(trials[i].wrong, wrong)
		}
	}
	for i := range trials {
		if got := trials[i].backup(backupEnvironment(t, trials[i].fields)); got != "" {
			trials[i].wrong["clickhouse-backup"] = got
		}
	}
	for _, u := range trials[:good] {
		for way, got := range u.wrong {
			t.Errorf("%q: %s: %s", u.prefix, way, got)
		}
		u.wantKeys(t)
	}
	for i, w := range witnesses {
		if _, misread := trials[good+i].wrong[w.way]; !misread {
			t.Errorf("%q is refused, and %s reads it: %v", w.prefix, w.way, trials[good+i].wrong)
		}
	}
	t.Logf("%d prefixes, and %d that are refused", good, len(witnesses))
}

// buckets are forms of a name in which something could look for more than a name: hosts of
// S3 and of others like it begin so.
var buckets = []string{"consumer-%d", "s3-%d", "cos-%d", "%d--oss", "s3express-%d", "vpce-%d-s3", "obs%d", "%03d"}

// equip makes a user, and a bucket for each prefix with the policy that lets the user in.
func equip(t *testing.T, prefixes []string) []trial {
	t.Helper()
	key := cloudtest.Must(cloud.CreateUser(t.Context(), &iam.CreateUserInput{
		UserName: aws.String(consumer), Path: aws.String(spec.DefaultIAMPath)}))(t)
	t.Cleanup(func() { dismiss(t, key) })
	var trials []trial
	for i, prefix := range prefixes {
		bucket := fmt.Sprintf(buckets[i%len(buckets)], i)
		s := cloudtest.Must(parsed(bucket, "data/"))(t)
		s.Prefix = prefix // that of a witness is refused
		if err := cloud.CreateBucket(t.Context(), bucket); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { drop(t, bucket) })
		policy := string(s.PolicyJSON())
		if _, err := cloud.S3.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy}); err != nil {
			t.Fatal(err)
		}
		if err := cloud.Put(t.Context(), bucket, s.MarkerKey()); err != nil {
			t.Fatal(err)
		}
		trials = append(trials, trial{prefix: prefix, fields: s.SecretValue(key.AccessKeyID, key.SecretAccessKey), wrong: map[string]string{}})
	}
	return trials
}

// dismiss deletes the user of equip.
func dismiss(t *testing.T, key aws.Credentials) {
	ctx := context.WithoutCancel(t.Context())
	if _, err := cloud.IAM.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String(consumer), AccessKeyId: &key.AccessKeyID}); err != nil {
		t.Error(err)
	}
	if _, err := cloud.IAM.DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String(consumer)}); err != nil {
		t.Error(err)
	}
}

// drop deletes a bucket with all that is in it.
func drop(t *testing.T, bucket string) {
	ctx := context.WithoutCancel(t.Context())
	keys, err := keysOf(ctx, bucket)
	if err != nil {
		t.Error(err)
		return
	}
	var all []s3types.ObjectIdentifier
	for _, key := range keys {
		all = append(all, s3types.ObjectIdentifier{Key: &key})
	}
	if _, err := cloud.S3.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &s3types.Delete{Objects: all}}); err != nil {
		t.Error(err)
	}
	if _, err := cloud.S3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket}); err != nil {
		t.Error(err)
	}
}

// keysOf lists a bucket, which holds less than a page.
func keysOf(ctx context.Context, bucket string) ([]string, error) {
	out, err := cloud.S3.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket})
	if err != nil {
		return nil, err
	}
	var keys []string
	for _, object := range out.Contents {
		keys = append(keys, *object.Key)
	}
	return keys, nil
}

// wantKeys fails the test if something has been written elsewhere than to the key that its
// name says.
func (u trial) wantKeys(t *testing.T) {
	t.Helper()
	keys := cloudtest.Must(keysOf(t.Context(), u.fields["S3_BUCKET"]))(t)
	for _, key := range keys {
		if !strings.HasPrefix(key, u.prefix) {
			t.Errorf("%q: wrote %q", u.prefix, key)
		}
	}
	for _, key := range []string{u.prefix + "x.csv", u.prefix + "named.tsv", u.prefix + "backups/nightly/.backup", u.prefix + "backups/named/.backup"} {
		if !slices.Contains(keys, key) {
			t.Errorf("%q: %q is not there", u.prefix, key)
		}
	}
}

// try has a program of testdata use all prefixes.
func (p *public) try(t *testing.T, python, program string, trials []trial) answers {
	var secrets []map[string]any
	for _, u := range trials {
		secrets = append(secrets, map[string]any{"fields": u.fields, "texts": u.texts})
	}
	input, err := json.Marshal(secrets)
	if err != nil {
		return answers{err: err}
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("testdata", program))
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = p.env(), bytes.NewReader(input), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return answers{err: fmt.Errorf("%s: %w\n%s", program, err, stderr.String())}
	}
	a := answers{wrong: make([]map[string]string, len(trials))}
	decoder := json.NewDecoder(&stdout)
	for i := range a.wrong {
		if err := decoder.Decode(&a.wrong[i]); err != nil {
			return answers{err: fmt.Errorf("%s: %q: %w", program, trials[i].prefix, err)}
		}
	}
	return a
}

// backup does with the environment that clickhouse-backup is given what it does itself, by
// its text (Altinity/clickhouse-backup): pkg/config/config.go, LoadConfig and
// ValidateObjectDiskConfig; pkg/storage/s3.go, PutFile and s3CopySource. It returns what
// goes wrong, or "".
func (u trial) backup(environment map[string]string) string {
	trim := func(path string) string { return strings.Trim(path, "/ \t\r\n") }
	backups, disks := trim(environment["S3_PATH"]), trim(environment["S3_OBJECT_DISK_PATH"])
	if disks == "" || backups == "" || strings.HasPrefix(backups, disks) || strings.HasPrefix(disks, backups+"/") {
		return fmt.Sprintf("refuses object_disk_path %q beside path %q", disks, backups)
	}
	for _, root := range []string{backups, disks} {
		if got := path.Join(root, "nightly", "file"); !strings.HasPrefix(got, u.prefix) {
			return fmt.Sprintf("writes %q", got)
		}
	}
	// S3 reads "+" in x-amz-copy-source as a space: aws/aws-cli#614, aws/aws-sdk-php#236.
	source := u.fields["S3_BUCKET"] + "/" + u.prefix + "abc/part"
	got, err := url.QueryUnescape((&url.URL{Path: path.Join(source)}).EscapedPath())
	if err != nil || got != source {
		return fmt.Sprintf("copies %q", got)
	}
	return ""
}
