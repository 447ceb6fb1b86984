-- The projects of a job over the queues of several. A job over several from before is known to those who see all.
ALTER TABLE jobs ADD COLUMN projects text[] DEFAULT ARRAY[]::text[];
