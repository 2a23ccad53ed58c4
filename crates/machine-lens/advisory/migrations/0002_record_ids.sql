-- Several feeds may carry one record; a lookup asks for the newest edition of those that match. The form stays the same:
-- a store without the index gives the same answers.
CREATE INDEX record_id ON record (id);
