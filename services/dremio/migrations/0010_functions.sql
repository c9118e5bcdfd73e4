-- Functions that users write in SQL: entities of the catalog, beside the views.
ALTER TABLE entity DROP CONSTRAINT entity_kind_check;
ALTER TABLE entity ADD CONSTRAINT entity_kind_check
    CHECK (kind IN ('SPACE', 'HOME', 'SOURCE', 'FOLDER', 'VIEW', 'TABLE', 'FUNCTION'));
