-- What could not be read, why, and where does it stand?
SELECT
    topic, reason,
    sum(count) AS parts, count() AS records, countIf(whole = 1) AS whole_records,
    max(ingested) AS last_seen,
    argMax(source_id, ingested) AS last_source_id, argMax(partition, ingested) AS last_partition,
    argMax(offset, ingested) AS last_offset, argMax(detail, ingested) AS last_detail,
    count() OVER () AS in_all
FROM rejects FINAL
WHERE ingested >= {since:DateTime} AND ingested < {until:DateTime}
  AND (source_id, partition, offset, reading) NOT IN (
      SELECT old.source_id, old.partition, old.offset, old.reading
      FROM ledger AS l INNER JOIN rejects AS old
          ON old.source_id = l.source_id AND old.partition = l.partition AND old.offset = l.offset
      WHERE l.reading > old.reading)
GROUP BY topic, reason
ORDER BY parts DESC, topic, reason
LIMIT {limit:UInt32} OFFSET {offset:UInt32}