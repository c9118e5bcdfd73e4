#!/usr/bin/env bash
# A role and a database of the same name for each service; safe to run again.
set -euo pipefail
PGPASSWORD=$(</run/secrets/postgres_password)
export PGPASSWORD

ensure() { # role, attributes, databases besides its own
  local role=$1 attributes=$2 database
  shift 2
  # The password travels as a variable of psql, on no command line and in no log.
  SECRET=$(<"/run/secrets/${role}_db_password") psql -qv ON_ERROR_STOP=1 -v role="$role" <<SQL
\getenv secret SECRET
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SELECT format('CREATE ROLE %I', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN $attributes PASSWORD :'secret';
SQL
  for database in "$role" "$@"; do
    psql -qv ON_ERROR_STOP=1 -v role="$role" -v database="$database" <<'SQL'
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'role')
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE CONNECT ON DATABASE :"database" FROM PUBLIC;
SQL
  done
}

ensure airbyte "" temporal temporal_visibility
ensure superset ""
ensure dremio ""
ensure nessie ""
ensure shop REPLICATION # the owner of a database read by change data capture
ensure monitor ""
psql -qv ON_ERROR_STOP=1 -c 'GRANT pg_monitor TO monitor'
SECRET=$(</run/secrets/airbyte_db_password) \
  psql -qv ON_ERROR_STOP=1 -d monitor -f /bootstrap/history.sql
echo "roles and databases are as .env says"
