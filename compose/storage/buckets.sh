#!/bin/sh
# Buckets, and one user per service with no more than it needs; safe to run again.
set -eu
export MC_HOST_lake="http://${MINIO_ROOT_USER}:$(cat /run/secrets/minio_root_password)@minio:9000"

for bucket in bronze silver gold landing logs dlq backups; do
  mc mb --quiet --ignore-existing "lake/$bucket"
done

user() { # name: its policy lies beside this file
  mc admin user add lake "$1" "$(cat "/run/secrets/$1_s3_secret_key")" >/dev/null
  mc admin policy create lake "lakelet-$1" "/bootstrap/$1.json"
  # Attaching what is attached is an error to mc.
  mc admin user info lake "$1" --json | grep -q "lakelet-$1" ||
    mc admin policy attach lake "lakelet-$1" --user "$1"
}
user dremio
user airbyte
user backup
user logs
echo "buckets and users are as they should be"
