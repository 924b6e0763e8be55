-- Calls since then in which a clause of these callees' contracts could have shown: exchanges that were judged, and calls whose time is known.
SELECT kind, environment, callee, operation, caller
FROM (
    SELECT 'judged' AS kind, environment, callee, operation, caller
    FROM exchanges
    WHERE window >= toDateTime({since:UInt32}) AND callee IN {callees:Array(String)} AND checked IN ('valid', 'violated')
    GROUP BY environment, callee, operation, caller
    UNION ALL
    SELECT 'timed' AS kind, environment, callee, operation, caller
    FROM edge_hours
    WHERE window >= toStartOfHour(toDateTime({since:UInt32})) AND callee IN {callees:Array(String)} AND calls > 0
    GROUP BY environment, callee, operation, caller
)
ORDER BY kind, environment, callee, operation, caller
LIMIT {limit:UInt32}
