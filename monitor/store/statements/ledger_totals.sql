-- What became of every record, by source and partition; offsets tile the log when records + lost = last - first + 1 + gap before the first.
SELECT source_id, any(l.topic) AS topic, l.partition AS partition, count() AS records, min(l.offset) AS first_offset, max(l.offset) AS last_offset,
       sum(greatest(l.gap, counted.gap)) AS lost, sum(l.spans) AS spans, sum(l.halves) AS halves, sum(l.filtered) AS filtered, sum(l.rejected) AS rejected,
       sum(l.exchanges) AS exchanges
FROM ledger AS l FINAL
ANY LEFT JOIN (SELECT source_id, partition, offset, gap FROM losses FINAL) AS counted USING (source_id, partition, offset)
GROUP BY source_id, partition
ORDER BY topic, source_id, partition
