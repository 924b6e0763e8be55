-- What only the provider tells of: calls that the caller took for answered and the provider (its span, or its API log) calls something
-- else, by that outcome. They are counted under that outcome too, so the caller's own `ok` is `ok` plus all of these.
ALTER TABLE edge_windows ADD COLUMN IF NOT EXISTS provider_only Map(LowCardinality(String), UInt64) AFTER error_types;
ALTER TABLE edge_hours ADD COLUMN IF NOT EXISTS provider_only Map(LowCardinality(String), UInt64) AFTER error_types
