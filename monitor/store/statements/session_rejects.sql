-- What of a test run could not be read, from a place on in its spans and in its API logs.
SELECT r.reason AS reason, sum(r.count) AS count
FROM rejects AS r FINAL
WHERE (r.source_id = {spans:String} AND r.offset >= {spans_from:UInt64}) OR (r.source_id = {logs:String} AND r.offset >= {logs_from:UInt64})
GROUP BY reason
ORDER BY count DESC, reason
