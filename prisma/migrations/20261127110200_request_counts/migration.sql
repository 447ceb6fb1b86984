-- How many requests each token, account and address sent, as processes told each other: see
-- server/access/rate-limit-exchange.ts. It may be lost at any time.
CREATE UNLOGGED TABLE request_counts (
  key text COLLATE "C" NOT NULL,
  requests bigint NOT NULL,
  told_at timestamptz(3) NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT request_counts_pkey PRIMARY KEY (key)
);
