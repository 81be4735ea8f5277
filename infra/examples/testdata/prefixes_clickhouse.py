"""Has ClickHouse, as chDB, use credentials in each way that README names, for many prefixes one after the other.

Reads a JSON list from standard input: of each secret the fields, and what bucketuser credentials writes of them, by the
format; nothing of that where the server could not start with it. Prints a JSON object a line, for each of them: what did
not give the right answer, by the name of the way, and what it gave.
"""

import json
import os
import sys
import tempfile

from chdb import session


def q(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def ways(n, fields):
    """The statements of each way, and what the last of them must give."""
    keys = f"{q(fields['AWS_ACCESS_KEY_ID'])}, {q(fields['AWS_SECRET_ACCESS_KEY'])}"

    def file(name):
        return f"s3({q(fields['S3_URL'] + name)}, {keys}, 'CSV', 'n UInt64')"

    disk = (f"disk(type = s3, name = disk{n}, endpoint = {q(fields['S3_URL'])}, region = {q(fields['AWS_REGION'])},"
            " access_key_id = {}, secret_access_key = {})".format(*keys.split(", ")))
    backup = f"S3({q(fields['S3_BACKUP_URL'] + 'nightly')}, {keys})"
    return {
        "write": ([f"INSERT INTO FUNCTION {file('x.csv')} SELECT 7"], ""),
        "read": ([f"SELECT n FROM {file('x.csv')}"], "7"),
        "glob": ([f"SELECT count(), sum(n) FROM {file('*.csv')}"], "1,7"),
        "disk": ([f"CREATE TABLE d.t{n} (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS disk = {disk}",
                  f"INSERT INTO d.t{n} SELECT 5", f"SELECT sum(n) FROM d.t{n}"], "5"),
        "backup": ([f"BACKUP TABLE d.t{n} TO {backup}",
                    "SELECT status FROM system.backups ORDER BY start_time DESC, id LIMIT 1"], '"BACKUP_CREATED"'),
        "restore": ([f"RESTORE TABLE d.t{n} AS d.r{n} FROM {backup}", f"SELECT sum(n) FROM d.r{n}"], "5"),
    }


def written(texts):
    """The statements for what bucketuser credentials has written, and what the last of them must give."""
    name = texts["name"]
    file = f"s3({name}, filename = 'named.tsv', structure = 'n UInt64')"
    return {
        "clickhouse-xml": ([f"CREATE TABLE d.{name} (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS storage_policy = {q(name)}",
                            f"INSERT INTO d.{name} SELECT 6", f"SELECT sum(n) FROM d.{name}"], "6"),
        "clickhouse-sql": ([texts["clickhouse-sql"], f"INSERT INTO FUNCTION {file} SELECT 8", f"SELECT n FROM {file}"], "8"),
        "clickhouse-sql backup": ([f"BACKUP TABLE d.{name} TO S3({name}_backups, 'named')",
                                   f"RESTORE TABLE d.{name} AS d.r{name} FROM S3({name}_backups, 'named')", f"SELECT sum(n) FROM d.r{name}"], "6"),
    }


def configure(folder, all):
    """Puts the configuration of all disks into config.d, as a server has it."""
    os.mkdir(folder + "/config.d")
    with open(folder + "/config.xml", "w") as file:
        file.write("<clickhouse/>")
    for texts in all:
        if texts:
            with open(f"{folder}/config.d/{texts['name']}.xml", "w") as file:
                file.write(texts["clickhouse-xml"])


secrets = json.load(sys.stdin)
scratch = tempfile.TemporaryDirectory()
configure(scratch.name, [secret["texts"] for secret in secrets])
with scratch, session.Session(f"{scratch.name}/engine?config-file={scratch.name}/config.xml") as engine:
    engine.query("CREATE DATABASE d ENGINE = Atomic")
    for n, secret in enumerate(secrets):
        wrong = {}
        for way, (statements, want) in (ways(n, secret["fields"]) | (written(secret["texts"]) if secret["texts"] else {})).items():
            try:
                for statement in statements:
                    got = str(engine.query(statement)).strip()
            except Exception as error:  # the engine has one type for all of them
                got = str(error).splitlines()[0][:200]
            if got != want:
                wrong[way] = got
        print(json.dumps(wrong), flush=True)
