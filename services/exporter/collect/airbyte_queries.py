"""What is asked of Airbyte's database: of the embedded one and of the vendor's.

Both answer the same rows; the tables differ. The vendor's (Airbyte 0.63 to 2.1, read in its public
migrations): `connection`, `jobs` (`scope` is the connection's id), `attempts`, and `sync_stats`
with a row an attempt, written while it runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString


@dataclass(frozen=True)
class Queries:
    """One database's.

    `counts`: connection, records, bytes, failed syncs. `durations` (`bounds`): connection, status,
    bucket, syncs, their seconds. `states`: connection, newest outcome, seconds since the newest
    good one, units and unit of its interval. `logs`: connection, bytes kept for it, seconds behind
    (None: the database says nothing of it). `queue`: pending, running, incomplete jobs, seconds of
    the oldest that waits.
    """

    counts: LiteralString
    durations: LiteralString
    states: LiteralString
    queue: LiteralString
    logs: LiteralString | None = None


EMBEDDED = Queries(
    counts="""
    SELECT c.name,
           coalesce(sum(a.records), 0)::float8, coalesce(sum(a.bytes), 0)::float8,
           count(DISTINCT j.id) FILTER (WHERE j.status = 'failed')
    FROM connections c
    LEFT JOIN jobs j ON j.connection_id = c.id AND j.config_type = 'sync'
    LEFT JOIN LATERAL (
        SELECT sum((s.value->>'recordsCommitted')::numeric) AS records,
               sum((s.value->>'bytesCommitted')::numeric) AS bytes
        FROM attempts, jsonb_each(stream_stats) s WHERE attempts.job_id = j.id
    ) a ON true
    GROUP BY c.name
""",
    durations="""
    SELECT c.name, j.status,
           (SELECT count(*) FROM unnest(%(bounds)s::float8[]) b WHERE b < s.took) AS bucket,
           count(*), sum(s.took)
    FROM jobs j JOIN connections c ON c.id = j.connection_id,
         LATERAL (SELECT extract(epoch FROM j.updated_at - j.started_at)::float8 AS took) s
    WHERE j.config_type = 'sync' AND j.status IN ('succeeded', 'failed', 'cancelled')
      AND j.started_at IS NOT NULL
    GROUP BY 1, 2, 3
""",
    states="""
    SELECT DISTINCT ON (c.name) c.name, newest.status,
           extract(
               epoch FROM now() - coalesce(greatest(good.at, f.up_to_date_at), c.created_at)
           )::float8,
           c.schedule_data->'basicSchedule'->>'units',
           c.schedule_data->'basicSchedule'->>'timeUnit'
    FROM connections c
    LEFT JOIN freshness f ON f.connection_id = c.id
    LEFT JOIN LATERAL (
        SELECT status FROM jobs WHERE connection_id = c.id AND config_type = 'sync'
        AND status IN ('succeeded', 'failed') ORDER BY id DESC LIMIT 1) newest ON true
    LEFT JOIN LATERAL (
        SELECT max(updated_at) AS at FROM jobs WHERE connection_id = c.id
        AND config_type = 'sync' AND status = 'succeeded') good ON true
    WHERE c.status = 'active' ORDER BY c.name, c.created_at DESC
""",
    logs="""
    SELECT DISTINCT ON (c.name) c.name, f.lag_bytes::float8,
           CASE WHEN coalesce(c.options->'continuous', 'null') NOT IN ('null', 'false')
                THEN extract(epoch FROM now() - coalesce(f.up_to_date_at, c.created_at))::float8 END
    FROM connections c LEFT JOIN freshness f ON f.connection_id = c.id
    WHERE c.status = 'active' ORDER BY c.name, c.created_at DESC
""",
    queue="""
    SELECT count(*) FILTER (WHERE status = 'pending'), count(*) FILTER (WHERE status = 'running'),
           count(*) FILTER (WHERE status = 'incomplete'),
           coalesce(extract(epoch FROM max(now() - next_attempt_at)
               FILTER (WHERE status <> 'running')), 0)::float8
    FROM jobs WHERE status IN ('pending', 'running', 'incomplete')
""",
)
VENDOR = Queries(
    counts="""
    SELECT c.name,
           coalesce(sum(a.records), 0)::float8, coalesce(sum(a.bytes), 0)::float8,
           count(DISTINCT j.id) FILTER (WHERE j.status::text = 'failed')
    FROM connection c
    LEFT JOIN jobs j ON j.scope = c.id::text AND j.config_type::text IN ('sync', 'refresh')
    LEFT JOIN LATERAL (
        SELECT sum(s.records_committed) AS records, sum(s.bytes_committed) AS bytes
        FROM attempts t JOIN sync_stats s ON s.attempt_id = t.id WHERE t.job_id = j.id
    ) a ON true
    GROUP BY c.name
""",
    durations="""
    SELECT c.name, j.status::text,
           (SELECT count(*) FROM unnest(%(bounds)s::float8[]) b WHERE b < s.took) AS bucket,
           count(*), sum(s.took)
    FROM jobs j JOIN connection c ON c.id::text = j.scope,
         LATERAL (SELECT extract(epoch FROM j.updated_at - j.started_at)::float8 AS took) s
    WHERE j.config_type::text IN ('sync', 'refresh')
      AND j.status::text IN ('succeeded', 'failed', 'cancelled') AND j.started_at IS NOT NULL
    GROUP BY 1, 2, 3
""",
    states="""
    SELECT DISTINCT ON (c.name) c.name, newest.status,
           extract(epoch FROM now() - coalesce(good.at, c.created_at))::float8,
           CASE WHEN c.schedule_type::text = 'basic_schedule'
                THEN c.schedule_data->'basicSchedule'->>'units' END,
           c.schedule_data->'basicSchedule'->>'timeUnit'
    FROM connection c
    LEFT JOIN LATERAL (
        SELECT status::text FROM jobs
        WHERE scope = c.id::text AND config_type::text IN ('sync', 'refresh')
        AND status::text IN ('succeeded', 'failed') ORDER BY id DESC LIMIT 1) newest ON true
    LEFT JOIN LATERAL (
        SELECT max(updated_at) AS at FROM jobs
        WHERE scope = c.id::text AND config_type::text IN ('sync', 'refresh')
        AND status::text = 'succeeded') good ON true
    WHERE c.status::text = 'active' ORDER BY c.name, c.created_at DESC
""",
    # When a failed attempt is tried again only Temporal knows: of those nothing is late here.
    queue="""
    SELECT count(*) FILTER (WHERE status::text IN ('pending', 'queued')),
           count(*) FILTER (WHERE status::text = 'running'),
           count(*) FILTER (WHERE status::text = 'incomplete'),
           coalesce(extract(epoch FROM max(now() - created_at)
               FILTER (WHERE status::text IN ('pending', 'queued'))), 0)::float8
    FROM jobs WHERE status::text NOT IN ('failed', 'succeeded', 'cancelled')
""",
)
