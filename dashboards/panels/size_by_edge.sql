-- Which edges have the most rows, and so take the most room?
{% include "parts/published.sql" %}
SELECT environment, caller_namespace, caller, callee_namespace, callee, count() AS rows, uniqExact(operation) AS operations, uniqExact(caller_version, callee_version) AS version_pairs, sum(calls) AS calls, count() OVER () AS in_all
FROM edge_windows
WHERE window >= {since:DateTime} AND window < {until:DateTime}
    AND (window, generation) IN (SELECT at, published_generation FROM published)
GROUP BY environment, caller_namespace, caller, callee_namespace, callee
ORDER BY rows DESC, environment, caller_namespace, caller, callee_namespace, callee
LIMIT {limit:UInt32} OFFSET {offset:UInt32}