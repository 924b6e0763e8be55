-- Which edges have the most rows, and so take the most room?
-- include published
SELECT environment, caller, callee, count() AS rows, uniqExact(operation) AS operations, uniqExact(caller_version, callee_version) AS version_pairs, sum(calls) AS calls
FROM edge_windows
WHERE window >= {since:DateTime} AND window < {until:DateTime}
    AND (window, generation) IN (SELECT at, published_generation FROM published)
GROUP BY environment, caller, callee
ORDER BY rows DESC, environment, caller, callee
LIMIT {limit:UInt32}
