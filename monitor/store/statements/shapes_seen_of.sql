-- Skeletons that payloads of one provider had, by kind of exchange and by whom: how many were looked at, and for how many they stand.
WITH seen AS (
    SELECT s.environment AS environment, s.protocol AS protocol, s.operation AS operation, s.status AS status, s.side AS side,
           s.media AS media, s.callee AS callee, s.callee_namespace AS callee_namespace, s.caller AS caller,
           s.caller_namespace AS caller_namespace, s.caller_version AS caller_version, s.callee_version AS callee_version,
           s.stands_for AS stands_for, s.shape AS shape, uniqCombined64Merge(14)(s.exchanges) AS looked_at,
           min(s.first) AS first_seen, max(s.last) AS last_seen
    FROM shapes AS s
{% include "parts/shapes_of_provider.sql" %}
    GROUP BY environment, protocol, operation, status, side, media, callee, callee_namespace, caller, caller_namespace, caller_version, callee_version,
             stands_for, shape
)
SELECT s.environment AS environment, s.protocol AS protocol, s.operation AS operation, s.status AS status, s.side AS side,
       s.media AS media, s.callee AS callee, s.callee_namespace AS callee_namespace, s.caller AS caller, s.caller_namespace AS caller_namespace,
       s.caller_version AS caller_version, s.callee_version AS callee_version, s.shape AS shape,
       any(t.text) AS text, sum(s.looked_at) AS looked_at, sum(s.looked_at * s.stands_for) AS stands_for,
       min(s.first_seen) AS first_seen, max(s.last_seen) AS last_seen
FROM seen AS s
LEFT JOIN (
    SELECT shape, any(text) AS text FROM shape_texts WHERE shape IN (SELECT shape FROM seen) GROUP BY shape
) AS t ON s.shape = t.shape
GROUP BY environment, protocol, operation, status, side, media, callee, callee_namespace, caller, caller_namespace, caller_version, callee_version, shape
ORDER BY operation, status, side, media, callee, callee_namespace, caller, caller_version, callee_version, caller_namespace, environment, protocol, looked_at DESC, shape
LIMIT 200000
