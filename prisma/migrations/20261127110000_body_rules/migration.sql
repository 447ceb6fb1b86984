-- Who reads the bodies of a project's messages in full. Without a row: operators and admins.
CREATE TABLE body_rules (
  project text COLLATE "C" NOT NULL,
  read_by text NOT NULL CHECK (read_by IN ('viewer', 'operator', 'admin')),
  masked_paths text[],
  actor text NOT NULL,
  at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT body_rules_pkey PRIMARY KEY (project)
);

-- A row: the whole service changes nothing that is asked for. There is at most one.
CREATE TABLE read_only (
  id integer NOT NULL DEFAULT 1 CHECK (id = 1),
  actor text NOT NULL,
  reason text NOT NULL,
  at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT read_only_pkey PRIMARY KEY (id)
);
