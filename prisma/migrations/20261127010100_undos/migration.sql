-- Acts that can be taken back for a while.
CREATE TABLE undos (
  id bigserial NOT NULL,
  token uuid NOT NULL,
  action text NOT NULL,
  project text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  -- Where the queue was, and in which life.
  pool text COLLATE "C" NOT NULL,
  epoch bigint NOT NULL,
  -- How many messages were removed; null when that is not known.
  messages bigint,
  -- JSON: the subscriptions that a purge removed; null: none.
  subscriptions text,
  -- Of a deleted queue.
  metadata text,
  queue_created_at timestamptz(6),
  actor text NOT NULL,
  created_at timestamptz(6) NOT NULL DEFAULT now(),
  until timestamptz(6) NOT NULL,
  state text NOT NULL DEFAULT 'open',
  -- While it is taken back, and after that: the life that ended with it, and the one that began.
  from_epoch bigint,
  new_epoch bigint,
  CONSTRAINT undos_pkey PRIMARY KEY (id),
  CONSTRAINT undos_state CHECK (state IN ('open', 'restoring', 'undone', 'gone'))
);
CREATE UNIQUE INDEX undos_token_key ON undos (token);
CREATE INDEX undos_project_queue_id_idx ON undos (project, queue, id);
CREATE INDEX undos_until_idx ON undos (until);
