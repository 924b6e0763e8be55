-- Which event time has each partition reached?
SELECT source_id, topic, partition, watermark, drained, seen_at
FROM watermarks FINAL
ORDER BY seen_at DESC, source_id, partition
LIMIT {limit:UInt32}
