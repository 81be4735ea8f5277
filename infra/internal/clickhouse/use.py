"""What a ClickHouse server does with the credentials, done by chDB, which is the same engine.

Reads a JSON object from standard input: the fields of the secret, `endpoint` of the embedded AWS or nothing for AWS, and
the key of `stranger`, a user of the same account, or null. Prints one JSON object a line: {"check": …, "ok": …, "detail": …}.
"""

import json
import sys
import tempfile

from chdb import session

given = json.load(sys.stdin)
KEY, SECRET = given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"]


def local(url):
    """The address on the embedded AWS of an address on AWS: there the bucket is part of the path."""
    if not given["endpoint"]:
        return url
    path = url.split(".amazonaws.com/", 1)[1]
    return f"{given['endpoint']}/{given['S3_BUCKET']}/{path}"


URL, BACKUP_URL = local(given["S3_URL"]), local(given["S3_BACKUP_URL"])
OUTSIDE = URL.removesuffix(given["S3_PREFIX"]) + "elsewhere/"


def q(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def s3(url, key=KEY, secret=SECRET, more=""):
    return f"s3({q(url)}, {q(key)}, {q(secret)}, 'CSV', 'n UInt64'{more})"


def report(check, ok, detail=""):
    print(json.dumps({"check": check, "ok": ok, "detail": detail}), flush=True)


def allowed(check, statements, expected):
    try:
        for statement in statements:
            got = str(engine.query(statement)).strip()
    except Exception as error:  # the engine has one type for all of them
        return report(check, False, str(error).splitlines()[0][:300])
    report(check, got == expected, got if got != expected else "")


def refused(check, statement, reason):
    try:
        engine.query(statement)
    except Exception as error:
        text = str(error)
        return report(check, reason in text, text.splitlines()[0][:300])
    report(check, False, "was not refused")


def engine_in(folder):
    """The path of an engine. The URLs of AWS name the region; that of the embedded AWS does not, so a file does."""
    if not given["endpoint"]:
        return folder + "/engine"
    with open(folder + "/config.xml", "w") as file:
        file.write(f"<clickhouse><s3><embedded><endpoint>{given['endpoint']}/</endpoint><region>{given['AWS_REGION']}</region></embedded></s3></clickhouse>")
    return f"{folder}/engine?config-file={folder}/config.xml"


with tempfile.TemporaryDirectory() as scratch, session.Session(engine_in(scratch)) as engine:
    engine.query("CREATE DATABASE demo ENGINE = Atomic")
    allowed(
        "s3(): writes a file and reads it",
        [f"INSERT INTO FUNCTION {s3(URL + 'numbers.csv')} SELECT number FROM numbers(1000) SETTINGS s3_truncate_on_insert = 1",
         f"SELECT sum(n) FROM {s3(URL + 'numbers.csv')}"],
        "499500",
    )
    allowed(
        "s3(): uploads a file in several parts",
        [f"INSERT INTO FUNCTION {s3(URL + 'large.csv')} SELECT number FROM numbers(3000000) SETTINGS s3_truncate_on_insert = 1,"
         " s3_min_upload_part_size = 5242880, s3_max_single_part_upload_size = 5242880",
         f"SELECT count() FROM {s3(URL + 'large.csv')}"],
        "3000000",
    )
    disk = (f"disk(type = s3, name = demo_s3, endpoint = {q(URL + 'disk/')}, access_key_id = {q(KEY)}, "
            f"secret_access_key = {q(SECRET)}, region = {q(given['AWS_REGION'])})")
    allowed(
        "S3 disk: a MergeTree table keeps its parts there",
        ["DROP TABLE IF EXISTS demo.t SYNC",
         f"CREATE TABLE demo.t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS disk = {disk}",
         "INSERT INTO demo.t SELECT number FROM numbers(100000)",
         "SELECT sum(n) FROM demo.t"],
        "4999950000",
    )
    name = engine.query("SELECT generateUUIDv4()").data().strip().strip('"')
    target = f"S3({q(BACKUP_URL + name)}, {q(KEY)}, {q(SECRET)})"
    allowed(
        "BACKUP … TO S3",
        [f"BACKUP TABLE demo.t TO {target}", "SELECT count() FROM system.backups WHERE status = 'BACKUP_CREATED'"],
        "1",
    )
    allowed(
        "RESTORE … FROM S3",
        ["DROP TABLE demo.t SYNC", f"RESTORE TABLE demo.t FROM {target}", "SELECT sum(n) FROM demo.t"],
        "4999950000",
    )
    engine.query("DROP TABLE IF EXISTS demo.t SYNC")

    insert = "INSERT INTO FUNCTION {} SELECT 1 SETTINGS s3_truncate_on_insert = 1"
    refused("refused: a write outside the prefix", insert.format(s3(OUTSIDE + "x.csv")), "is not authorized to perform: s3:PutObject")
    refused("refused: a wrong secret", insert.format(s3(URL + "x.csv", secret="wrong" + SECRET[5:])), "signature")
    if given["endpoint"]:  # it takes this header for the connection that a proxy had with its client
        plain = s3(URL + "x.csv", more=", headers('X-Forwarded-Proto'='http')")
    else:
        plain = s3(URL.replace("https:", "http:", 1) + "x.csv")
    refused("refused: plain http", insert.format(plain), "explicit deny")
    if stranger := given["stranger"]:
        refused("refused: another user's key", f"SELECT * FROM {s3(URL + 'numbers.csv', stranger['id'], stranger['secret'])}", "HTTP response code: 403")
