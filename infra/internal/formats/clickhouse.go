package formats

import (
	"bytes"
	"encoding/xml"
	"strings"

	"bucketuser/lambda/spec"
)

// serverConfiguration has a disk, a cache before it, and a storage policy that keeps tables there. The server keeps a copy
// of all configuration in preprocessed_configs, from which the keys are left out.
const serverConfiguration = `<!-- For /etc/clickhouse-server/config.d, readable by the server alone. The server takes a new key when the file changes.
     CREATE TABLE … SETTINGS storage_policy = '{name}' -->
<clickhouse>
    <storage_configuration>
        <disks>
            <{name}>
                <type>s3</type>
                <endpoint>{url}</endpoint>
                <region>{region}</region>
                <access_key_id hide_in_preprocessed="true">{id}</access_key_id>
                <secret_access_key hide_in_preprocessed="true">{secret}</secret_access_key>
            </{name}>
            <{name}_cache>
                <type>cache</type>
                <disk>{name}</disk>
                <path>{name}_cache/</path>
                <max_size>10Gi</max_size>
            </{name}_cache>
        </disks>
        <policies>
            <{name}>
                <volumes>
                    <main>
                        <disk>{name}_cache</disk>
                    </main>
                </volumes>
            </{name}>
        </policies>
    </storage_configuration>
</clickhouse>
`

// clickHouseXML writes the configuration of a server.
func clickHouseXML(r Resource) ([]byte, error) {
	return filled(r, serverConfiguration, func(value string) string {
		var b bytes.Buffer
		_ = xml.EscapeText(&b, []byte(value)) // a buffer takes everything
		return b.String()
	}), nil
}

// collections has the statements to make or change two named collections, which need no rights to be used but
// those on them, and are not in the definition of a table.
const collections = `-- For clickhouse-client. Run this again for a new key.
CREATE NAMED COLLECTION IF NOT EXISTS {name} AS url = {url}, access_key_id = {id}, secret_access_key = {secret};
ALTER NAMED COLLECTION {name} SET url = {url}, access_key_id = {id}, secret_access_key = {secret};
CREATE NAMED COLLECTION IF NOT EXISTS {name}_backups AS url = {backups}, access_key_id = {id}, secret_access_key = {secret};
ALTER NAMED COLLECTION {name}_backups SET url = {backups}, access_key_id = {id}, secret_access_key = {secret};

-- Then, for example:
-- INSERT INTO FUNCTION s3({name}, filename = 'numbers.parquet') SELECT number FROM numbers(10);
-- SELECT sum(number) FROM s3({name}, filename = 'numbers.parquet');
-- CREATE TABLE numbers ENGINE = MergeTree ORDER BY number AS SELECT * FROM s3({name}, filename = 'numbers.parquet');
-- BACKUP TABLE numbers TO S3({name}_backups, 'example');
-- RESTORE TABLE numbers AS restored FROM S3({name}_backups, 'example');
`

// clickHouseSQL writes statements that run as they are.
func clickHouseSQL(r Resource) ([]byte, error) {
	return filled(r, collections, func(value string) string {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value) + "'"
	}), nil
}

// filled fills a text in. Names need no quotes.
func filled(r Resource, text string, quote func(string) string) []byte {
	pairs := []string{"{name}", r.Name}
	for name, field := range map[string]string{"{url}": spec.FieldURL, "{backups}": spec.FieldBackupURL, "{region}": spec.FieldRegion,
		"{id}": spec.FieldAccessKeyID, "{secret}": spec.FieldSecretAccessKey} {
		pairs = append(pairs, name, quote(r.Fields[field]))
	}
	return []byte(strings.NewReplacer(pairs...).Replace(text))
}
