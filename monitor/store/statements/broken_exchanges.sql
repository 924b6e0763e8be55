-- How many exchanges broke any clause, each once, and how many of them came after their window was last closed.
SELECT
    uniqExact((v.source_id, v.partition, v.offset, v.`index`)) AS exchanges,
    uniqExactIf((v.source_id, v.partition, v.offset, v.`index`), toDateTime64(v.ingested, 3) > w.closed) AS not_closed
FROM (
    SELECT window, source_id, partition, offset, `index`, ingested
    FROM violations FINAL
    WHERE window >= toDateTime({since:UInt32}) AND window < toDateTime({until:UInt32})
      AND ({environment:String} = '' OR environment = {environment:String})
      AND ({caller:String} IN ('', caller, concat(caller_namespace, '/', caller)) OR (caller_namespace = '' AND endsWith({caller:String}, concat('/', caller))))
      AND ({callee:String} IN ('', callee, concat(callee_namespace, '/', callee)) OR (callee_namespace = '' AND endsWith({callee:String}, concat('/', callee))))
      AND ({contract:String} = '' OR contract = {contract:String})
) AS v
LEFT JOIN (
    SELECT window, max(closed_at) AS closed
    FROM windows
    WHERE level = 0 AND window >= toDateTime({since:UInt32}) AND window < toDateTime({until:UInt32})
    GROUP BY window
) AS w ON v.window = w.window
