"""Has ClickHouse, as chDB, back a table up to a target and restore it from there. The argument is the target, as SQL.

Prints a sum over the restored table.
"""

import sys
import tempfile

from chdb import session

with tempfile.TemporaryDirectory() as scratch, session.Session(scratch + "/engine") as engine:
    engine.query("CREATE DATABASE d ENGINE = Atomic")
    engine.query("CREATE TABLE d.t (n UInt64) ENGINE = MergeTree ORDER BY n")
    engine.query("INSERT INTO d.t SELECT number FROM numbers(10)")
    engine.query(f"BACKUP TABLE d.t TO {sys.argv[1]}")
    engine.query("DROP TABLE d.t SYNC")
    engine.query(f"RESTORE TABLE d.t FROM {sys.argv[1]}")
    print(str(engine.query("SELECT sum(n) FROM d.t")).strip())
