-- Jobs that ended before their transfers did: garbage collection finishes these.
CREATE INDEX jobs_unsettled_idx ON jobs (id) WHERE finished_at IS NOT NULL AND position LIKE '%"begun":[{%';
