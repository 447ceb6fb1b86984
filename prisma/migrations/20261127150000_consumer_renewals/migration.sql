-- When one of its claims was last renewed: it is at work, though it asks for nothing.
ALTER TABLE queue_consumers ADD COLUMN last_renewal_at timestamptz(6);
