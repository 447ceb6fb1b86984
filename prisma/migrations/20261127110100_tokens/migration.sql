-- Tokens of programs. A revoked one stays for a while, so that its name in the audit log means one token.
CREATE TABLE tokens (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  name text COLLATE "C" NOT NULL,
  -- How its secret begins.
  prefix text NOT NULL,
  -- SHA-256 of its secret.
  hash bytea NOT NULL,
  scopes text[] CHECK (scopes IS NOT NULL AND cardinality(scopes) > 0),
  -- Null: all projects, those too that are created later.
  projects text[],
  created_by text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  -- Null: never.
  expires_at timestamptz(3),
  last_used_at timestamptz(3),
  revoked_at timestamptz(3),
  revoked_by text,
  -- Null: as the setting says. 0: no limit.
  requests_per_second integer,
  CONSTRAINT tokens_pkey PRIMARY KEY (id)
);
CREATE UNIQUE INDEX tokens_name_key ON tokens (name);
CREATE UNIQUE INDEX tokens_hash_key ON tokens (hash);

-- A new token is in no cache, and its last use is in none.
CREATE TRIGGER tokens_changed
  AFTER UPDATE OF hash, scopes, projects, expires_at, revoked_at, requests_per_second OR DELETE ON tokens
  FOR EACH ROW EXECUTE FUNCTION access_changed('id');
