-- What became of every record read: does the ledger tile the log?
SELECT
    source_id, topic, partition,
    count() AS records, min(offset) AS first_offset, max(offset) AS last_offset,
    sum(skipped) AS lost, sum(spans) AS spans, sum(halves) AS halves, sum(filtered) AS filtered,
    sum(rejected) AS rejected, sum(exchanges) AS exchanges,
    max(offset) - min(offset) + 1 - count() - sumIf(skipped, offset > first_record.1) AS missing,
    max(ingested) AS last_ingested,
    count() OVER () AS in_all
FROM (
    SELECT ledger.* EXCEPT gap, greatest(ledger.gap, counted.gap) AS skipped
    FROM ledger FINAL ANY LEFT JOIN (SELECT source_id, partition, offset, gap FROM losses FINAL) AS counted
        USING (source_id, partition, offset)
) AS read
ANY LEFT JOIN (SELECT source_id, partition, tuple(min(offset)) AS first_record FROM ledger GROUP BY source_id, partition) AS beginning
    USING (source_id, partition)
GROUP BY source_id, topic, partition
ORDER BY missing > 0 DESC, lost > 0 DESC, last_ingested DESC, source_id, partition
LIMIT {limit:UInt32} OFFSET {offset:UInt32}