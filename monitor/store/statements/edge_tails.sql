-- How long the calls of one callee took in sealed windows, by edge and callee's version.
{% include "parts/sealed_windows.sql" %}
SELECT
    e.environment AS environment, e.caller AS caller, e.callee AS callee, e.operation AS operation, e.callee_version AS callee_version,
    sum(e.calls) AS calls, sumMap(e.client_histogram) AS client_histogram, sumMap(e.server_histogram) AS server_histogram,
    min(e.window) AS first_window, max(e.window) AS last_window
FROM edge_windows AS e
INNER JOIN tens ON e.window = tens.at AND e.generation = tens.number
WHERE e.window >= toDateTime({since:UInt32}) AND e.window < toDateTime({until:UInt32})
  AND e.callee IN {callees:Array(String)}
  AND ({environment:String} = '' OR e.environment = {environment:String})
GROUP BY environment, caller, callee, operation, callee_version
ORDER BY environment, caller, operation, first_window, callee_version
