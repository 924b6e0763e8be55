-- Who sent the messages of these spans (trace and span as hex, one text each), as far as their spans have come.
SELECT lower(concat(hex(h.trace), hex(h.call_span))) AS message, argMax(h.service, h.content_hash) AS service,
       argMax(h.version, h.content_hash) AS version, argMax(h.namespace, h.content_hash) AS namespace,
       argMax(h.environment, h.content_hash) AS environment
FROM halves AS h
WHERE h.side = 1
  AND h.window IN (
    SELECT window FROM message_ends
    WHERE side = 1 AND (trace, call_span) IN (
        SELECT toFixedString(unhex(substring(one, 1, 32)), 16), toFixedString(unhex(substring(one, 33, 16)), 8)
        FROM (SELECT arrayJoin({messages:Array(String)}) AS one)))
  AND (h.trace, h.call_span) IN (
    SELECT toFixedString(unhex(substring(one, 1, 32)), 16), toFixedString(unhex(substring(one, 33, 16)), 8)
    FROM (SELECT arrayJoin({messages:Array(String)}) AS one))
GROUP BY message
