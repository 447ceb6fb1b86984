-- Long actions, done by whichever process holds the lease. The fence grows with every holder, so a former one can write nothing.

CREATE TABLE jobs (
  id bigserial NOT NULL,
  kind text NOT NULL,
  project text COLLATE "C",
  target text COLLATE "C" NOT NULL,
  input text NOT NULL DEFAULT '{}',
  state text NOT NULL DEFAULT 'waiting',
  progress bigint NOT NULL DEFAULT 0,
  total bigint,
  rate double precision,
  result text,
  error_code text,
  error_message text,
  cancel_requested boolean NOT NULL DEFAULT false,
  actor text NOT NULL,
  request_id text NOT NULL,
  holder text,
  fence bigint NOT NULL DEFAULT 0,
  lease_expires_at timestamptz(6),
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  started_at timestamptz(6),
  finished_at timestamptz(6),
  CONSTRAINT jobs_pkey PRIMARY KEY (id),
  CONSTRAINT jobs_state CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled'))
);
-- One at a time for the same thing; and what a process that looks for work reads.
CREATE UNIQUE INDEX jobs_unfinished ON jobs (kind, target, (coalesce(project, ''))) WHERE state IN ('waiting', 'running');
CREATE INDEX jobs_to_do ON jobs (id) WHERE state IN ('waiting', 'running');
