"""A consumer of the credentials that goes on working: ClickHouse, as chDB, which is the same engine.

Arguments: the form of its configuration, a folder for the engine, and what the form wants. The forms:

  environment FILE   a MergeTree table for each worker on the S3 disk of the configuration file, which takes the
                     credentials from the environment (from_env). A server reads it when it starts.
  literal URL        files by s3() and backups by BACKUP and RESTORE, with the credentials literally in a named
                     collection. A server replaces it when its configuration file changes (ClickHouse #34502). The
                     engine inside of a process has no such reload (SYSTEM RELOAD CONFIG is refused), so that
                     ALTER NAMED COLLECTION replaces it here. The work goes on meanwhile, by the same engine.

Standard input: one JSON object {"id": …, "secret": …} a line, each a new literal configuration; its end ends the work.
Standard output: "configured" once a configuration is in force, or the engine has started; then one JSON object:
{"rounds": …, "errors": […], "lost": …}. An error ends the work of one worker; lost are parts that were given up.
"""

import json
import os
import sys
import threading

from chdb import session

WORKERS = 2
PAUSE = 0.1  # seconds between two rounds of a worker: others use the embedded AWS, too
form, folder, place = sys.argv[1:]
stop = threading.Event()
rounds, errors, workers = [0] * WORKERS, [], []


def q(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def configure(engine, key):
    """Makes credentials the literal configuration: both halves at once. It is in force once no worker is in a round that
    began before, since a statement keeps the credentials that it began with."""
    engine.query(f"ALTER NAMED COLLECTION storage SET access_key_id = {q(key['id'])}, secret_access_key = {q(key['secret'])}")
    begun = list(rounds)
    for n, worker in enumerate(workers):
        while worker.is_alive() and rounds[n] == begun[n]:
            worker.join(PAUSE)
    print("configured", flush=True)


def expect(got, want, what):
    if str(got).strip() != str(want):
        raise RuntimeError(f"{what}: {got}, want {want}")


def on_disk(engine, worker, n):
    """Adds a part to the worker's table, and reads the whole table."""
    if n == 0:
        engine.query(f"CREATE TABLE IF NOT EXISTS d.t{worker} (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS storage_policy = 's3_main'")
        before[worker] = int(str(engine.query(f"SELECT count() FROM d.t{worker}")))
    engine.query(f"INSERT INTO d.t{worker} SELECT number FROM numbers(100)")
    expect(engine.query(f"SELECT count() FROM d.t{worker}"), before[worker] + 100 * (n + 1), "rows on the disk")


def by_name(engine, worker, n):
    """Writes ten files and reads them, and now and then backs up a table and restores it."""
    files = f"storage, format = 'CSV', structure = 'n UInt64', filename = 'files/{worker}"
    engine.query(f"INSERT INTO FUNCTION s3({files}/{{_partition_id}}.csv') PARTITION BY n % 10 "
                 f"SELECT number FROM numbers(100) SETTINGS s3_truncate_on_insert = 1")
    expect(engine.query(f"SELECT sum(n) FROM s3({files}/*.csv')"), 4950, "sum over the files")
    if n % 10 == 0:
        name = str(engine.query("SELECT generateUUIDv4()", "TabSeparated")).strip()
        engine.query(f"BACKUP TABLE d.source TO S3(storage, 'backups/{name}')")
        engine.query(f"RESTORE TABLE d.source AS d.restored{worker} FROM S3(storage, 'backups/{name}')")
        expect(engine.query(f"SELECT sum(n) FROM d.restored{worker}"), 4950, "sum over the restored table")
        engine.query(f"DROP TABLE d.restored{worker} SYNC")


def work(target, worker, step):
    with session.Session(target) as engine:
        try:
            while not stop.is_set():
                step(engine, worker, rounds[worker])
                rounds[worker] += 1
                stop.wait(PAUSE)
        except Exception as error:  # the engine has one type for all of them
            errors.append(str(error).splitlines()[0][:400])


before = [0] * WORKERS
config = place
if form == "literal":  # the URLs of AWS name the region, that of the embedded AWS does not
    config = folder + ".xml"
    with open(config, "w") as file:
        file.write(f"<clickhouse><s3><storage><endpoint>{place}</endpoint><region>{os.environ['AWS_REGION']}</region></storage></s3></clickhouse>")
target = f"{folder}?config-file={config}"
with session.Session(target) as engine:
    engine.query("CREATE DATABASE IF NOT EXISTS d ENGINE = Atomic")
    if form == "literal":
        engine.query("CREATE TABLE IF NOT EXISTS d.source (n UInt64) ENGINE = MergeTree ORDER BY n AS SELECT number AS n FROM numbers(100)")
        engine.query(f"CREATE NAMED COLLECTION IF NOT EXISTS storage AS url = {q(place)}")
        configure(engine, json.loads(sys.stdin.readline()))
    else:
        print("configured", flush=True)
    step = by_name if form == "literal" else on_disk
    workers = [threading.Thread(target=work, args=(target, n, step)) for n in range(WORKERS)]
    for worker in workers:
        worker.start()
    for line in sys.stdin:
        configure(engine, json.loads(line))
    stop.set()
    for worker in workers:
        worker.join()
    lost = int(str(engine.query("SELECT count() FROM system.detached_parts")))
print(json.dumps({"rounds": sum(rounds), "errors": errors, "lost": lost}))
