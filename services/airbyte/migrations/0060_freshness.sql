-- How far connections that read a log are: written by their syncs, read by the API and the exporter.
CREATE TABLE freshness (
    connection_id uuid PRIMARY KEY REFERENCES connections,
    up_to_date_at timestamptz,  -- bronze holds what the source held then
    lag_bytes bigint,           -- log that is kept for the connection, when it was last looked at
    updated_at timestamptz NOT NULL DEFAULT now()
);
