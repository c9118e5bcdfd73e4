-- Files of expired snapshots: no table names them any more, but a query that began before may still
-- read them. They are removed an hour later.
CREATE TABLE expired_files (
    path text PRIMARY KEY,
    connection_id uuid NOT NULL,
    expired_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX expired_files_by_connection ON expired_files (connection_id, expired_at);
