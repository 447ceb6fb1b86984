-- The control plane and the key-value store. Names compare byte by byte ("C") whatever the database's own collation is.

CREATE TABLE queues (
  project text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  metadata text NOT NULL DEFAULT '{}',
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT queues_pkey PRIMARY KEY (project, name)
);
CREATE INDEX queues_project_created_at_name_idx ON queues (project, created_at, name);
CREATE INDEX queues_name_project_idx ON queues (name, project);
CREATE INDEX queues_created_at_project_name_idx ON queues (created_at, project, name);

CREATE TABLE pools (
  name text COLLATE "C" NOT NULL,
  encrypted_uri text NOT NULL,
  uri_digest text NOT NULL,
  weight bigint NOT NULL,
  flavor text COLLATE "C",
  options text NOT NULL DEFAULT '{}',
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT pools_pkey PRIMARY KEY (name)
);
CREATE UNIQUE INDEX pools_uri_digest_key ON pools (uri_digest);
CREATE INDEX pools_flavor_idx ON pools (flavor);

CREATE TABLE flavors (
  project text COLLATE "C" NOT NULL,
  name text COLLATE "C" NOT NULL,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT flavors_pkey PRIMARY KEY (project, name)
);

CREATE TABLE catalogue_entries (
  project text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  pool text COLLATE "C" NOT NULL,
  position bigserial NOT NULL,
  epoch bigint NOT NULL,
  CONSTRAINT catalogue_entries_pkey PRIMARY KEY (project, queue)
);
CREATE UNIQUE INDEX catalogue_entries_position_key ON catalogue_entries (position);
CREATE INDEX catalogue_entries_pool_position_idx ON catalogue_entries (pool, position);
CREATE INDEX catalogue_entries_project_position_idx ON catalogue_entries (project, position);
CREATE INDEX catalogue_entries_queue_project_idx ON catalogue_entries (queue, project);
CREATE INDEX catalogue_entries_pool_queue_project_idx ON catalogue_entries (pool, queue, project);
-- Epochs only grow, over all entries and for ever: a queue made again never meets its former life in a pool.
CREATE SEQUENCE catalogue_epoch AS bigint;

CREATE TABLE audit_entries (
  id bigserial NOT NULL,
  at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  actor text NOT NULL,
  action text NOT NULL,
  project text COLLATE "C",
  target text NOT NULL,
  outcome text NOT NULL,
  details text NOT NULL DEFAULT '{}',
  request_id text NOT NULL,
  CONSTRAINT audit_entries_pkey PRIMARY KEY (id)
);
CREATE INDEX audit_entries_project_id_idx ON audit_entries (project, id);
CREATE INDEX audit_entries_actor_id_idx ON audit_entries (actor, id);

CREATE TABLE key_values (
  store text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  value text NOT NULL,
  fence bigint NOT NULL DEFAULT 0,
  expires_at timestamptz(6),
  CONSTRAINT key_values_pkey PRIMARY KEY (store, key)
);
CREATE INDEX key_values_expires_at_idx ON key_values (expires_at);

CREATE TABLE key_locks (
  store text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  holder text NOT NULL,
  fence bigint NOT NULL,
  expires_at timestamptz(6) NOT NULL,
  CONSTRAINT key_locks_pkey PRIMARY KEY (store, key)
);
-- A fence is never given twice, so a store can refuse a write of an older holder.
CREATE SEQUENCE key_lock_fence AS bigint;
