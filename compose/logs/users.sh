#!/bin/sh
# Kibana's own password, and a user for the shipper that may only add to logs-*; safe to run again.
set -eu
# Credentials and bodies by files and standard input: a command line is for all to see.
umask 077
printf 'user = "elastic:%s"\n' "$(cat /run/secrets/elastic_password)" >/tmp/auth

call() { # METHOD PATH, body on standard input
  curl -fsS -K /tmp/auth -X "$1" -H 'Content-Type: application/json' --data-binary @- \
    "http://elasticsearch:9200$2" >/dev/null
}

printf '{"password": "%s"}' "$(cat /run/secrets/kibana_password)" |
  call POST /_security/user/kibana_system/_password
echo '{"cluster": ["monitor", "read_ilm", "manage_index_templates"],
  "indices": [{"names": ["logs-*"], "privileges": ["create_doc", "auto_configure", "view_index_metadata"]}]}' |
  call PUT /_security/role/lakelet_shipper
printf '{"password": "%s", "roles": ["lakelet_shipper"]}' "$(cat /run/secrets/shipper_password)" |
  call PUT /_security/user/shipper
echo "Elasticsearch's users are as .env says"
