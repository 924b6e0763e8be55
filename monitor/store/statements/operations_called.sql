-- What was called of some callees, by operation and version pair: hours where whole hours are published, else windows.
WITH
{% include "parts/published.sql" %}
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
