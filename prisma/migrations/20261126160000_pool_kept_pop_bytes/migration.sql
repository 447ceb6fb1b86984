-- How many bytes the kept answers of a queue's pops have, by the minute in which they were kept (since 1970). Each minute has several
-- slots, so that pops of one queue need not wait for one another. See server/storage/postgres/messages/kept-pops.ts.
CREATE TABLE kept_pop_bytes (
  queue_id bigint NOT NULL,
  minute bigint NOT NULL,
  slot smallint NOT NULL,
  bytes bigint NOT NULL,
  CONSTRAINT kept_pop_bytes_pkey PRIMARY KEY (queue_id, minute, slot)
);
CREATE INDEX kept_pop_bytes_minute_idx ON kept_pop_bytes (minute);

INSERT INTO kept_pop_bytes (queue_id, minute, slot, bytes)
SELECT queue_id, floor(date_part('epoch', created_at) / 60), 0, sum(octet_length(result)) FROM idempotency_keys
WHERE left(request, 4) = 'pop:' GROUP BY 1, 2;
