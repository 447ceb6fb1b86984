-- People, how they prove who they are, and their sessions. Better Auth writes these tables too: its names of columns that are
-- not ours are mapped in schema.prisma.
CREATE TABLE people (
  id uuid NOT NULL,
  -- In small letters.
  email text COLLATE "C" NOT NULL,
  name text NOT NULL,
  email_verified boolean NOT NULL DEFAULT false,
  image text,
  -- [{ "role": "viewer" | "operator" | "admin", "projects": null | [names] }]; null: all projects.
  grants jsonb NOT NULL DEFAULT '[]',
  -- The identity provider gave the grants at the last sign-in, and gives them again at the next.
  claimed boolean NOT NULL DEFAULT false,
  disabled_at timestamptz(3),
  last_seen_at timestamptz(3),
  created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT people_pkey PRIMARY KEY (id),
  CONSTRAINT people_email_check CHECK (email = lower(email))
);
CREATE UNIQUE INDEX people_email_key ON people (email);

CREATE TABLE sessions (
  id uuid NOT NULL,
  person_id uuid NOT NULL,
  token text COLLATE "C" NOT NULL,
  address text,
  user_agent text,
  -- Whatever happens until then, it ends.
  expires_at timestamptz(3) NOT NULL,
  -- At most a minute behind.
  last_seen_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT sessions_pkey PRIMARY KEY (id),
  CONSTRAINT sessions_person_id_fkey FOREIGN KEY (person_id) REFERENCES people (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX sessions_token_key ON sessions (token);
CREATE INDEX sessions_person_id_idx ON sessions (person_id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- A password ("credential"), or who somebody is to the identity provider.
CREATE TABLE accounts (
  id uuid NOT NULL,
  person_id uuid NOT NULL,
  provider_id text COLLATE "C" NOT NULL,
  account_id text COLLATE "C" NOT NULL,
  -- argon2id, in PHC's format.
  password text,
  -- The identity provider's tokens are not kept: these stay null.
  access_token text,
  refresh_token text,
  id_token text,
  access_token_expires_at timestamptz(3),
  refresh_token_expires_at timestamptz(3),
  scope text,
  created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT accounts_pkey PRIMARY KEY (id),
  CONSTRAINT accounts_person_id_fkey FOREIGN KEY (person_id) REFERENCES people (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE UNIQUE INDEX accounts_provider_id_account_id_key ON accounts (provider_id, account_id);
CREATE INDEX accounts_person_id_idx ON accounts (person_id);

-- What Better Auth remembers between the two halves of a sign-in at the identity provider.
CREATE TABLE verifications (
  id uuid NOT NULL,
  identifier text COLLATE "C" NOT NULL,
  value text NOT NULL,
  expires_at timestamptz(3) NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT verifications_pkey PRIMARY KEY (id)
);
CREATE INDEX verifications_identifier_idx ON verifications (identifier);
CREATE INDEX verifications_expires_at_idx ON verifications (expires_at);

-- Links that are used once. Only the SHA-256 of the code is kept.
CREATE TABLE one_time_links (
  digest bytea NOT NULL,
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('firstAdmin', 'password')),
  -- Null: whoever has the link of the first admin becomes a person with it.
  person_id uuid,
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
  expires_at timestamptz(3) NOT NULL,
  CONSTRAINT one_time_links_pkey PRIMARY KEY (digest),
  CONSTRAINT one_time_links_person_id_fkey FOREIGN KEY (person_id) REFERENCES people (id) ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX one_time_links_person_id_idx ON one_time_links (person_id);
CREATE INDEX one_time_links_expires_at_idx ON one_time_links (expires_at);

-- Attempts to sign in, by address and by account. rate-limiter-flexible writes it.
CREATE TABLE sign_in_attempts (
  key varchar(255) NOT NULL,
  points integer NOT NULL DEFAULT 0,
  expire bigint,
  CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (key)
);
CREATE INDEX sign_in_attempts_expire_idx ON sign_in_attempts (expire);

-- When somebody was seen last changes no rights.
CREATE TRIGGER people_changed AFTER UPDATE OF email, name, grants, disabled_at OR DELETE ON people
  FOR EACH ROW EXECUTE FUNCTION access_changed('id');
CREATE TRIGGER sessions_changed AFTER UPDATE OF token, person_id, expires_at OR DELETE ON sessions
  FOR EACH ROW EXECUTE FUNCTION access_changed('id');
