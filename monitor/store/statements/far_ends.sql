-- Windows in which the other ends of these messages stand (trace and span as hex, one text each).
SELECT DISTINCT toUInt32(m.window) AS window FROM message_ends AS m
WHERE (trace, call_span) IN (
    SELECT toFixedString(unhex(substring(one, 1, 32)), 16), toFixedString(unhex(substring(one, 33, 16)), 8)
    FROM (SELECT arrayJoin({messages:Array(String)}) AS one))
