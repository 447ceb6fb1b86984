-- A pool: a row per queue, its messages and claims. The control database is one too (the built-in pool "default").

CREATE TABLE pool_identity (
  "only" boolean NOT NULL DEFAULT true,
  seed bigint NOT NULL,
  CONSTRAINT pool_identity_pkey PRIMARY KEY ("only"),
  CONSTRAINT pool_identity_one_row CHECK ("only")
);
-- 62 random bits: the lower half of every message id made here (server/storage/postgres/message-id.ts).
INSERT INTO pool_identity (seed)
  SELECT ('x' || left(md5(gen_random_uuid()::text), 16))::bit(64)::bigint & 4611686018427387903;

CREATE TABLE pool_queues (
  id bigserial NOT NULL,
  project text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  state text NOT NULL DEFAULT 'live',
  low_water bigint NOT NULL DEFAULT 0,
  undo_low_water bigint,
  purged_at timestamptz(6),
  detached_at timestamptz(6),
  CONSTRAINT pool_queues_pkey PRIMARY KEY (id),
  CONSTRAINT pool_queues_state CHECK (state IN ('live', 'detached'))
);
CREATE UNIQUE INDEX pool_queues_live ON pool_queues (project, name) WHERE state = 'live';
CREATE INDEX pool_queues_to_collect ON pool_queues (id) WHERE state <> 'live' OR purged_at IS NOT NULL;

-- One sequence for the whole pool: a marker is never used twice, not after a purge and not in a queue made again.
CREATE SEQUENCE message_marker AS bigint;

CREATE TABLE messages (
  queue_id bigint NOT NULL,
  marker bigint NOT NULL,
  created_at timestamptz(6) NOT NULL,
  expires_at timestamptz(6) NOT NULL,
  available_at timestamptz(6),
  claim_expires_at timestamptz(6),
  ttl_seconds bigint NOT NULL,
  claim_count integer NOT NULL DEFAULT 0,
  claim_id uuid,
  origin_id uuid,
  client_id text,
  body text NOT NULL,
  CONSTRAINT messages_pkey PRIMARY KEY (queue_id, marker)
) WITH (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX messages_expires_at_idx ON messages (expires_at);
-- Few rows: only messages that came from another queue or pool keep an id that is not their marker.
CREATE UNIQUE INDEX messages_origin ON messages (queue_id, origin_id) WHERE origin_id IS NOT NULL;

-- Few rows too: what waits for its delay, for statistics of long queues.
CREATE INDEX messages_delayed ON messages (queue_id, available_at) WHERE available_at IS NOT NULL;

CREATE TABLE claims (
  id uuid NOT NULL,
  queue_id bigint NOT NULL,
  client_id text,
  actor text,
  created_at timestamptz(6) NOT NULL,
  renewed_at timestamptz(6) NOT NULL,
  expires_at timestamptz(6) NOT NULL,
  ttl_seconds bigint NOT NULL,
  grace_seconds bigint NOT NULL,
  markers bigint[],
  -- The only index: each claim pays for it twice, when it is made and when its last message is deleted.
  CONSTRAINT claims_pkey PRIMARY KEY (queue_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE subscriptions (
  id uuid NOT NULL,
  project text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  subscriber text COLLATE "C" NOT NULL,
  ttl_seconds bigint NOT NULL,
  options text NOT NULL DEFAULT '{}',
  confirmed boolean NOT NULL DEFAULT false,
  created_at timestamptz(6) NOT NULL,
  renewed_at timestamptz(6) NOT NULL,
  expires_at timestamptz(6) NOT NULL,
  CONSTRAINT subscriptions_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX subscriptions_project_queue_subscriber_key ON subscriptions (project, queue, subscriber);
CREATE INDEX subscriptions_project_queue_id_idx ON subscriptions (project, queue, id);
CREATE INDEX subscriptions_expires_at_idx ON subscriptions (expires_at);

CREATE TABLE queue_counts (
  id bigserial NOT NULL,
  queue_id bigint NOT NULL,
  posted bigint NOT NULL DEFAULT 0,
  claimed bigint NOT NULL DEFAULT 0,
  deleted bigint NOT NULL DEFAULT 0,
  expired bigint NOT NULL DEFAULT 0,
  CONSTRAINT queue_counts_pkey PRIMARY KEY (id)
);
CREATE INDEX queue_counts_queue_id_idx ON queue_counts (queue_id);

CREATE TABLE idempotency_keys (
  queue_id bigint NOT NULL,
  key text COLLATE "C" NOT NULL,
  request text NOT NULL,
  result text NOT NULL,
  created_at timestamptz(6) NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (queue_id, key)
);
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
