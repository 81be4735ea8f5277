"""ClickHouse goes on across a rotation: it writes and reads all the while, and takes another key over while it runs.

Standard input: one JSON object a line, answered each by one line as the checks of package clickhouse are. The first has `url`,
`id` and `secret`; it is answered once ClickHouse works. Later ones have `check`, `id` and `secret`, and `do`:
"follow" makes the key that of all that follows, "use" writes with it aside, and "refused" wants it to be refused. The end of
the input ends the work, and is answered by the check of it.
"""

import json
import sys
import tempfile
import threading

from chdb import session

stop, rounds, errors = threading.Event(), [], []


def q(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def report(check, ok, detail=""):
    print(json.dumps({"check": check, "ok": ok, "detail": detail}), flush=True)


def pair(key):
    return f"access_key_id = {q(key['id'])}, secret_access_key = {q(key['secret'])}"


def go_on(path):
    with session.Session(path) as engine:
        try:
            while not stop.is_set():
                engine.query("INSERT INTO FUNCTION s3(storage, filename = 'rotation.csv', format = 'CSV', structure = 'n UInt64')"
                             f" SELECT {len(rounds)} SETTINGS s3_truncate_on_insert = 1")
                got = str(engine.query("SELECT n FROM s3(storage, filename = 'rotation.csv', format = 'CSV', structure = 'n UInt64')"))
                if int(got) != len(rounds):
                    raise RuntimeError(f"read {got} after {len(rounds)} was written")
                rounds.append(got)
                stop.wait(0.1)
        except Exception as error:  # the engine has one type for all of them
            errors.append(str(error).splitlines()[0][:300])


def try_key(engine, key):
    """Writes with the key, and returns why that was refused, or nothing."""
    try:
        engine.query(f"INSERT INTO FUNCTION s3({q(url + 'tried.csv')}, {q(key['id'])}, {q(key['secret'])}, 'CSV', 'n UInt64')"
                     " SELECT 1 SETTINGS s3_truncate_on_insert = 1")
    except Exception as error:
        return str(error).splitlines()[0][:300]
    return ""


with tempfile.TemporaryDirectory() as scratch, session.Session(scratch + "/engine") as engine:
    first = json.loads(sys.stdin.readline())
    url = first["url"]
    engine.query(f"CREATE NAMED COLLECTION storage AS url = {q(url)}, {pair(first)}")
    work = threading.Thread(target=go_on, args=[scratch + "/engine"])
    work.start()
    while not rounds and not errors:
        stop.wait(0.1)
    report("rotation: ClickHouse works with the key before", not errors, "".join(errors))
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "follow":
            engine.query(f"ALTER NAMED COLLECTION storage SET {pair(asked)}")
        why = try_key(engine, asked)
        if asked["do"] == "refused":
            report(asked["check"], "Access Key Id you provided does not exist" in why, why or "was not refused")
        else:
            report(asked["check"], not why, why)
    stop.set()
    work.join()
    report("rotation: ClickHouse wrote and read all the while", not errors, "".join(errors))
