-- Who began to call when another one stopped, as its replacement does.
CREATE INDEX queue_consumers_first_at ON queue_consumers (queue_id, first_at);
