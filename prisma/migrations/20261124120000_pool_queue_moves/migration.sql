-- Moving a queue to another pool. Its row is 'arriving' where it goes until all is there, and 'moving' where it was while nothing may
-- change, then 'moved' until gc removes it: a process that remembers the old place hears that it is old.

ALTER TABLE pool_queues DROP CONSTRAINT pool_queues_state;
ALTER TABLE pool_queues ADD CONSTRAINT pool_queues_state CHECK (state IN ('arriving', 'live', 'moving', 'moved', 'detached'));
-- The epoch of the last attempt to move the queue away. It only grows: an attempt that was taken over can do nothing more.
ALTER TABLE pool_queues ADD COLUMN move_epoch bigint;
DROP INDEX pool_queues_live;
CREATE UNIQUE INDEX pool_queues_live ON pool_queues (project, name) WHERE state IN ('live', 'moving');
CREATE INDEX pool_queues_away ON pool_queues (project, name) WHERE state IN ('arriving', 'moving', 'moved');

-- Which messages changed or went while their queue was copied. Rows are read and removed by whoever copies.
CREATE TABLE queue_move_changes (
  queue_id bigint NOT NULL,
  id bigserial NOT NULL,
  marker bigint NOT NULL,
  CONSTRAINT queue_move_changes_pkey PRIMARY KEY (queue_id, id)
);

-- For a trigger that exists only while a queue moves, and fires only for that queue's messages.
CREATE FUNCTION queue_move_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO queue_move_changes (queue_id, marker) VALUES (OLD.queue_id, OLD.marker);
  RETURN NULL;
END
$$;
