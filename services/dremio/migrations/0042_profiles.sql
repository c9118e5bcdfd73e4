-- How a statement was answered: phases, rows, bytes, and the plan with its operators' figures.
ALTER TABLE job ADD COLUMN profile jsonb;
