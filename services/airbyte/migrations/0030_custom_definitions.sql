-- depends: 0001_tables
-- Connectors that do not come with the server: packages, manifests, commands of this machine.
CREATE TABLE custom_definitions (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    docker_repository text NOT NULL,
    docker_image_tag text NOT NULL,
    documentation_url text NOT NULL DEFAULT '',
    connector text NOT NULL,        -- what starts it
    spec jsonb NOT NULL,
    version int NOT NULL DEFAULT 1, -- of a manifest, counted up with every change
    local boolean NOT NULL DEFAULT false, -- a command of lakelet.yml
    deleted boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now()
);
