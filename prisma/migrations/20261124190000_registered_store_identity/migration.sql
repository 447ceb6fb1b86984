-- Which store a registered pool is, as the store itself says: two pools are never one server and namespace, whatever their URIs.
ALTER TABLE pools ADD COLUMN identity text COLLATE "C";
CREATE UNIQUE INDEX pools_identity_key ON pools (identity);
