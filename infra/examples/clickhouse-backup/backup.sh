#!/bin/sh
# Runs clickhouse-backup with the fields of the secret, which are in the environment, under the names that it reads:
#   backup.sh create_remote nightly
set -eu
export S3_ACCESS_KEY="$AWS_ACCESS_KEY_ID"
export S3_SECRET_KEY="$AWS_SECRET_ACCESS_KEY"
export S3_REGION="$AWS_REGION"
export S3_BUCKET # has the name already
# Not S3_PREFIX, where the folder marker is: the clean-up would take it for a backup without a name, and delete all.
export S3_PATH="$S3_BACKUP_PREFIX"
# For the parts of tables that are on an S3 disk, as clickhouse-server beside this has one. Not inside of S3_PATH, where it
# would be taken for a backup, and no beginning of it, which clickhouse-backup refuses.
export S3_OBJECT_DISK_PATH="${S3_PREFIX}object_disks"
export S3_ACL=""
exec clickhouse-backup --config "$(dirname "$0")/config.yml" "$@"
