-- What the windows `due` and their neighbours hold: what none of them has need not be joined or collapsed.
SELECT
    countIf(window IN {due:Array(UInt32)} AND (kind IN (4, 5) OR protocol = 'messaging')) AS messages,
    (SELECT count() FROM exchanges WHERE window IN {near:Array(UInt32)}) AS exchanges,
    (SELECT count() FROM violations WHERE window IN {due:Array(UInt32)} AND has_trace = 1) AS violations,
    -- servers under one client; rarely also a span sent twice, or two clients whose ids agree in 64 bits
    countIf(side = 2 AND kind = 2) - uniqExactIf(reinterpretAsUInt64(call_span), side = 2 AND kind = 2) AS crowded,
    -- spans sent again, perhaps with another end or parent; a consumer's links are told apart
    count() - uniqExact(
-- include span_number
    ) AS resent,
    -- consumers that only receive, in this run or, of what it processes, long before
    (SELECT count() FROM (SELECT 1 FROM message_ends WHERE step != 0 LIMIT 1)) AS receives,
    -- spans of a window's length or more that end in one of these windows, or later and began before
    (SELECT count() FROM long_spans
     WHERE window >= arrayMin({due:Array(UInt32)}) - 10 AND began <= arrayMax({due:Array(UInt32)}) + 10) AS long
FROM halves
WHERE window IN {around:Array(UInt32)}
