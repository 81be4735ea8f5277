"""Has boto3 and the aws CLI use credentials, for many prefixes one after the other.

Reads a JSON list from standard input: of each secret the fields, and what bucketuser credentials writes of them, by the
format, or nothing of that. Prints a JSON object a line, for each of them: what failed, by the name of the way, and how.
The CLI runs in this process, since it needs half a second to start.
"""

import contextlib
import csv
import io
import json
import os
import sys
import tempfile

import boto3
from awscli.clidriver import create_clidriver


def boto(fields, _):
    bucket, key = fields["S3_BUCKET"], fields["S3_PREFIX"] + "boto"
    s3 = boto3.client("s3", region_name=fields["AWS_REGION"], aws_access_key_id=fields["AWS_ACCESS_KEY_ID"],
                      aws_secret_access_key=fields["AWS_SECRET_ACCESS_KEY"])
    s3.put_object(Bucket=bucket, Key=key, Body=b"content")
    s3.copy_object(Bucket=bucket, Key=key + "2", CopySource={"Bucket": bucket, "Key": key})
    if s3.get_object(Bucket=bucket, Key=key + "2")["Body"].read() != b"content":
        raise ValueError("read something else")
    listed = [o["Key"] for o in s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]]
    if listed != [key, key + "2"]:
        raise ValueError(f"listed {listed}")
    s3.delete_object(Bucket=bucket, Key=key)
    if "Errors" in s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key + "2"}]}):
        raise ValueError("deleted not all")


def cli(fields, _):
    os.environ.update(fields)
    driver = create_clidriver()

    def aws(*arguments):
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = driver.main(list(arguments))
            except SystemExit as end:  # argparse ends the process
                status = end.code
        out.flush()
        if status != 0:
            raise ValueError(f"{arguments}: {status} {err.getvalue().strip()[-200:]}")
        return out.buffer.getvalue().decode()

    folder, bucket, prefix = f"s3://{fields['S3_BUCKET']}/{fields['S3_PREFIX']}", fields["S3_BUCKET"], fields["S3_PREFIX"]
    aws("s3", "cp", source, folder + "cli", "--quiet")
    if " cli\n" not in aws("s3", "ls", folder):
        raise ValueError("ls does not show the file")
    if "cli" not in aws("s3api", "list-objects-v2", "--bucket", bucket, "--prefix", prefix, "--query", "Contents[].Key"):
        raise ValueError("list-objects-v2 does not show the file")
    aws("s3", "rm", folder + "cli", "--quiet")


def profile(fields, texts):
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("[other]\nregion = us-east-1\n" + texts["aws-profile"])
        file.flush()
        os.environ["AWS_SHARED_CREDENTIALS_FILE"] = file.name
        session = boto3.Session(profile_name=texts["name"])
        if session.region_name != fields["AWS_REGION"]:
            raise ValueError(f"region {session.region_name}")
        session.client("s3").head_object(Bucket=fields["S3_BUCKET"], Key=fields["S3_PREFIX"])


def table(fields, texts):
    got = list(csv.reader(io.StringIO(texts["csv"], newline="")))
    if got != [["Access key ID", "Secret access key"], [fields["AWS_ACCESS_KEY_ID"], fields["AWS_SECRET_ACCESS_KEY"]]]:
        raise ValueError("read something else")


with tempfile.NamedTemporaryFile() as file:
    file.write(b"content")
    file.flush()
    source = file.name
    for secret in json.load(sys.stdin):
        wrong = {}
        for way in (boto, cli, profile, table) if secret["texts"] else (boto, cli):
            try:
                way(secret["fields"], secret["texts"])
            except Exception as error:  # those of botocore have no common type
                wrong[way.__name__] = str(error)[:300]
        print(json.dumps(wrong), flush=True)
