-- Options that ALTER SYSTEM SET has changed.
CREATE TABLE system_option (
    name text PRIMARY KEY,
    value text NOT NULL,
    set_by text NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now()
);
