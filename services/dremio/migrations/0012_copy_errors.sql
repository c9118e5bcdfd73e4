-- What COPY INTO refused: one row for each file that was not loaded whole, one for each record.
CREATE TABLE copy_file (
    job_id uuid NOT NULL,
    executed_at timestamptz NOT NULL DEFAULT now(),
    table_key text NOT NULL,
    table_name text NOT NULL,
    user_name text NOT NULL,
    base_snapshot_id bigint,
    storage_location text NOT NULL,
    file_path text NOT NULL,
    file_state text NOT NULL,
    records_loaded bigint NOT NULL,
    records_rejected bigint NOT NULL
);
CREATE INDEX copy_file_table ON copy_file (table_key, executed_at DESC);
CREATE TABLE copy_error (
    job_id uuid NOT NULL,
    table_key text NOT NULL,
    file_name text NOT NULL,
    line_number bigint,
    row_number bigint,
    column_name text,
    error text NOT NULL,
    line text
);
CREATE INDEX copy_error_job ON copy_error (table_key, job_id);
