-- The count of a long queue that garbage collection is at, so that another process goes on with it.
CREATE TABLE queue_recounts (
  queue_id bigint PRIMARY KEY,
  epoch bigint NOT NULL,
  low_water bigint NOT NULL,
  known bigint NOT NULL,
  up_to bigint NOT NULL,
  counted_to bigint NOT NULL,
  found bigint NOT NULL DEFAULT 0
);
