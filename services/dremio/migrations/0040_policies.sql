-- Row filters and column masks: which function is applied to which columns of a dataset.
-- `masked` is the column that a mask hides, empty for a row filter.
CREATE TABLE policy (
    path_key text NOT NULL,
    path text[] NOT NULL,
    masked text NOT NULL DEFAULT '',
    function_path text[] NOT NULL,
    columns text[] NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON policy (path_key);
