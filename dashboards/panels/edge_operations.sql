-- Which operations does an edge have, and how is each?
{% include "parts/published.sql" %}
SELECT
    environment, caller_namespace, caller, callee_namespace, callee, protocol, operation,
    sum(calls) AS calls, greatest(sum(edge_windows.failed), sum(edge_windows.server_error) + sum(edge_windows.timeout)) AS failed,
    sum(edge_windows.provider_only['server_error'] + edge_windows.provider_only['timeout']) AS failed_by_provider_only, sum(valid) AS valid, sum(violated) AS violated,
    uniqExact(caller_version, callee_version) AS version_pairs,
    count() OVER () AS in_all
FROM edge_windows
WHERE window >= {since:DateTime} AND window < {until:DateTime}
    AND (window, generation) IN (SELECT at, published_generation FROM published)
    AND ({environment:String} = '' OR environment = {environment:String})
    AND ({caller:String} IN ('', caller, concat(caller_namespace, '/', caller)))
    AND ({callee:String} IN ('', callee, concat(callee_namespace, '/', callee)))
    AND ({protocol:String} = '' OR protocol = {protocol:String})
    AND ({operation:String} = '' OR operation = {operation:String})
GROUP BY environment, caller_namespace, caller, callee_namespace, callee, protocol, operation
ORDER BY violated > 0 DESC, failed >= 0.05 * calls DESC, calls DESC, environment, caller_namespace, caller, callee_namespace, callee, protocol, operation
LIMIT {limit:UInt32} OFFSET {offset:UInt32}