-- Everything a user makes in the engine: sources, spaces, folders, views; and its people and jobs.
CREATE TABLE entity (
    id uuid PRIMARY KEY,
    path text[] NOT NULL,
    path_key text NOT NULL UNIQUE,
    kind text NOT NULL CHECK (kind IN ('SPACE', 'HOME', 'SOURCE', 'FOLDER', 'VIEW', 'TABLE')),
    tag uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    body jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE wiki (
    entity_id uuid PRIMARY KEY REFERENCES entity ON DELETE CASCADE,
    text text NOT NULL,
    version bigint NOT NULL
);
CREATE TABLE label (
    entity_id uuid PRIMARY KEY REFERENCES entity ON DELETE CASCADE,
    tags text[] NOT NULL,
    version uuid NOT NULL
);
CREATE TABLE person (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    name_key text NOT NULL UNIQUE,
    password_hash text NOT NULL,
    generation integer NOT NULL DEFAULT 0,
    admin boolean NOT NULL DEFAULT false,
    body jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE revoked_token (
    token_id text PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE TABLE job (
    id uuid PRIMARY KEY,
    user_name text NOT NULL,
    sql text NOT NULL,
    context text[] NOT NULL DEFAULT '{}',
    query_type text NOT NULL,
    statement text NOT NULL DEFAULT '',
    state text NOT NULL,
    submitted_at timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    row_count bigint,
    error_kind text,
    error text
);
CREATE INDEX job_submitted_at ON job (submitted_at DESC);
