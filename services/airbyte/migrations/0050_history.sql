-- What became of each sync, for whoever reads it over SQL: one row a job, its attempts summed up.
-- The tables themselves stay free to change.
CREATE SCHEMA history;
CREATE VIEW history.syncs AS
SELECT j.id AS job_id,
       c.name AS connection,
       j.status,
       j.created_at,
       j.started_at,
       CASE WHEN j.status IN ('succeeded', 'failed', 'cancelled') THEN j.updated_at END AS ended_at,
       CASE WHEN j.status IN ('succeeded', 'failed', 'cancelled')
            THEN extract(epoch FROM j.updated_at - j.started_at)::float8 END AS seconds,
       (SELECT count(*) FROM attempts a WHERE a.job_id = j.id) AS attempts,
       moved.records,
       moved.bytes,
       (SELECT a.failures->0->>'externalMessage' FROM attempts a
        WHERE a.job_id = j.id AND j.status = 'failed' ORDER BY a.number DESC LIMIT 1) AS failure
FROM jobs j
JOIN connections c ON c.id = j.connection_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum((s.value->>'recordsCommitted')::bigint), 0)::bigint AS records,
           coalesce(sum((s.value->>'bytesCommitted')::bigint), 0)::bigint AS bytes
    FROM attempts a, jsonb_each(a.stream_stats) s WHERE a.job_id = j.id
) moved
WHERE j.config_type = 'sync';
