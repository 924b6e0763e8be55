-- Settled copies are asked for by their generation, and are of no use once it is closed.
DROP TABLE IF EXISTS settled;
CREATE TABLE IF NOT EXISTS settled ENGINE = MergeTree ORDER BY generation TTL ingested + INTERVAL 4 DAY
EMPTY AS SELECT toUInt64(0) AS generation, toUInt64(0) AS number, * FROM halves
