-- Which service calls which, how much of it fails, and how much breaks its contract? The worst first, and how many there are in all.
{% include "parts/cells.sql" %}
SELECT
    environment, caller_namespace, caller, callee_namespace, callee, protocol,
    -- failed by either side's word, by its status or its code; and of these what only the provider tells of
    sum(calls) AS calls, greatest(sum(e.failed), sum(e.server_error) + sum(e.timeout)) AS failed,
    sum(e.provider_only['server_error'] + e.provider_only['timeout']) AS failed_by_provider_only, sum(e.timeout) AS timeouts,
    sum(valid) AS valid, sum(violated) AS violated,
    sum(arraySum(mapValues(not_checked))) AS not_checked,
    sum(both) AS both, sum(client_only) AS client_only, sum(server_only) AS server_only, sum(log_only) AS log_only,
    max(sampling) AS sampling,
    uniqExact(operation) AS operations,
    min(window) AS first_window, max(window + step - 10) AS last_window,
    count() OVER () AS in_all
FROM cells AS e
WHERE ({environment:String} = '' OR environment = {environment:String})
GROUP BY environment, caller_namespace, caller, callee_namespace, callee, protocol
ORDER BY violated > 0 DESC, failed >= 0.05 * calls DESC, sampling = 2 OR both = 0 DESC, calls DESC, environment, caller_namespace, caller, callee_namespace, callee, protocol
LIMIT {limit:UInt32} OFFSET {offset:UInt32}