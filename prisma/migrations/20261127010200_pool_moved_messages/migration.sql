-- Messages that went to another queue, and not as dead letters: redriven, or moved.
ALTER TABLE queue_totals ADD COLUMN moved bigint NOT NULL DEFAULT 0;
