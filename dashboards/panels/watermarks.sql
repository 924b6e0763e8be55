-- Which event time has each partition reached?
SELECT source_id, topic, partition, watermark, drained, seen_at, count() OVER () AS in_all
FROM watermarks FINAL
ORDER BY drained, watermark, seen_at DESC, source_id, partition
LIMIT {limit:UInt32} OFFSET {offset:UInt32}