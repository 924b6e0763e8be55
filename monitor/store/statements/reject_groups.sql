-- What was refused, by topic and reason; of a record read more than once only what the last reading refused.
SELECT topic, reason, sum(r.count) AS count, countIf(r.whole = 1) AS records, max(r.ingested) AS last_seen, any(r.source_id) AS source_id,
       max((r.offset, r.partition)) AS last_place, anyLast(r.detail) AS detail
FROM rejects AS r FINAL
WHERE r.ingested >= toDateTime({since:UInt32}) AND r.ingested < toDateTime({until:UInt32})
  AND (r.source_id, r.partition, r.offset, r.reading) NOT IN (
      SELECT old.source_id, old.partition, old.offset, old.reading
      FROM ledger AS l INNER JOIN rejects AS old
          ON old.source_id = l.source_id AND old.partition = l.partition AND old.offset = l.offset
      WHERE l.reading > old.reading)
GROUP BY topic, reason
ORDER BY count DESC, topic, reason
