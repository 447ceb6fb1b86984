-- The control database's record of each move that has not ended, so that whoever finds it after a crash knows what to undo or to finish.

CREATE TABLE queue_moves (
  project text COLLATE "C" NOT NULL,
  queue text COLLATE "C" NOT NULL,
  source text COLLATE "C" NOT NULL,
  target text COLLATE "C" NOT NULL,
  source_epoch bigint NOT NULL,
  epoch bigint NOT NULL,
  phase text NOT NULL DEFAULT 'copying',
  holder text NOT NULL,
  lease_expires_at timestamptz(6) NOT NULL,
  started_at timestamptz(6) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT queue_moves_pkey PRIMARY KEY (project, queue),
  CONSTRAINT queue_moves_phase CHECK (phase IN ('copying', 'switched'))
);
CREATE INDEX queue_moves_lease_expires_at_idx ON queue_moves (lease_expires_at);
