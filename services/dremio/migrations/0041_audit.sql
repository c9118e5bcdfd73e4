-- Who did what, when, and what became of it; old events are swept.
CREATE TABLE audit_event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    user_name text NOT NULL,
    kind text NOT NULL,
    action text NOT NULL,
    objects text[] NOT NULL DEFAULT '{}',
    outcome text NOT NULL,
    error text,
    job_id uuid,
    client text NOT NULL DEFAULT ''
);
CREATE INDEX ON audit_event (happened_at);
