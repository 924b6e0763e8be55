-- Which operations does an edge have, and how is each?
{% include "parts/cells.sql" %}
SELECT
    environment, caller_namespace, caller, callee_namespace, callee, protocol, operation,
    sum(calls) AS calls, greatest(sum(e.failed), sum(e.server_error) + sum(e.timeout)) AS failed,
    sum(e.provider_only['server_error'] + e.provider_only['timeout']) AS failed_by_provider_only, sum(valid) AS valid, sum(violated) AS violated,
    uniqExact(caller_version, callee_version) AS version_pairs,
    count() OVER () AS in_all
FROM cells AS e
WHERE ({environment:String} = '' OR environment = {environment:String})
{% include "parts/of_edge.sql" %}
    AND ({protocol:String} = '' OR protocol = {protocol:String})
    AND ({operation:String} = '' OR operation = {operation:String})
GROUP BY environment, caller_namespace, caller, callee_namespace, callee, protocol, operation
ORDER BY violated > 0 DESC, failed >= 0.05 * calls DESC, calls DESC, environment, caller_namespace, caller, callee_namespace, callee, protocol, operation
LIMIT {limit:UInt32} OFFSET {offset:UInt32}