-- Spans that are part of a call and no calls themselves (nested ones, hops of proxies), and what nested ones say of the outcome.
ALTER TABLE joints ADD COLUMN IF NOT EXISTS folds UInt16 DEFAULT 0 AFTER told_version;
ALTER TABLE joints ADD COLUMN IF NOT EXISTS outcome LowCardinality(String) DEFAULT '' AFTER folds;
ALTER TABLE joints ADD COLUMN IF NOT EXISTS error_type LowCardinality(String) DEFAULT '' AFTER outcome;
ALTER TABLE joints ADD COLUMN IF NOT EXISTS failed UInt8 DEFAULT 0 AFTER error_type;
ALTER TABLE edge_windows ADD COLUMN IF NOT EXISTS folded UInt64 DEFAULT 0 AFTER log_only;
ALTER TABLE edge_hours ADD COLUMN IF NOT EXISTS folded UInt64 DEFAULT 0 AFTER log_only
