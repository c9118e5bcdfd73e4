-- Workspaces, connectors' configurations, connections, jobs with their attempts, and sync state.
CREATE TABLE workspaces (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    slug text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE actors (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('source', 'destination')),
    workspace_id uuid NOT NULL REFERENCES workspaces,
    definition_id uuid NOT NULL,
    name text NOT NULL,
    configuration jsonb NOT NULL,  -- secrets inside are encrypted
    deleted boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE catalogs (
    id uuid PRIMARY KEY,
    actor_id uuid NOT NULL REFERENCES actors,
    catalog jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE connections (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    source_id uuid NOT NULL REFERENCES actors,
    destination_id uuid NOT NULL REFERENCES actors,
    namespace_definition text NOT NULL,
    namespace_format text,
    prefix text NOT NULL DEFAULT '',
    catalog jsonb NOT NULL,
    schedule_type text NOT NULL,
    schedule_data jsonb,
    status text NOT NULL,
    options jsonb NOT NULL DEFAULT '{}',  -- kept and given back, no influence on a sync
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE jobs (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    config_type text NOT NULL,
    connection_id uuid NOT NULL REFERENCES connections,
    config jsonb NOT NULL DEFAULT '{}',
    status text NOT NULL DEFAULT 'pending',
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    updated_at timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX jobs_by_connection ON jobs (connection_id, id DESC);
-- One job at a time for a connection, whoever starts it.
CREATE UNIQUE INDEX one_job_per_connection ON jobs (connection_id)
    WHERE status IN ('pending', 'running', 'incomplete');

CREATE TABLE attempts (
    job_id bigint NOT NULL REFERENCES jobs,
    number int NOT NULL,
    status text NOT NULL DEFAULT 'running',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    stream_stats jsonb NOT NULL DEFAULT '{}',
    failures jsonb NOT NULL DEFAULT '[]',
    PRIMARY KEY (job_id, number)
);

CREATE TABLE stream_states (
    connection_id uuid NOT NULL REFERENCES connections,
    namespace text NOT NULL DEFAULT '',
    name text NOT NULL,
    state jsonb,
    version bigint NOT NULL DEFAULT 0,     -- grows with every change; also in the table's snapshot
    generation bigint NOT NULL DEFAULT 0,  -- grows whenever the stream is read anew from scratch
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection_id, namespace, name)
);

-- Files about to be written: what a dead attempt left behind is found here and removed.
CREATE TABLE pending_writes (
    id text PRIMARY KEY,
    connection_id uuid NOT NULL REFERENCES connections,
    table_name text NOT NULL,
    location text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
