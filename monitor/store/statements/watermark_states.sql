-- How far each partition has come in event time.
SELECT source_id, topic, partition, toUnixTimestamp64Milli(watermark) AS watermark_ms, drained, toUnixTimestamp64Milli(seen_at) AS seen_ms
FROM watermarks FINAL
ORDER BY topic, partition
