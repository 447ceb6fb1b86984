-- What every process tells of health, whichever of them saw it.

-- The last garbage collection of all pools.
CREATE TABLE garbage_collection (
  "only" boolean NOT NULL DEFAULT true CHECK ("only"),
  at timestamptz(6) NOT NULL,
  report text NOT NULL,
  CONSTRAINT garbage_collection_pkey PRIMARY KEY ("only")
);

-- The store that was found at the pool's URI although another pool is this store.
ALTER TABLE pools ADD COLUMN twin_identity text;
