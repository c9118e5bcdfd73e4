-- What ANALYZE TABLE computed of a table's columns.
CREATE TABLE table_statistics (
    table_key text NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    distinct_values bigint NOT NULL,
    row_count bigint NOT NULL,
    null_count bigint NOT NULL,
    PRIMARY KEY (table_key, column_name)
);
