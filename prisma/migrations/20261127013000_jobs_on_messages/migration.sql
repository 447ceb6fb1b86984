-- Jobs on messages. A token is the identity of such a job; without one it is the kind and the target. Processes of earlier
-- versions know only those, so the token is the target too, and the queue stands in its own column.
ALTER TABLE jobs
  ADD COLUMN queue text COLLATE "C",
  ADD COLUMN token text COLLATE "C",
  ADD COLUMN reason text,
  ADD COLUMN rate_per_second double precision,
  ADD COLUMN held boolean NOT NULL DEFAULT false,
  -- How far it came, so that another process goes on from there. JSON.
  ADD COLUMN position text,
  -- The entry of its start, which gets its outcome.
  ADD COLUMN audit_entry bigint;
CREATE UNIQUE INDEX jobs_token_key ON jobs (token);

-- What a job would do, and to what. The token starts it.
CREATE TABLE dry_runs (
  token text COLLATE "C" NOT NULL,
  kind text NOT NULL,
  project text COLLATE "C",
  target text COLLATE "C" NOT NULL,
  input text NOT NULL,
  plan text NOT NULL,
  actor text NOT NULL,
  created_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  expires_at timestamptz(6) NOT NULL,
  CONSTRAINT dry_runs_pkey PRIMARY KEY (token)
);
CREATE INDEX dry_runs_expires_at_idx ON dry_runs (expires_at);
