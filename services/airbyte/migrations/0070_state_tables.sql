-- Which table a stream's state stands for: namespace or prefix may change between two syncs, and the
-- table that is then written to holds more, less or nothing. Null: not known, it is not looked at.
ALTER TABLE stream_states ADD table_name text;
