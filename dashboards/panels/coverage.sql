-- Of the calls between two services, which sides were seen, and was the sampling fair? The worst seen first, and how many there are in all.
{% include "parts/cells.sql" %}
SELECT
    environment, caller_namespace, caller, callee_namespace, callee, protocol,
    sum(calls) AS calls,
    sum(both) AS both, sum(client_only) AS client_only, sum(server_only) AS server_only, sum(log_only) AS log_only,
    sum(e.both) / greatest(sum(e.calls), 1) AS both_share,
    sum(valid) + sum(violated) AS checked,
    sumMap(not_checked) AS not_checked,
    sumIf(e.calls, e.sampling = 0) AS unsampled, sumIf(e.calls, e.sampling = 1) AS head_sampled, sumIf(e.calls, e.sampling = 2) AS biased,
    sum(weighted_calls) AS weighted_calls,
    countIf(caller_version = '' OR callee_version = '') AS rows_without_version,
    count() OVER () AS in_all
FROM cells AS e
WHERE ({environment:String} = '' OR environment = {environment:String})
GROUP BY environment, caller_namespace, caller, callee_namespace, callee, protocol
ORDER BY biased > 0 DESC, both_share < 0.5 DESC, calls DESC, environment, caller_namespace, caller, callee_namespace, callee, protocol
LIMIT {limit:UInt32} OFFSET {offset:UInt32}