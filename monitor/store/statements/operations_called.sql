-- What was called of some callees, by operation and version pair: hours where whole hours are published, else windows.
WITH
    hours AS (
        SELECT windows.window AS at, argMax(windows.generation, seq) AS number
        FROM windows
        WHERE level = 1 AND seq <= {seq:UInt64} AND windows.window >= toDateTime({since:UInt32}) AND windows.window + 3600 <= toDateTime({until:UInt32})
        GROUP BY at
    ),
    tens AS (
        SELECT windows.window AS at, argMax(windows.generation, seq) AS number
        FROM windows
        WHERE level = 0 AND seq <= {seq:UInt64} AND windows.window >= toDateTime({since:UInt32}) AND windows.window < toDateTime({until:UInt32})
        GROUP BY at
        HAVING toStartOfHour(at) NOT IN (SELECT at FROM hours)
    ),
    cells AS (
        SELECT * FROM edge_windows WHERE (window, generation) IN (SELECT at, number FROM tens) AND callee IN {callees:Array(String)}
        UNION ALL
        SELECT * FROM edge_hours WHERE (window, generation) IN (SELECT at, number FROM hours) AND callee IN {callees:Array(String)}
    )
SELECT
    e.environment AS environment, e.caller AS caller, e.caller_version AS caller_version, e.callee AS callee, e.callee_version AS callee_version,
    e.operation AS operation, sum(e.calls) AS calls, sum(e.valid) AS kept, sum(e.violated) AS broken,
    min(e.window) AS first_seen, max(e.window) AS last_seen
FROM cells AS e
WHERE {environment:String} = '' OR e.environment = {environment:String}
GROUP BY environment, caller, caller_version, callee, callee_version, operation
ORDER BY operation, environment, caller, caller_version, callee_version
