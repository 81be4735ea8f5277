"""Starts ClickHouse, as chDB, with a configuration file, and keeps a table by the policy s3_main that it defines.

Arguments: a folder for the engine, the configuration file. Prints the disks of the policy and a sum over the table.
"""

import sys

from chdb import session

folder, file = sys.argv[1:]
with session.Session(f"{folder}?config-file={file}") as engine:
    engine.query("CREATE DATABASE d ENGINE = Atomic")
    engine.query("CREATE TABLE d.t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS storage_policy = 's3_main'")
    engine.query("INSERT INTO d.t SELECT number FROM numbers(100000)")
    print(str(engine.query(
        "SELECT (SELECT name FROM system.disks WHERE type = 'ObjectStorage' AND cache_path = '') AS disk,"
        " (SELECT disks[1] FROM system.storage_policies WHERE policy_name = 's3_main') AS policy, sum(n) FROM d.t")).strip())
