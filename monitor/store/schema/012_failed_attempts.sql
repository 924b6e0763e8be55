-- Attempts that failed under one call and were followed by another of the same version, which counts: retries by proxies.
ALTER TABLE edge_windows ADD COLUMN IF NOT EXISTS failed_attempts UInt64 DEFAULT 0 AFTER folded;
ALTER TABLE edge_hours ADD COLUMN IF NOT EXISTS failed_attempts UInt64 DEFAULT 0 AFTER folded
