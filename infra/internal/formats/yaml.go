package formats

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"

	"bucketuser/lambda/spec"
)

// clickHouseBackup writes the configuration of clickhouse-backup, by the names of its pkg/config.
//
// Path is below the folder marker, which its clean-up would take for a backup without a name and then delete all.
// Parts of tables on an S3 disk go beside it: inside they would be taken for a backup, and a beginning of
// it is refused.
func clickHouseBackup(r Resource) ([]byte, error) {
	type general struct {
		RemoteStorage string `yaml:"remote_storage"`
	}
	type s3 struct {
		AccessKey      string `yaml:"access_key"`
		SecretKey      string `yaml:"secret_key"`
		Region         string `yaml:"region"`
		Bucket         string `yaml:"bucket"`
		Path           string `yaml:"path"`
		ObjectDiskPath string `yaml:"object_disk_path"`
		ACL            string `yaml:"acl"` // the bucket has none, and the default would be refused
	}
	f := r.Fields
	return document("For /etc/clickhouse-backup/config.yml, beside the sections that it has.", struct {
		General general `yaml:"general"`
		S3      s3      `yaml:"s3"`
	}{general{"s3"}, s3{
		AccessKey: f[spec.FieldAccessKeyID], SecretKey: f[spec.FieldSecretAccessKey], Region: f[spec.FieldRegion], Bucket: f[spec.FieldBucket],
		Path: f[spec.FieldBackupPrefix], ObjectDiskPath: f[spec.FieldPrefix] + "object_disks",
	}})
}

// externalSecret writes a manifest for the External Secrets Operator. It names the secret, and holds no key.
func externalSecret(r Resource) ([]byte, error) {
	type object = map[string]any
	name := strings.Trim(strings.ToLower(strings.ReplaceAll(r.Name, "_", "-")), "-")
	return document("The store is one of the service SecretsManager, in "+r.Region+".", object{
		"apiVersion": "external-secrets.io/v1",
		"kind":       "ExternalSecret",
		"metadata":   object{"name": name},
		"spec": object{
			"refreshInterval": "5m",
			"secretStoreRef":  object{"kind": "SecretStore", "name": "aws"},
			"target":          object{"name": name, "creationPolicy": "Owner"},
			// Every field of the secret becomes a key, fit for envFrom.
			"dataFrom": []object{{"extract": object{"key": r.SecretName}}},
		},
	})
}

// document is a value in YAML, after a line of comment.
func document(comment string, value any) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# " + comment + "\n")
	encoder := yaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return b.Bytes(), encoder.Close()
}
