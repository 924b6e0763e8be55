-- Offsets that were skipped, kept apart from the ledger: a group whose offsets are reset reads their successor again, without a gap.
-- Of several readings the largest gap stays.
CREATE TABLE IF NOT EXISTS losses (
    source_id LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32,
    offset UInt64 COMMENT 'of the record after them',
    gap UInt64,
    ingested DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(gap)
ORDER BY (source_id, partition, offset)
TTL ingested + INTERVAL 30 DAY;
INSERT INTO losses (source_id, topic, partition, offset, gap, ingested)
SELECT source_id, topic, partition, offset, gap, ingested FROM ledger WHERE gap > 0
