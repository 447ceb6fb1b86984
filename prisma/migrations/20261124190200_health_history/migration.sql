-- How the pools were, tried every half minute by one process for all (server/history). Ids ascend with time, so what is old is found at their beginning.

CREATE TABLE health_samples (
  id bigserial NOT NULL,
  pool text COLLATE "C" NOT NULL,
  taken_at timestamptz(6) NOT NULL,
  reachable boolean NOT NULL,
  error_code text,
  took_ms double precision,
  operations text[],
  milliseconds double precision[],
  error_codes text[],
  CONSTRAINT health_samples_pkey PRIMARY KEY (id)
);
CREATE INDEX health_samples_pool ON health_samples (pool, taken_at);
