-- Which history of the database the store's numbers belong to (server/storage/postgres/timeline.ts). Null until somebody has looked.
ALTER TABLE pool_identity ADD COLUMN timeline text;
-- Markers of this history are above it. Two histories have never the same.
ALTER TABLE pool_identity ADD COLUMN markers_above bigint NOT NULL DEFAULT 0;
