-- Labels of connections, and workspaces that were deleted.
CREATE TABLE tags (
    id uuid PRIMARY KEY,
    workspace_id uuid NOT NULL REFERENCES workspaces,
    name text NOT NULL,
    color text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (workspace_id, name)
);
ALTER TABLE workspaces ADD tombstone boolean NOT NULL DEFAULT false;
