-- Who claims from a queue or pops from it, and when it did last (server/history/consumer-store.ts). Every process adds what it has seen.
CREATE TABLE queue_consumers (
  -- Of queue_samples, which has a row for each queue.
  queue_id integer NOT NULL REFERENCES queue_samples (id) ON DELETE CASCADE,
  -- Its client id, or else its actor.
  name text COLLATE "C" NOT NULL,
  actor text NOT NULL,
  first_at timestamptz(6) NOT NULL,
  -- When it last got messages, and when it last got none.
  last_claim_at timestamptz(6),
  last_empty_at timestamptz(6),
  claimed bigint NOT NULL,
  -- Tens of seconds since 1970 of its last call, and a bit for each ten seconds before in which it called: the lowest is the last.
  last_slot integer NOT NULL,
  busy bigint NOT NULL,
  -- Minutes since 1970 of its last call, and the messages that it got in that minute and in those before: at most 60.
  last_minute integer NOT NULL,
  minutes integer[],
  CONSTRAINT queue_consumers_pkey PRIMARY KEY (queue_id, name)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000);
-- It changes once a minute only, so most updates leave the indexes alone.
CREATE INDEX queue_consumers_last_minute ON queue_consumers (last_minute);
