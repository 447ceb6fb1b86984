-- When a pool's storage was found without what it had held, until an operator gives the pool its URI again.
ALTER TABLE pools ADD COLUMN lost_at timestamptz(6);
