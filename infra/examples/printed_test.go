//go:build e2e

package examples

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"bucketuser/infra/internal/cloudtest"
	"bucketuser/infra/internal/pages"
)

// What people are told to run is run as it stands in the text: what is in angle brackets is
// filled in, and nothing else is changed but the folders that a test says.

// printed is the one command of a file that starts with these words, filled in: pairs of what
// is replaced and by what. Both sides of each pair must stand there.
func printed(t *testing.T, file, start string, fill ...string) string {
	t.Helper()
	var found []string
	text := read(t, filepath.FromSlash(file))
	for _, command := range append(pages.Commands(text), pages.Asides(text)...) {
		if strings.HasPrefix(command+"\n", start) && !slices.Contains(found, command) {
			found = append(found, command)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%s: %d commands start with %q", file, len(found), start)
	}
	return filled(t, found[0], fill...)
}

func filled(t *testing.T, text string, fill ...string) string {
	t.Helper()
	for i := 0; i < len(fill); i += 2 {
		if !strings.Contains(text, fill[i]) {
			t.Fatalf("%q is not in %q", fill[i], text)
		}
		text = strings.ReplaceAll(text, fill[i], fill[i+1])
	}
	return text
}

// shell runs a command in a folder, as somebody who reads it would, and returns what it
// prints.
func (p *public) shell(t *testing.T, dir, command string, more ...string) string {
	t.Helper()
	return cloudtest.Run(t, dir, p.env(more...), "bash", "-o", "pipefail", "-euc", command)
}

// The pages with what the tests of this package run.
const (
	repositoryReadme = "../../README.md"
	inFull           = "../README.md"
)

// awkward is a prefix with all that a shell, a file of variables, SQL and XML could take for
// more than text, in YAML.
const awkward = `Prefix: "it's \"a\" (small) #1 & <x> \\ ; ~ ` + "`id`" + ` | %2F/"`

// awkwardStack is a template with names to match. It has no output by which the operator's program could find the secret:
// it lists them.
const awkwardStack = `Resources:
  Data:
    Type: Custom::BucketUser
    Properties:
      ServiceToken: '{{resolve:ssm:/bucketuser/BucketUserProvider/ServiceToken}}'
      OnDelete: Purge
      RotateAfterDays: 30
      BucketName: bucketuser-s3--0
      UserName: "_+=,.@-x"
      SecretName: bucketuser/a_+=.@-/b
      Tags: [{Key: "it is: a/tag=+-@ \u00e9", Value: " "}]
      ` + awkward + `
Outputs:
  SecretName: {Value: !GetAtt Data.SecretName}
`

// TestRow39ReadmeBackupStatement has ClickHouse run the statement that README prints, and
// look at the disk and the files by the URLs of the secret as they are.
func TestRow39ReadmeBackupStatement(t *testing.T) {
	t.Parallel()
	const name = "StorageAwkward"
	p := newPublic(t)
	secret := deploy(t, name, awkwardStack)["SecretName"]
	u, text := user(t, secret), read(t, repositoryReadme)

	statement := regexp.MustCompile("`(S3\\('<S3_BACKUP_URL>.*?\\))`").FindStringSubmatch(text)
	if statement == nil {
		t.Fatal("README has no statement for a backup")
	}
	target := filled(t, statement[1], "<S3_BACKUP_URL>", u.Fields["S3_BACKUP_URL"], "<name>", "nightly",
		"<key>", u.Fields["AWS_ACCESS_KEY_ID"], "<secret>", u.Fields["AWS_SECRET_ACCESS_KEY"])
	got := cloudtest.Run(t, ".", p.env(), cloud.Tools.ClickHouse, filepath.Join("testdata", "backup.py"), target)
	if strings.TrimSpace(got) != "45" {
		t.Errorf("restored %s", got)
	}
	keys := cloudtest.Must(keysOf(t.Context(), u.Bucket()))(t)
	if key := u.Fields["S3_BACKUP_PREFIX"] + "nightly/.backup"; !strings.Contains(strings.Join(keys, "\n"), key) {
		t.Errorf("%q is not among %q", key, keys)
	}

	checkout := copyOfRepository(t)
	t.Run("credentials", func(t *testing.T) { wantCredentials(t, p, checkout, name, secret, u) })
	t.Run("formats", func(t *testing.T) { wantFormats(t, p, name) })
	t.Run("rotation", func(t *testing.T) { wantRotation(t, p, checkout, name, secret) })
	destroy(t, name)
}

// wantRotation rotates as the pages say: by make, by the program and by the aws CLI. Each time the secret has another key,
// and both work. Then all is well.
func wantRotation(t *testing.T, p *public, checkout, name, secret string) {
	t.Helper()
	before := user(t, secret)
	for _, command := range []string{
		printed(t, repositoryReadme, "make rotate\n"),
		withProgram + printed(t, inFull, "bucketuser rotate Storage", "Storage --resource Disk", name+" --resource Data"),
		printed(t, inFull, "aws secretsmanager rotate-secret", "<SecretArn>", secret),
	} {
		p.shell(t, checkout, command, "STACK="+name)
		if strings.HasPrefix(command, "aws ") {
			awaitKey(t, secret, before)
		}
		now := user(t, secret)
		if now.Fields["AWS_ACCESS_KEY_ID"] == before.Fields["AWS_ACCESS_KEY_ID"] {
			t.Fatalf("%s: the secret has the key that it had", command)
		}
		for _, u := range []*cloudtest.User{before, now} {
			if err := u.Put(t.Context(), u.Bucket(), u.Fields["S3_PREFIX"]+"table"); err != nil {
				t.Errorf("%s: key %s: %v", command, u.Fields["AWS_ACCESS_KEY_ID"], err)
			}
		}
		before = now
	}
	status := p.shell(t, checkout, withProgram+printed(t, inFull, "bucketuser status Storage --resource", "Storage --resource Disk", name+" --resource Data"))
	if !strings.Contains(status, before.Fields["AWS_ACCESS_KEY_ID"]+" works") {
		t.Errorf("status: %s", status)
	}
	if wrong := p.shell(t, checkout, withProgram+printed(t, inFull, "bucketuser status Storage --format", "Storage", name)); wrong != "" {
		t.Errorf("wrong: %s", wrong)
	}
}

// withProgram has a shell find the program where make has built it, which a release holds.
const withProgram = "PATH=$PATH:$PWD/.local; "

// awaitKey waits until the secret has another key.
func awaitKey(t *testing.T, secret string, before *cloudtest.User) {
	t.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(time.Minute); user(t, secret).Fields["AWS_ACCESS_KEY_ID"] == before.Fields["AWS_ACCESS_KEY_ID"]; <-tick.C {
		if time.Now().After(end) {
			t.Fatal("the secret has the key that it had")
		}
	}
}

// wantCredentials runs what README says about the credentials of a stack.
func wantCredentials(t *testing.T, p *public, checkout, name, secret string, u *cloudtest.User) {
	t.Helper()
	var fields map[string]string
	command := printed(t, repositoryReadme, "aws secretsmanager get-secret-value", "<SecretArn>", secret)
	if err := json.Unmarshal([]byte(p.shell(t, checkout, command)), &fields); err != nil || !maps.Equal(fields, u.Fields) {
		t.Errorf("%s: %v", command, err)
	}
	p.shell(t, checkout, printed(t, repositoryReadme, "make credentials STACK=", "Backups", name))
	disk := filepath.Join(checkout, "disk.xml")
	if info := cloudtest.Must(os.Stat(disk))(t); info.Mode() != 0o600 || !strings.Contains(read(t, disk), "<access_key_id hide_in_preprocessed=\"true\">"+u.Fields["AWS_ACCESS_KEY_ID"]+"<") {
		t.Errorf("mode %v: %s", info.Mode(), read(t, disk))
	}
	csv := p.shell(t, checkout, withProgram+printed(t, repositoryReadme, "bucketuser credentials", "Backups", name))
	if want := "Access key ID,Secret access key\n" + u.Fields["AWS_ACCESS_KEY_ID"] + "," + u.Fields["AWS_SECRET_ACCESS_KEY"] + "\n"; csv != want {
		t.Errorf("csv: %q", csv)
	}
	for _, one := range [][]string{{"bucketuser credentials Storage", "Storage --resource Disk", name + " --resource Data", "disk.xml", "again.xml"},
		{"bucketuser credentials --secret", "clickhouse/s3", secret}} {
		if got := p.shell(t, checkout, withProgram+printed(t, inFull, one[0], one[1:]...)); len(one) == 3 && !strings.Contains(got, u.Fields["S3_BACKUP_URL"]) {
			t.Errorf("%s: %s", one[0], got)
		}
	}
	if read(t, checkout, "again.xml") != read(t, disk) {
		t.Error("make and the program write different files")
	}

	wantLines(t, p, checkout, name, u)
}

// wantLines has a shell take the lines that make credentials prints as variables, and the aws CLI use them.
func wantLines(t *testing.T, p *public, checkout, name string, u *cloudtest.User) {
	t.Helper()
	lines := p.shell(t, checkout, printed(t, repositoryReadme, "make credentials   "), "STACK="+name)
	if err := os.WriteFile(filepath.Join(checkout, "s3.env"), []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for entry := range strings.SplitSeq(p.shell(t, checkout, "set -a; . ./s3.env; env -0"), "\x00") {
		if variable, value, _ := strings.Cut(entry, "="); u.Fields[variable] != "" {
			got[variable] = value
		}
	}
	if !maps.Equal(got, u.Fields) {
		t.Errorf("a shell reads %q, the secret has %q", got, u.Fields)
	}
	listed := p.shell(t, checkout, `set -a; . ./s3.env; echo content > file
		aws s3 cp --quiet file "s3://$S3_BUCKET/$S3_PREFIX"; aws s3 ls "s3://$S3_BUCKET/$S3_PREFIX"; aws s3 rm --quiet "s3://$S3_BUCKET/${S3_PREFIX}file"`)
	if !strings.Contains(listed, " file\n") {
		t.Errorf("aws s3 ls: %s", listed)
	}
}

// copyOfRepository is the repository in a folder without a demo, which make credentials
// would ask.
func copyOfRepository(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	copyRepository(t, dir)
	return dir
}

// copyRepository copies what is built, committed or not, into a folder.
func copyRepository(t *testing.T, dir string) {
	t.Helper()
	cloudtest.Run(t, cloud.Root, nil, "bash", "-euc", `git ls-files -z --cached --others --exclude-standard -- Makefile go.mod go.sum infra lambda |
		xargs -0 cp --parents -t "$0"`, dir)
}

// TestRow39ExampleLinesRunAsPrinted deploys the templates of the examples with the aws CLI,
// those of one name one after the other.
func TestRow39ExampleLinesRunAsPrinted(t *testing.T) {
	p := newPublic(t)
	for stack, folders := range map[string][]string{
		"ClickHouseStorage": {"cloudformation", "dynamic-reference"},
		"ClickHouseTask":    {"ecs"},
	} {
		t.Run(stack, func(t *testing.T) {
			t.Parallel()
			for _, folder := range folders {
				p.deployAsPrinted(t, folder, stack)
				destroy(t, stack)
			}
		})
	}
}

// deployAsPrinted runs the commands of an example, uses the credentials, and looks at the events of the stack as README
// does after the function.
func (p *public) deployAsPrinted(t *testing.T, folder, stack string) {
	t.Helper()
	for _, command := range pages.Commands(read(t, folder, "README.md")) {
		p.shell(t, folder, command)
	}
	outputs := cloudtest.Must(cloud.Outputs(t.Context(), stack))(t)
	secret, ok := outputs["Secret"]
	if !ok {
		secret = outputs["DiskSecret"]
	}
	use(t, secret, "clickhouse/")
	events := p.shell(t, folder, printed(t, inFull, "aws cloudformation describe-stack-events --stack-name <stranded-stack>", "<stranded-stack>", stack))
	if !strings.Contains(events, ":function:") {
		t.Errorf("the events of %s do not show the function of the provider: %s", stack, events)
	}
}
