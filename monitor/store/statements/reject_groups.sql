-- What was refused, by topic and reason.
SELECT topic, reason, sum(r.count) AS count, countIf(r.whole = 1) AS records, max(r.ingested) AS last_seen, any(r.source_id) AS source_id,
       max((r.offset, r.partition)) AS last_place, anyLast(r.detail) AS detail
FROM rejects AS r FINAL
WHERE r.ingested >= toDateTime({since:UInt32}) AND r.ingested < toDateTime({until:UInt32})
GROUP BY topic, reason
ORDER BY count DESC, topic, reason
