"""Has ClickHouse, as chDB, use credentials in each way that README names, for many prefixes one after the other.

Reads a JSON list from standard input: the fields of a secret each. Prints a JSON object a line, for each of them: what
did not give the right answer, by the name of the way, and what it gave.
"""

import json
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


with tempfile.TemporaryDirectory() as scratch, session.Session(scratch + "/engine") as engine:
    engine.query("CREATE DATABASE d ENGINE = Atomic")
    for n, fields in enumerate(json.load(sys.stdin)):
        wrong = {}
        for way, (statements, want) in ways(n, fields).items():
            try:
                for statement in statements:
                    got = str(engine.query(statement)).strip()
            except Exception as error:  # the engine has one type for all of them
                got = str(error).splitlines()[0][:200]
            if got != want:
                wrong[way] = got
        print(json.dumps(wrong), flush=True)
