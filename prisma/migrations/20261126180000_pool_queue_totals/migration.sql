-- What has happened to a queue's messages: numbers that only grow. queue_counts stays what it was, how many messages a long queue has; a purge and a recount
-- correct that one. A process of an older version goes on with queue_counts alone.
CREATE SEQUENCE queue_totals_change AS bigint;
CREATE TABLE queue_totals (
  queue_id bigint NOT NULL,
  posted bigint NOT NULL DEFAULT 0,
  claimed bigint NOT NULL DEFAULT 0,
  popped bigint NOT NULL DEFAULT 0,
  released bigint NOT NULL DEFAULT 0,
  lapsed bigint NOT NULL DEFAULT 0,
  deleted bigint NOT NULL DEFAULT 0,
  expired bigint NOT NULL DEFAULT 0,
  dead_lettered bigint NOT NULL DEFAULT 0,
  -- Grows with each change of any queue: whoever has read up to a change asks for those above it.
  change bigint NOT NULL,
  changed_at timestamptz(6) NOT NULL,
  -- How busy the queue was lately, as of changed_at.
  weight double precision NOT NULL,
  CONSTRAINT queue_totals_pkey PRIMARY KEY (queue_id)
);
CREATE INDEX queue_totals_change_idx ON queue_totals (change);
