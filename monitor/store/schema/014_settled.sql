-- Of spans that were sent more than once the copies that count, with all columns of `halves`: found before a generation's calls are
-- counted and of use only then.
CREATE TABLE IF NOT EXISTS settled AS halves ENGINE = MergeTree ORDER BY window TTL ingested + INTERVAL 4 DAY;
ALTER TABLE settled ADD COLUMN IF NOT EXISTS generation UInt64 FIRST;
ALTER TABLE settled ADD COLUMN IF NOT EXISTS number UInt64 COMMENT 'stands for the span among those of its windows' AFTER generation
