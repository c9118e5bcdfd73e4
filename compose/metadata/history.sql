-- What became of each of Airbyte's syncs, for whoever reads it over SQL (Dremio's source `airbyte`):
-- the rows that the embedded Airbyte's history.syncs has. In a database of its own, over foreign
-- tables: a view in Airbyte's database would stand in the way of its migrations. Safe to run again.
-- Run by psql as the superuser in `monitor`; SECRET: the password of the role airbyte.
\getenv secret SECRET
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET client_min_messages = 'warning';
CREATE EXTENSION IF NOT EXISTS postgres_fdw;
SELECT format('CREATE SERVER IF NOT EXISTS airbyte FOREIGN DATA WRAPPER postgres_fdw '
              'OPTIONS (host ''127.0.0.1'', port %L, dbname ''airbyte'')', current_setting('port')) \gexec
DROP USER MAPPING IF EXISTS FOR CURRENT_USER SERVER airbyte;
CREATE USER MAPPING FOR CURRENT_USER SERVER airbyte OPTIONS (user 'airbyte', password :'secret');

-- Airbyte's tables as its public migrations leave them; its enumerations are read as texts.
CREATE SCHEMA IF NOT EXISTS airbyte;
CREATE FOREIGN TABLE IF NOT EXISTS airbyte.connection (id uuid, name text)
    SERVER airbyte OPTIONS (schema_name 'public', table_name 'connection');
CREATE FOREIGN TABLE IF NOT EXISTS airbyte.jobs (
    id bigint, config_type text, scope text, status text,
    started_at timestamptz, created_at timestamptz, updated_at timestamptz
) SERVER airbyte OPTIONS (schema_name 'public', table_name 'jobs');
CREATE FOREIGN TABLE IF NOT EXISTS airbyte.attempts (
    id bigint, job_id bigint, attempt_number integer, failure_summary jsonb
) SERVER airbyte OPTIONS (schema_name 'public', table_name 'attempts');
CREATE FOREIGN TABLE IF NOT EXISTS airbyte.sync_stats (
    attempt_id bigint, records_committed bigint, bytes_committed bigint
) SERVER airbyte OPTIONS (schema_name 'public', table_name 'sync_stats');

-- Materialized: a condition on a text that is an enumeration there must not be sent there.
CREATE SCHEMA IF NOT EXISTS history;
CREATE OR REPLACE VIEW history.syncs AS
WITH connection AS MATERIALIZED (SELECT id::text, name FROM airbyte.connection),
     job AS MATERIALIZED (SELECT * FROM airbyte.jobs),
     attempt AS MATERIALIZED (SELECT * FROM airbyte.attempts),
     stat AS MATERIALIZED (SELECT * FROM airbyte.sync_stats),
     moved AS (
         SELECT a.job_id, count(*) AS attempts,
                coalesce(sum(s.records_committed), 0)::bigint AS records,
                coalesce(sum(s.bytes_committed), 0)::bigint AS bytes,
                (array_agg(a.failure_summary->'failures'->0->>'externalMessage'
                           ORDER BY a.attempt_number DESC))[1] AS failure
         FROM attempt a LEFT JOIN stat s ON s.attempt_id = a.id GROUP BY a.job_id
     ),
     ended AS (SELECT unnest(ARRAY['succeeded', 'failed', 'cancelled']) AS status)
SELECT j.id AS job_id,
       c.name::text AS connection,
       j.status,
       j.created_at,
       j.started_at,
       CASE WHEN e.status IS NOT NULL THEN j.updated_at END AS ended_at,
       CASE WHEN e.status IS NOT NULL
            THEN extract(epoch FROM j.updated_at - j.started_at)::float8 END AS seconds,
       coalesce(m.attempts, 0) AS attempts,
       coalesce(m.records, 0)::bigint AS records,
       coalesce(m.bytes, 0)::bigint AS bytes,
       CASE WHEN j.status = 'failed' THEN m.failure END AS failure
FROM job j
JOIN connection c ON c.id = j.scope
LEFT JOIN moved m ON m.job_id = j.id
LEFT JOIN ended e ON e.status = j.status
WHERE j.config_type IN ('sync', 'refresh');

-- Dremio asks as its own role, which may read this and no more.
GRANT CONNECT ON DATABASE monitor TO dremio;
GRANT USAGE ON SCHEMA history TO dremio;
GRANT SELECT ON history.syncs TO dremio;
