"""Has ClickHouse, as chDB, use what bucketuser credentials has written, as it is.

Arguments: a folder with config.xml, its config.d, collections.sql and odd.sql, and the name of policy and collections.
Prints a sum over a table of the policy, one over a file, one over the restored table, and the odd secret.
"""

import sys

from chdb import session

folder, name = sys.argv[1:]
with session.Session(f"{folder}/engine?config-file={folder}/config.xml") as engine:
    with open(f"{folder}/collections.sql") as file:
        text = file.read()
    for _ in range(2):  # again, as for a new key
        engine.query(text)
    engine.query(f"CREATE TABLE default.t (n UInt64) ENGINE = MergeTree ORDER BY n SETTINGS storage_policy = '{name}'")
    engine.query("INSERT INTO default.t SELECT number FROM numbers(10)")
    print(str(engine.query("SELECT sum(n) FROM default.t")).strip())
    examples = [line.removeprefix("-- ") for line in text.splitlines() if line.startswith("-- ") and line.endswith(";")]
    for example in examples:
        got = str(engine.query(example))
        if example.startswith("SELECT "):
            print(got.strip())
    print(str(engine.query("SELECT sum(number) FROM restored")).strip())
    with open(f"{folder}/odd.sql") as file:
        text = file.read()
    engine.query(text)
    literal = text.split("secret_access_key = ", 1)[1].split(";\nALTER ", 1)[0]
    print(str(engine.query(f"SELECT {literal}", "TSVRaw")).rstrip("\n"))
