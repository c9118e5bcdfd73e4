-- Reflections: what was asked for, what was built of it, and what queries made of them.
CREATE TABLE reflection (
    id uuid PRIMARY KEY,
    dataset text[] NOT NULL,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('RAW', 'AGGREGATION')),
    enabled boolean NOT NULL DEFAULT true,
    tag uuid NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    body jsonb NOT NULL
);
CREATE TABLE materialization (
    id uuid PRIMARY KEY,
    reflection_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('RUNNING', 'DONE', 'FAILED', 'DELETED')),
    method text NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    failure text,
    decision text NOT NULL DEFAULT '',
    row_count bigint,
    size_bytes bigint,
    body jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX materialization_of ON materialization (reflection_id, created_at DESC);
CREATE TABLE job_reflection (
    job_id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    body jsonb NOT NULL
);
CREATE TABLE reflection_use (
    reflection_id uuid PRIMARY KEY,
    considered bigint NOT NULL DEFAULT 0,
    matched bigint NOT NULL DEFAULT 0,
    chosen bigint NOT NULL DEFAULT 0
);
